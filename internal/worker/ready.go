package worker

import (
	"errors"
	"time"
)

// quietFor is how long a worker may give no sign of life; others count it as dead by then.
const quietFor = 10 * time.Second

// ErrQuiet says that a worker gives no sign of life, because Redis is away or its reaper got stuck.
var ErrQuiet = errors.New("the worker has given no sign of life of late: others work its orders")

func (r *Reaper) alive(err error) {
	if err == nil {
		r.beaten.Store(time.Now().UnixNano())
	}
}

// Ready reports whether the reaper, which has to run, gives signs of life and looks for lost orders.
func (r *Reaper) Ready() error {
	if time.Since(time.Unix(0, r.beaten.Load())) > quietFor {
		return ErrQuiet
	}
	return nil
}
