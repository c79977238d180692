package queue

import (
	"fmt"
	"sync"
	"time"
)

// inFlight counts the handlers that run. asynq counts slots, and gives a slot away while its handler goes on.
type inFlight struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed once nothing runs and nothing may begin
}

func newInFlight() *inFlight { return &inFlight{idle: make(chan struct{})} }

// begin reports whether a handler may run. Each true is followed by one end.
func (f *inFlight) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.n++
	return true
}

func (f *inFlight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	f.settle()
}

func (f *inFlight) settle() {
	if f.closed && f.n == 0 {
		close(f.idle)
	}
}

// wait lets nothing begin any more and returns when all have ended, or at the deadline with an error.
func (f *inFlight) wait(deadline time.Time) error {
	f.mu.Lock()
	f.closed = true
	f.settle()
	f.mu.Unlock()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-f.idle:
		return nil
	case <-timer.C:
		return f.late()
	}
}

func (f *inFlight) late() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == 0 {
		return nil
	}
	return fmt.Errorf("%d tasks were still being worked when the time to shut down was up", f.n)
}
