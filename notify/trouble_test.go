package notify

import (
	"strings"
	"testing"
	"time"

	"defib/heal"
)

// addTroubles adds the notices of troubles and of started containers to those
// whose words are held in testdata.
func addTroubles(add func(string, func(*heal.Notice))) {
	trouble := func(name string, r heal.Reason, after time.Duration, change func(*heal.Notice)) {
		add(name, func(n *heal.Notice) {
			n.Reason, n.Attempt, n.Budget, n.Took, n.Probe = r, 0, 0, 0, heal.Probe{}
			n.At = n.Since.Add(after)
			change(n)
		})
	}
	trouble("crash-loop", heal.CrashLooping, 2*time.Minute, func(*heal.Notice) {})
	trouble("crash-loop-over", heal.Recovered, time.Hour, func(n *heal.Notice) { n.Ended = heal.CrashLooping })
	trouble("crash-loop-down", heal.ExitedByItself, time.Hour, func(n *heal.Notice) { n.Ended, n.ExitCode = heal.CrashLooping, 139 })
	trouble("out-of-memory", heal.OutOfMemory, 0, func(n *heal.Notice) {
		n.ExitCode, n.Detail = 137, "Docker's restart policy started it again."
	})
	trouble("out-of-memory-in-part", heal.OutOfMemory, 0, func(n *heal.Notice) {
		n.Detail = "Only a process in it was killed: the container itself runs on."
	})
	trouble("stuck-starting", heal.StuckStarting, 4*time.Minute, func(*heal.Notice) {})
	trouble("stuck-starting-over", heal.Recovered, time.Hour, func(n *heal.Notice) { n.Ended = heal.StuckStarting })
	trouble("started", heal.Restarted, time.Second, func(n *heal.Notice) {
		n.Exited, n.ExitCode, n.Attempt, n.Budget = true, 1, 1, 5
	})
	trouble("start-failed", heal.RestartFailed, time.Second, func(n *heal.Notice) {
		n.Exited, n.ExitCode, n.Err, n.Next = true, 1, "no such network", n.At.Add(time.Second)
	})
	trouble("starts-given-up", heal.GaveUp, 20*time.Minute, func(n *heal.Notice) {
		n.Exited, n.ExitCode, n.Attempt, n.Next = true, 1, 5, n.At.Add(33*time.Minute)
	})
	trouble("left-down", heal.ExitedByItself, time.Second, func(n *heal.Notice) {
		n.Exited, n.Detail = true, "Whether somebody stopped it could not be heard at that time, so it is left down."
	})
	trouble("started-recovered", heal.Recovered, time.Minute, func(n *heal.Notice) { n.Exited, n.ExitCode, n.Attempt = true, 1, 1 })
}

// TestTroublesHaveWords: whichever trouble ends in whichever way, the first
// word says whether somebody has something left to do.
func TestTroublesHaveWords(t *testing.T) {
	for _, ended := range []heal.Reason{heal.CrashLooping, heal.OutOfMemory, heal.StuckStarting} {
		for r := heal.Recovered; r <= heal.Removed; r++ {
			n := unhealthy()
			n.Reason, n.Ended = r, ended
			holdsTitle(t, n)
		}
	}
	for _, r := range []heal.Reason{
		heal.Restarted, heal.RestartFailed, heal.StillUnhealthy, heal.GaveUp, heal.Recovered, heal.StoppedByOther, heal.ExitedByItself, heal.Removed,
	} {
		n := unhealthy()
		n.Reason, n.Exited, n.ExitCode = r, true, 3
		holdsTitle(t, n)
	}
}

func holdsTitle(t *testing.T, n heal.Notice) {
	t.Helper()
	m := tell(alert{Notice: n, Host: "host1"}, n.At)
	if strings.HasPrefix(m.title, "[RESOLVED] ") != n.Reason.Resolves() || !strings.Contains(m.title, "shop-web-1") ||
		strings.Contains(m.title, "needs attention") {
		t.Errorf("%s (ended: %s, exited: %v): %s", n.Reason, n.Ended, n.Exited, m.title)
	}
}
