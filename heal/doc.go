// Package heal judges what to do about an unhealthy container. It is pure: it
// imports no Docker, no logger and no network, starts no goroutine and reads
// no clock. The same input always gives the same output.
//
// The caller owns one State per container and does three things:
//
//  1. It turns whatever it learns (a list entry, an engine event, the result
//     of an inspection, the outcome of an action, the ringing of a timer) into
//     an Event and calls Decide, with its own idea of now.
//  2. It stores the returned State and carries out the returned actions, in
//     their order. Outcomes come back as Events: Looked after a Look,
//     Finished after a Restart, Stop or Start.
//  3. It calls Decide with Woke at State.WakeAt and State.Trouble.WakeAt,
//     where they are not zero.
//
// Durations are judged by the caller's clock only. Times that come from the
// engine (StartedAt, probe times, the time of a kill) are compared with each
// other and never with now, so that a remote or jumping clock does no harm.
package heal
