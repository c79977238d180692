package redisconn

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const expiryInterval = 250 * time.Millisecond

// embedded is a miniredis in this process, on a loopback port, whose keys expire by the wall clock.
type embedded struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	done   sync.WaitGroup
}

func startEmbedded() (*embedded, error) {
	server, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Redis: %w", err)
	}
	e := &embedded{server: server, stop: make(chan struct{})}
	e.done.Go(e.expire)
	return e, nil
}

func (e *embedded) addr() string { return e.server.Addr() }

// expire drives the clock of expiry, which stands still in miniredis. Its own ClockTTL visits every key that can
// expire at each command; this visits them four times a second.
func (e *embedded) expire() {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-e.stop:
			return
		case now := <-ticker.C:
			e.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (e *embedded) close() {
	close(e.stop)
	e.done.Wait()
	e.server.Close()
}
