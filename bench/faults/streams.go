package main

import (
	"time"

	"defib/internal/dockertest"
)

// streams are faults of the event stream.
func streams() []fault {
	cut := func(inMidLine bool) step { return simply(func(s *stage) { s.Engine.CutStreams(inMidLine) }) }
	mute := func(on bool) step { return simply(func(s *stage) { s.Engine.MuteStreams(on) }) }
	half := dockertest.Fault{Half: true}
	return []fault{
		{
			name:   "the stream is cut at a line's end",
			said:   "A proxy ends streams after a while.",
			breaks: all(cut(false), sicken),
		},
		{
			name:   "the stream is cut in mid-line",
			said:   "A connection broke.",
			breaks: all(cut(true), sicken),
		},
		{
			name:   "each stream is cut after its headers, for 5 s",
			said:   "A proxy takes the request and has no engine behind it.",
			breaks: all(calls(half, "events"), cut(true), sicken, wait(5*time.Second)),
			mend:   callsWork,
		},
		{
			name:   "each new stream is refused with 500, for 5 s",
			said:   "The engine is there, its events are not.",
			breaks: all(calls(dockertest.Fault{Status: 500, Body: "no events"}, "events"), cut(true), sicken, wait(5*time.Second)),
			mend:   callsWork,
		},
		{
			name:   "the stream stays open and is silent",
			said:   "A firewall forgot the connection.",
			breaks: all(mute(true), afterList, sicken),
			long:   true,
		},
		{
			name: "the stream is silent, and lists hang for 45 s",
			said: "Nothing is heard, and nothing can be asked.",
			goal: goal{bad: true, within: lastAnswer}, long: true, byEngine: true,
			breaks: all(mute(true), calls(dockertest.Fault{Hang: true}, "list", "inspect", "ping"), sicken, wait(45*time.Second)),
			mend:   all(callsWork, mute(false), cut(false)),
		},
	}
}
