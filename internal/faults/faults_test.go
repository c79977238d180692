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
	if _, err := shiftedProgram(); err != nil { // now, since a row has no time for it
		fmt.Fprintln(os.Stderr, err)
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
		s.mustNotHaveEnded(w)
		if _, err := w.terminate(exitBound); err != nil {
			s.t.Errorf("worker %d: %v", w.number, err)
		}
	}
}
