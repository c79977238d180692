package queue

// Pool is handlers that several Servers share, for each lane: so that a process which works many namespaces works no more at once than
// one that works a single namespace. Tasks are fetched once a handler is free for them.
type Pool struct{ free chan struct{} }

// NewPool returns a pool of so many handlers.
func NewPool(handlers int) *Pool {
	p := &Pool{free: make(chan struct{}, handlers)}
	for range handlers {
		p.free <- struct{}{}
	}
	return p
}

// take waits for a handler, and takes up to n; none, once closed is.
func (p *Pool) take(n int, closed <-chan struct{}) (taken int) {
	select {
	case <-closed:
		return 0
	case <-p.free:
		taken = 1
	}
	for taken < n {
		select {
		case <-p.free:
			taken++
		default:
			return taken
		}
	}
	return taken
}

// giveBack gives handlers back. More than there are it does not keep: nobody is to wait for that.
func (p *Pool) giveBack(n int) {
	for range n {
		select {
		case p.free <- struct{}{}:
		default:
		}
	}
}
