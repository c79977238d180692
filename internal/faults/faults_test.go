//go:build faults

package faults

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the program with its kill points, and runs the tests.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "hpplink")
	if out, err := exec.Command("go", "build", "-tags", "faults", "-o", program, "../../cmd/hpplink").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	long = os.Getenv("FAULTS") == "long"
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics log through the global logger
	return redistest.Main(m)
}

// TestFaults runs every row of the table and prints what it counted.
func TestFaults(t *testing.T) {
	seed := readSeed(t)
	t.Logf("FAULTS_SEED=%d", seed)
	var report table
	t.Run("rows", func(t *testing.T) {
		for _, r := range withDefaults(rows) {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				h := fnv.New64a()
				h.Write([]byte(r.name))
				report.begin(r)
				c := work(t, r, rand.New(rand.NewPCG(seed, h.Sum64())))
				report.add(r, c, t.Failed())
			})
		}
	})
	fmt.Println(report.String(seed))
}

func readSeed(t *testing.T) uint64 {
	text := os.Getenv("FAULTS_SEED")
	if text == "" {
		return uint64(time.Now().Unix())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("FAULTS_SEED: %v", err)
	}
	return seed
}

func withDefaults(all []row) []row {
	out := make([]row, len(all))
	for i, r := range all {
		if r.latency == 0 {
			r.latency = usualLatency
		}
		out[i] = r
	}
	return out
}

// work runs one row: orders come in, the fault strikes, everything comes to rest, and is counted.
func work(t *testing.T, r row, rnd *rand.Rand) *count {
	s := startSystem(t, r, rnd)
	begun := time.Now()
	failed := make(chan error, 1)
	go func() {
		failed <- s.produce()
		close(s.produced)
	}()
	if r.act != nil {
		r.act(s)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	c := s.drain(begun)
	wrong := s.verify(c)
	if r.check != nil {
		wrong = append(wrong, r.check(s, c)...)
	}
	report(t, wrong)
	s.stopWorkers()
	return c
}

const mostReported = 8

func report(t *testing.T, wrong []string) {
	for i, w := range wrong {
		if i == mostReported {
			t.Errorf("… and %d more", len(wrong)-i)
			return
		}
		t.Error(w)
	}
}

// stopWorkers ends the workers as an operator does; idle ones must obey at once.
func (s *system) stopWorkers() {
	for _, w := range s.workers {
		if _, err := w.terminate(exitBound); err != nil && !w.killed() {
			s.t.Errorf("worker %d: %v", w.number, err)
		}
	}
}

// table is the report: a row for each fault, in the order of the rows.
type table struct {
	mu    sync.Mutex
	lines map[string]string
}

// begin marks a row until it is added.
func (b *table) begin(r row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines == nil {
		b.lines = map[string]string{}
	}
	b.lines[r.name] = fmt.Sprintf("%-44s FAILED: it did not come to its end", r.name)
}

func (b *table) add(r row, c *count, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	verdict := "ok"
	if failed {
		verdict = "FAILED"
	}
	b.lines[r.name] = fmt.Sprintf("%-44s %6d %6d %6d %5d %7d %7d %8d %7.1f  %-6s  %s",
		r.name, c.orders, c.links, c.failed, c.lost, c.double, c.posts, c.surplus(), c.took.Seconds(), verdict, r.holds)
}

// String prints the table, and what its words mean.
func (b *table) String(seed uint64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "\nFAULTS_SEED=%d; surplus: links that the gateway minted and nobody was shown; seconds: until the last order came out\n", seed)
	fmt.Fprintf(&out, "%-44s %6s %6s %6s %5s %7s %7s %8s %7s  %-6s  %s\n",
		"fault", "orders", "links", "failed", "lost", "doubled", "POSTs", "surplus", "seconds", "", "must hold, besides no loss and no second link")
	for _, r := range rows {
		if line, ran := b.lines[r.name]; ran {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}
