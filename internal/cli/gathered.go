package cli

import (
	"io"
	"sync"
	"time"
)

const (
	// gatherFor is how late a line of the log may be: nobody who reads along sees it.
	gatherFor = 10 * time.Millisecond
	// gatherAtMost is when lines are written at once all the same, in bytes.
	gatherAtMost = 32 << 10
)

// gathered writes lines that come in quick succession together: a system call for each of thousands of lines a second takes a
// tenth of a worker's CPU. A line after a pause is written at once. Only a process that is killed loses lines, those of its last
// 10 ms; what is true of an order is in the ledger.
type gathered struct {
	mu    sync.Mutex
	to    io.Writer
	lines []byte
	last  time.Time // when lines were written
	armed bool      // a timer will write what is there
}

// Write takes whole lines.
func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line...)
	if !g.armed && time.Since(g.last) >= gatherFor || len(g.lines) >= gatherAtMost {
		return len(line), g.write()
	}
	if !g.armed {
		g.armed = true
		time.AfterFunc(gatherFor, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.armed = false
			_ = g.write()
		})
	}
	return len(line), nil
}

// Flush writes what is there.
func (g *gathered) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write()
}

func (g *gathered) write() error {
	if len(g.lines) == 0 {
		return nil
	}
	_, err := g.to.Write(g.lines)
	g.lines, g.last = g.lines[:0], time.Now()
	return err
}
