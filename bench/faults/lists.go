package main

import (
	"time"

	"defib/internal/dockertest"
)

// lists are faults of the list that makes up for lost events. In half of them
// the events are lost too.
func lists() []fault {
	lose := simply(func(s *stage) { s.Engine.DropEvents(true) })
	var faults []fault
	for _, f := range []struct {
		name, said string
		fault      dockertest.Fault
	}{
		{"lists take 5 s", "docker ps is slow on this host.", dockertest.Fault{Delay: 5 * time.Second}},
		{"lists fail", "docker ps says no.", dockertest.Fault{Status: 500, Body: "layer does not exist"}},
		{"lists are truncated", "A proxy cuts long answers.", dockertest.Fault{Half: true}},
		{"lists never answer", "docker ps hangs.", dockertest.Fault{Hang: true}},
	} {
		faults = append(faults, fault{name: f.name, said: f.said, breaks: all(calls(f.fault, "list"), afterList, sicken, unwell, wait(2*time.Second)), mend: callsWork})
	}
	return append(faults,
		fault{
			name: "lists take 5 s, and events are lost", said: "docker ps is slow, and events went missing.", long: true,
			breaks: all(calls(dockertest.Fault{Delay: 5 * time.Second}, "list"), lose, afterList, sicken), goal: goal{within: nextList + 5*time.Second},
		},
		fault{
			name: "lists are truncated for 20 s, and events are lost", said: "Nothing can be heard or seen.", long: true, byEngine: true,
			breaks: all(calls(dockertest.Fault{Half: true}, "list"), lose, sicken, wait(20*time.Second)), mend: callsWork,
		},
	)
}
