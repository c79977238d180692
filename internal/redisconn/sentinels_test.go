package redisconn

import (
	"log/slog"
	"net"
	"testing"
	"time"
)

// TestNewestConfigurationWins: while masters change, some Sentinels name the former one.
func TestNewestConfigurationWins(t *testing.T) {
	old, current := named{"a:1", 7}, named{"b:2", 8}
	for name, heard := range map[string][]answer{
		"first":  {{named: current}, {named: old}, {named: old}},
		"last":   {{named: old}, {named: old}, {named: current}},
		"only":   {{named: current}},
		"voted":  {{named: named{"a:1", 0}}, {named: named{"b:2", 0}}, {named: named{"b:2", 0}}},
		"single": {{named: named{"b:2", 0}}},
	} {
		if got := newest(heard); got.addr != "b:2" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestFormerMasterDoesNotComeBack has a Sentinel be late by a while, and then one that was set up anew.
func TestFormerMasterDoesNotComeBack(t *testing.T) {
	s := &sentinels{log: slog.New(slog.DiscardHandler), conns: map[*masterConn]string{}}
	begun := time.Now()
	steps := []struct {
		after time.Duration
		says  named
		want  string
	}{
		{0, named{"a:1", 7}, "a:1"},
		{time.Second, named{"b:2", 8}, "b:2"},
		{2 * time.Second, named{"a:1", 7}, "b:2"},
		{3 * time.Second, named{"c:3", 9}, "c:3"},
		{time.Minute, named{"d:4", 0}, "d:4"},
	}
	for _, step := range steps {
		if got := s.settle(step.says, begun.Add(step.after)); got != step.want {
			t.Errorf("after %v: %s, want %s", step.after, got, step.want)
		}
	}
}

// TestConnectionsToAFormerMasterEnd: what is written there is lost once it becomes a replica.
func TestConnectionsToAFormerMasterEnd(t *testing.T) {
	s := &sentinels{log: slog.New(slog.DiscardHandler), conns: map[*masterConn]string{}}
	s.settle(named{"a:1", 1}, time.Now())
	ours, theirs := net.Pipe()
	defer theirs.Close()
	kept, err := s.keep(ours, "a:1")
	if err != nil {
		t.Fatal(err)
	}
	s.settle(named{"b:2", 2}, time.Now())
	if _, err := kept.Read(make([]byte, 1)); err == nil { // which ends once it is closed
		t.Error("it is still open")
	}
	kept.Close()
	if len(s.conns) != 0 {
		t.Error("it is not forgotten")
	}
	late, other := net.Pipe()
	defer other.Close()
	if _, err := s.keep(late, "a:1"); !away(err) {
		t.Errorf("a connection that was made meanwhile: %v", err)
	}
}
