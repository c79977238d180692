package mail

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// maxHeard bounds what a server may say about one email. A real one says some 500 bytes.
const maxHeard = 256 << 10

var errTalkative = errors.New("the server says too much")

// wire is the connection below TLS. It knows what the protocol above does not tell: whether everything that was written
// went out. If not, the server cannot have seen the end of the email.
type wire struct {
	net.Conn

	mu      sync.Mutex
	ctx     context.Context // of the email that is being sent; nil when none is
	stop    func() bool
	cutOff  bool // a write failed
	heard   int  // bytes, for the email that is being sent
	stopped bool // ctx ended
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heard += n; w.heard > maxHeard {
		return 0, errTalkative
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err != nil {
		w.mu.Lock()
		w.cutOff = true
		w.mu.Unlock()
	}
	return n, err
}

// attach has everything on the wire end with ctx.
func (w *wire) attach(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.heard, w.stopped = ctx, 0, false
	w.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ctx == ctx {
			w.stopped = true
			w.Conn.SetDeadline(time.Now())
		}
	})
}

func (w *wire) detach() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
	w.ctx, w.stop = nil, nil
}

// allow gives the next command its time. Zero: as much as ctx has.
func (w *wire) allow(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped:
	case d == 0:
		w.Conn.SetDeadline(time.Time{})
	default:
		w.Conn.SetDeadline(time.Now().Add(d))
	}
}

// wroteAll reports whether no write failed.
func (w *wire) wroteAll() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.cutOff
}
