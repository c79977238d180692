package main

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestWaysStreamThroughKills adds orders to the stream from a program that is not Go, and kills the intake three times,
// each time while it has entries in its hands.
func TestWaysStreamThroughKills(t *testing.T) {
	t.Parallel()
	n := sized(500, 10_000)
	s := startSystem(t, 0)
	start(t, s.workerEnv(), "run", "--roles", "worker")
	intake := start(t, s.workerEnv(), "run", "--roles", "stream")
	begun, part, held := time.Now(), n/4, int64(0)
	for kill := range 3 {
		added := s.addOrders(t, kill*part, part)
		left := s.killWithEntries(t, intake.Process.Kill)
		added()
		t.Logf("kill %d: the intake held %d entries", kill+1, left)
		held += left
		intake = start(t, s.workerEnv(), "run", "--roles", "stream")
	}
	s.addOrders(t, 3*part, n-3*part)()
	if held == 0 {
		t.Fatal("the kills met no entry in the hands of the intake: nothing was tested")
	}
	if !waysFull() {
		s.age(t) // else it takes half a minute until another intake may take them over
	}
	events := s.drain(t, n)
	t.Logf("%d orders by redis-cli, the intake killed three times: all links out after %v", n, time.Since(begun).Round(time.Millisecond))
	s.handled(t)
	s.idle(t)
	onlyLinks(t, events, n)
	s.postedOnce(t, n)
	if groups := s.rdb.XInfoGroups(t.Context(), s.base.Ledger.Keys().Orders()).Val(); groups[0].EntriesRead != int64(n) {
		t.Errorf("the intakes read %d entries, want %d", groups[0].EntriesRead, n)
	}
}

// addOrders lets redis-cli add orders to the stream, and returns what waits until it has.
func (s *system) addOrders(t *testing.T, first, n int) (wait func()) {
	t.Helper()
	var commands bytes.Buffer
	for i := first; i < first+n; i++ {
		writeCommand(&commands, "XADD", s.base.Ledger.Keys().Orders(), "*", "order", string(loadOrder(i)), "lane", []string{"interactive", "bulk"}[i%2])
	}
	host, port, err := net.SplitHostPort(s.base.Redis.Addr())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("redis-cli", "-h", host, "-p", port, "--pipe")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &commands, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), fmt.Sprintf("errors: 0, replies: %d", n)) {
			t.Fatalf("redis-cli: %v: %s", err, out.String())
		}
	}
}

// writeCommand writes a command as Redis reads it.
func writeCommand(b *bytes.Buffer, args ...string) {
	fmt.Fprintf(b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(b, "$%d\r\n%s\r\n", len(a), a)
	}
}

// killWithEntries kills the intake once it was handed a batch of entries, and returns how many of them it had not acknowledged.
func (s *system) killWithEntries(t *testing.T, kill func() error) (held int64) {
	t.Helper()
	before, _ := s.pending(t.Context())                            // at first there is no group
	for end := time.Now().Add(patience); time.Now().Before(end); { // without a pause: it holds them for milliseconds
		now, err := s.pending(t.Context())
		if err != nil || now <= before+1 { // the first comes alone, and the others with it
			continue
		}
		if err := kill(); err != nil {
			t.Fatal(err)
		}
		left, err := s.pending(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return left - before
	}
	t.Fatal("the intake was handed nothing")
	return 0
}
