package redisconn

// Waiting returns how many scripts wait for a flight.
func (c *Conn) Waiting() int {
	t := c.together.(togetherHook)
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting)
}

// Begin remembers who the master is; see Named.
func (n Named) Begin() (still func() bool) { return n.begin() }
