package heal

import (
	"testing"
	"time"
)

// TestOwnerOutOfSight: while an owner cannot be looked at its dependent is
// neither restarted nor forgotten.
func TestOwnerOutOfSight(t *testing.T) {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	p := policies()[0]
	s, actions := Decide(p, State{}, OwnerStarted{Owner{ID: "vpn", Name: "vpn", Tie: TieNamespace, Ours: true}}, now)
	if len(actions) != 1 {
		t.Fatalf("the start of its owner leads to %v", actions)
	}
	seen := Looked{Sighting: Sighting{Health: Healthy, Status: StatusRunning, StartedAt: now.Add(-time.Hour)}}
	s, actions = Decide(p, s, seen, now)
	if len(actions) != 0 || len(s.After) != 1 || s.Hold != HoldOwner || s.WakeAt.IsZero() {
		t.Fatalf("without a word on its owner: %v, %+v", actions, s)
	}
	now = s.WakeAt
	s, _ = Decide(p, s, Woke{}, now)
	seen.Owners = []OwnerSeen{{ID: "vpn", Name: "vpn", Tie: TieNamespace, Status: StatusRunning, Health: Healthy, StartedAt: now.Add(-time.Minute)}}
	_, actions = Decide(p, s, seen, now)
	if len(actions) != 1 {
		t.Fatalf("when its owner is seen again: %v", actions)
	}
	if act, ok := actions[0].(Act); !ok || act.Verb != Restart {
		t.Errorf("when its owner is seen again: %+v", actions[0])
	}
}
