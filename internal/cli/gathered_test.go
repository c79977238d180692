package cli

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes remembers each write.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(b))
	return len(b), nil
}

func (w *writes) want(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprintf("%q", w.all) != fmt.Sprintf("%q", want) {
		t.Errorf("written: %q, want %q", w.all, want)
	}
}

func TestLinesInQuickSuccessionAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		g := &gathered{to: w}
		fmt.Fprintln(g, "first")
		w.want(t, "first\n")
		fmt.Fprintln(g, "second")
		fmt.Fprintln(g, "third")
		w.want(t, "first\n")
		time.Sleep(gatherFor)
		synctest.Wait()
		w.want(t, "first\n", "second\nthird\n")
		time.Sleep(gatherFor)
		fmt.Fprintln(g, "after a pause")
		w.want(t, "first\n", "second\nthird\n", "after a pause\n")
	})
}

func TestManyLinesDoNotWaitNorDoesTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		g := &gathered{to: w}
		fmt.Fprintln(g, "first")
		long := strings.Repeat("x", gatherAtMost)
		fmt.Fprint(g, long)
		w.want(t, "first\n", long)
		fmt.Fprintln(g, "last")
		if err := g.Flush(); err != nil {
			t.Error(err)
		}
		w.want(t, "first\n", long, "last\n")
		time.Sleep(gatherFor)
		synctest.Wait()
		w.want(t, "first\n", long, "last\n")
	})
}
