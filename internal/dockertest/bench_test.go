package dockertest_test

import (
	"fmt"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"defib/internal/dockertest"
)

func fleet(e *dockertest.Engine, n int) {
	for i := range n {
		e.Run(dockertest.Spec{
			Name:   fmt.Sprintf("web-%d", i),
			Health: &dockertest.Health{},
			Labels: map[string]string{"autoheal": "true", "com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
		})
	}
}

func BenchmarkList1000(b *testing.B) {
	e, cli := serve(b, dockertest.Options{})
	fleet(e, 1000)
	for b.Loop() {
		list, err := cli.ContainerList(b.Context(), container.ListOptions{})
		if err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkListUnhealthyOf1000(b *testing.B) {
	e, cli := serve(b, dockertest.Options{})
	fleet(e, 1000)
	for b.Loop() {
		list, err := cli.ContainerList(b.Context(), container.ListOptions{Filters: filters.NewArgs(filters.Arg("health", "unhealthy"))})
		if err != nil || len(list) != 0 {
			b.Fatal(len(list), err)
		}
	}
}

// BenchmarkEventFanOut is one change of health, seen by ten streams.
func BenchmarkEventFanOut(b *testing.B) {
	e, cli := serve(b, dockertest.Options{})
	fleet(e, 1)
	var streams []<-chan events.Message
	for range 10 {
		msgs, _ := cli.Events(b.Context(), events.ListOptions{})
		streams = append(streams, msgs)
	}
	health := [...]string{"healthy", "unhealthy"}
	for i := 0; b.Loop(); i++ {
		must(b, e.SetHealth("web-0", health[i%2], ""))
		for _, msgs := range streams {
			<-msgs
		}
	}
}
