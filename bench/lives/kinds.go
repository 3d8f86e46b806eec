package lives

import (
	"time"

	"defib/internal/dockertest"
)

// kind is a way to be in trouble.
type kind struct {
	spec     dockertest.Spec
	hopeless bool          // no restart helps: a person removes it
	onlyTold bool          // defib does not touch it: a person cures it
	unstarts time.Duration // for so long no start of it succeeds
}

// kinds are ten, since a chat's message of many names no more.
func kinds() []kind {
	heals := kind{spec: dockertest.Spec{Name: "heals", Health: &dockertest.Health{HealedByRestart: true}}}
	slow := kind{spec: dockertest.Spec{
		Name: "slow", StopTakes: 300 * time.Millisecond, StartTakes: 300 * time.Millisecond,
		Health: &dockertest.Health{HealedByRestart: true},
	}}
	hopeless := kind{spec: dockertest.Spec{Name: "hopeless", Health: &dockertest.Health{}}, hopeless: true}
	refused := kind{spec: dockertest.Spec{Name: "refused", Health: &dockertest.Health{HealedByRestart: true}}, unstarts: 3 * time.Second}
	watched := kind{spec: dockertest.Spec{
		Name: "watched", Health: &dockertest.Health{}, Labels: map[string]string{"autoheal.action": "notify"},
	}, onlyTold: true}
	return []kind{heals, slow, slow, hopeless, hopeless, refused, refused, watched, watched, watched}
}
