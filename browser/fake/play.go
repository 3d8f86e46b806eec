package fake

import (
	"context"
	"time"
)

// Play lets something happen now and then, for people who look: a container
// falls sick, is restarted in vain, and is well again.
func Play(ctx context.Context, w *World, name string, step time.Duration) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for k := 0; ; k++ {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			switch k % 5 {
			case 0, 2:
				w.Restarted(name, refused, now)
			case 1:
				w.StillUnhealthy(name, now, now.Add(step))
			case 3:
				w.Recovered(name, now)
			}
		}
	}
}
