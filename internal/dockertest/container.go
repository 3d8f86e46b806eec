package dockertest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// container is one container. The engine's lock guards it.
type container struct {
	id, name string
	spec     Spec
	created  time.Time
	// Made once, since lists are long.
	imageID, networkID string
	podman             bool // its engine is one

	running    bool // also while paused or restarting, as in Docker
	paused     bool
	restarting bool // waits for its restart policy
	removing   bool
	oomKilled  bool
	exitCode   int
	failure    string // why the last start failed
	startedAt  time.Time
	finishedAt time.Time

	starts   int           // numbers the runs, so that an old run's timers change nothing
	exited   chan struct{} // closed when this run, or the wait for the next, is over
	starting chan struct{} // non-nil during a slow start; closed at its end
	ending   *alarm        // the process is on its way out
	stopping int           // calls of stop and restart that wait for the exit

	// The restart policy (facts 4.9 and 4.10).
	policyOff     bool // the engine was told to stop it: no policy restart after this exit
	manualStop    bool // a person's or, after a crash, the booting engine's stop
	manualRestart bool
	policyCount   int
	backOff       time.Duration
	nextStart     *alarm

	restarts   int
	sickStarts int // starts since it turned sick
	sickness   int // numbers the sicknesses, so that the end of an old one changes nothing
	health     *health
}

// refusal is an error answer of the API.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

// find resolves a full id, a name or an unambiguous beginning of an id, in
// Docker's order. Called with the lock held.
func (e *Engine) find(ref string) (*container, error) {
	if c := e.byID[ref]; c != nil {
		return c, nil
	}
	if c := e.byName[strings.TrimPrefix(ref, "/")]; c != nil {
		return c, nil
	}
	var found *container
	for _, c := range e.all {
		if ref == "" || !strings.HasPrefix(c.id, ref) {
			continue
		}
		if found != nil {
			return nil, refuse(http.StatusInternalServerError, "Multiple IDs found with provided prefix: %s", ref)
		}
		found = c
	}
	if found == nil {
		return nil, e.noSuch(ref)
	}
	return found, nil
}

func (e *Engine) noSuch(ref string) error {
	if e.opts.Podman {
		return refuse(http.StatusNotFound, "no container with name or ID %q found: no such container", ref)
	}
	return refuse(http.StatusNotFound, "No such container: %s", ref)
}

// create adds a container. Called with the lock held.
func (e *Engine) create(s Spec) (*container, error) {
	s = s.clone()
	if s.Image == "" {
		s.Image = "app:1"
	}
	if e.byName[s.Name] != nil && s.Name != "" {
		return nil, e.nameTaken(s.Name)
	}
	id := e.newID("container")
	if s.Name == "" {
		s.Name = "dockertest_" + id[:8]
	}
	var err error
	if s.NetworkMode, err = e.normalMode(s.NetworkMode); err != nil {
		return nil, err
	}
	if s.PidMode, err = e.normalMode(s.PidMode); err != nil {
		return nil, err
	}
	e.sharing = e.sharing || s.PidMode != ""
	c := &container{
		podman: e.opts.Podman,
		id:     id, name: s.Name, spec: s, created: time.Now(), exited: make(chan struct{}),
		imageID: "sha256:" + stableID(s.Image), networkID: stableID(s.NetworkMode),
	}
	if s.Health != nil && !s.Health.Disabled {
		c.health = &health{status: healthStarting}
	}
	e.all = append(e.all, c)
	e.byID[c.id] = c
	e.byName[c.name] = c
	e.emit(c, "create", nil)
	return c, nil
}

// normalMode turns container:NAME into container:ID, as Docker keeps it (fact
// 5.1).
func (e *Engine) normalMode(mode string) (string, error) {
	ref, shared := strings.CutPrefix(mode, "container:")
	if !shared {
		return mode, nil
	}
	owner, err := e.find(ref)
	if err != nil {
		return "", err
	}
	return "container:" + owner.id, nil
}

func (e *Engine) nameTaken(name string) error {
	return refuse(http.StatusConflict, "Conflict. The container name %q is already in use by container %q. "+
		"You have to remove (or rename) that container to be able to reuse that name.", "/"+name, e.byName[name].id)
}

// rename gives c another name. Called with the lock held.
func (e *Engine) rename(c *container, name string) error {
	name = strings.TrimPrefix(name, "/")
	switch {
	case name == "":
		return refuse(http.StatusBadRequest, "Neither old nor new names may be empty")
	case name == c.name:
		return refuse(http.StatusBadRequest, "Renaming a container with the same name as its current name")
	case e.byName[name] != nil:
		taken := e.nameTaken(name)
		return refuse(http.StatusConflict, "Error when allocating new name: %s", taken)
	}
	old := c.name
	delete(e.byName, old)
	e.byName[name] = c
	c.name = name
	e.emit(c, "rename", map[string]string{"oldName": "/" + old})
	return nil
}

// forget takes c out of the books. Called with the lock held, once it stands
// still.
func (e *Engine) forget(c *container) {
	if e.byID[c.id] != c {
		return
	}
	c.stopAlarms()
	c.removing = true
	delete(e.byID, c.id)
	delete(e.byName, c.name)
	e.all = slices.DeleteFunc(e.all, func(x *container) bool { return x == c })
	if e.opts.Podman {
		e.emit(c, "remove", nil) // fact 9.3
		return
	}
	e.emit(c, "destroy", nil)
}

func (c *container) stopAlarms() {
	c.ending.stop()
	c.nextStart.stop()
	c.ending, c.nextStart = nil, nil
	c.health.rest()
}

// status gives Docker's word for the state.
func (c *container) status() string {
	switch {
	case c.paused:
		return "paused"
	case c.restarting:
		return "restarting"
	case c.running:
		return "running"
	case c.removing:
		return "removing"
	case c.starts == 0:
		return "created"
	default:
		return "exited"
	}
}

// healthStatus gives Docker's word for the health.
func (c *container) healthStatus() string {
	if c.health == nil {
		return "none"
	}
	return c.health.status
}
