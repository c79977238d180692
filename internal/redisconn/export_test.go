package redisconn

// Waiting returns how many scripts wait for a flight.
func (c *Conn) Waiting() int {
	c.together.mu.Lock()
	defer c.together.mu.Unlock()
	return len(c.together.waiting)
}
