// Package dockertest is a Docker engine without containers: it answers the
// engine's HTTP API on any listener, and its containers are a few fields and
// timers. Whatever it does it does in the real engine's wire format, order of
// events and error texts, so that the real client cannot tell the difference.
//
// Three callers move it. The client calls its API; a person (or Compose) is
// played by methods such as Stop and Rename; fate is played by Sicken, Crash,
// Down, Hang and Fail. It takes its time from the time package only, so that
// testing/synctest makes an hour of probes last milliseconds: serve on a Pipe
// there, since a socket's reads are invisible to synctest.
//
// It is part of the shipped program, which is what "defib demo" runs on: it
// imports no testing package.
//
// Numbers such as "fact 4.2" in the comments name a finding about real engines
// in the project's engine-facts.md; the contract tests hold this package, and a
// real engine where there is one, to them.
package dockertest
