package dockertest

import (
	"net/http"
	"strconv"
	"time"
)

// change carries out a request that changes a container and gives the status
// of the answer. A client that goes away meanwhile changes nothing (fact 4.6).
func (e *Engine) change(life chan struct{}, q *request) (int, error) {
	e.mu.Lock()
	c, err := e.find(q.ref)
	e.mu.Unlock()
	if err != nil {
		return 0, err
	}
	switch q.kind {
	case "restart", "stop":
		return e.stopOrRestart(life, c, q)
	case "start":
		return e.startByAPI(life, c)
	case "remove":
		force, _ := strconv.ParseBool(q.query.Get("force"))
		return http.StatusNoContent, e.remove(c, force)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch q.kind {
	case "kill":
		err = e.kill(c, q.ref, q.query.Get("signal"))
	case "pause":
		err = e.freeze(c, true)
	case "unpause":
		err = e.freeze(c, false)
	case "rename":
		err = e.rename(c, q.query.Get("name"))
	}
	return http.StatusNoContent, err
}

func (e *Engine) stopOrRestart(life chan struct{}, c *container, q *request) (int, error) {
	e.mu.Lock()
	grace, running := c.grace(), c.running
	e.mu.Unlock()
	if t := q.query.Get("t"); t != "" {
		seconds, err := strconv.Atoi(t)
		if err != nil {
			return 0, refuse(http.StatusInternalServerError, "%s", err) // fact 4.1
		}
		grace = time.Duration(seconds) * time.Second
	}
	if q.kind == "restart" {
		return http.StatusNoContent, e.restart(life, c, q.ref, grace)
	}
	if !running {
		return http.StatusNotModified, nil
	}
	return http.StatusNoContent, e.stop(life, c, grace)
}

func (e *Engine) startByAPI(life chan struct{}, c *container) (int, error) {
	e.mu.Lock()
	paused, running := c.paused, c.running && !c.restarting
	e.mu.Unlock()
	if paused {
		return 0, refuse(http.StatusConflict, "cannot start a paused container, try unpause instead")
	}
	if running {
		return http.StatusNotModified, nil
	}
	return http.StatusNoContent, e.start(life, c, true)
}
