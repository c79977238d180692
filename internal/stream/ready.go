package stream

import (
	"errors"
	"time"
)

// silentFor is how long the stream may go unread: an idle intake comes back from waiting every second, and a batch takes a
// moment while Redis is well.
const silentFor = 15 * time.Second

// ErrNotRead says that an intake does not take entries in, because Redis is away or it got stuck.
var ErrNotRead = errors.New("the stream of orders has not been read of late")

// Ready reports whether the intake, which has to run, takes entries in.
func (i *Intake) Ready() error {
	if time.Since(time.Unix(0, i.taker.read.Load())) > silentFor {
		return ErrNotRead
	}
	return nil
}
