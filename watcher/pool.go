package watcher

import "sync"

// pool does jobs in a few goroutines, in the order in which they came: when a
// thousand containers are to be looked at, a thousand goroutines would each
// hold a stack while they wait.
type pool struct {
	most int

	mu      sync.Mutex
	waiting []func()
	running int
}

// do has a job done soon. It never waits.
func (p *pool) do(job func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == p.most {
		p.waiting = append(p.waiting, job)
		return
	}
	p.running++
	go func() {
		for job := job; job != nil; job = p.next() {
			job()
		}
	}()
}

// next gives the job that has waited longest; nil ends the goroutine.
func (p *pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.running, p.waiting = p.running-1, nil
		return nil
	}
	job := p.waiting[0]
	p.waiting[0], p.waiting = nil, p.waiting[1:]
	return job
}
