package redisconn

// Waiting returns how many scripts wait for a flight.
func (c *Conn) Waiting() int {
	t := c.together.(togetherHook)
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting)
}
