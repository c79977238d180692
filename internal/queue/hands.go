package queue

import "sync"

// hands are goroutines that handlers run on. asynq begins two new ones for each task, whose stacks a handler would make
// grow, by copying them, every time.
type hands struct {
	work chan func()
	quit chan struct{}
	all  sync.WaitGroup
}

func newHands() *hands { return &hands{work: make(chan func()), quit: make(chan struct{})} }

// run runs f to its end. A panic in f is f's own business.
func (h *hands) run(f func()) {
	done := make(chan struct{})
	task := func() {
		defer close(done)
		f()
	}
	select {
	case h.work <- task:
	default: // all are busy, so one more
		h.all.Go(func() { h.serve(task) })
	}
	<-done
}

func (h *hands) serve(task func()) {
	for {
		task()
		select {
		case task = <-h.work:
		case <-h.quit:
			return
		}
	}
}

// end lets the goroutines go that have nothing to do any more. Call it once.
func (h *hands) end() { close(h.quit) }
