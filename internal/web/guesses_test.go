package web

import (
	"fmt"
	"testing"
	"time"
)

func TestGuessesAreBoundedByAddress(t *testing.T) {
	var g guesses
	now := time.Now()
	wrong := func(from string) time.Duration { return g.try(from, now, func() bool { return false }) }
	for i := range guessBurst {
		if wait := wrong("192.0.2.1:1000"); wait != 0 {
			t.Fatalf("guess %d waits for %v", i, wait)
		}
	}
	looked := false
	if wait := g.try("192.0.2.1:2000", now, func() bool { looked = true; return true }); wait <= 0 || wait > guessEvery || looked {
		t.Errorf("one more, from another port, waits for %v; looked at: %v", wait, looked)
	}
	if wait := wrong("192.0.2.2:1000"); wait != 0 {
		t.Errorf("another address waits for %v", wait)
	}
	now = now.Add(guessEvery)
	if first, second := wrong("192.0.2.1:1000"), wrong("192.0.2.1:1000"); first != 0 || second <= 0 {
		t.Errorf("a while later the waits are %v and %v", first, second)
	}
}

func TestRightTokensCostNothing(t *testing.T) {
	var g guesses
	for range 10 * guessBurst {
		if wait := g.try("192.0.2.1:1", time.Now(), func() bool { return true }); wait != 0 {
			t.Fatalf("a right one waits for %v", wait)
		}
	}
}

func TestOneHouseholdIsOneSource(t *testing.T) {
	for _, same := range [][2]string{
		{"[2001:db8::1]:1", "[2001:db8::ffff]:2"}, {"[::ffff:192.0.2.1]:1", "192.0.2.1:2"}, {"[fe80::1%eth0]:1", "[fe80::1%eth1]:1"}, {"@", "pipe"},
	} {
		if source(same[0]) != source(same[1]) {
			t.Errorf("%q are two", same)
		}
	}
	if source("[2001:db8:0:1::1]:1") == source("[2001:db8:0:2::1]:1") || source("192.0.2.1:1") == source("192.0.2.2:1") {
		t.Error("two are one")
	}
}

func TestFewAddressesAreRemembered(t *testing.T) {
	var g guesses
	for i := range 3 * guessers {
		g.try(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), time.Now(), func() bool { return false })
	}
	if len(g.by) > guessers {
		t.Errorf("%d are", len(g.by))
	}
}
