//go:build alerts

package deploytest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// row is a fault, and the alerts that have to fire while it lasts and clear once it is mended.
type row struct {
	name   string
	harm   func(s *system)
	mend   func(s *system)
	alerts []string
	lasts  time.Duration // at least
	slow   []string      // those that fire when they will, and clear long after
}

const (
	fires, clears, clearsSlowly = 90 * time.Second, 3 * time.Minute, 12 * time.Minute
	quietFor                    = 30 * time.Second
)

// record is what the table says of an alert.
type record struct {
	alert, fault   string
	mended         time.Time
	fired, cleared time.Duration
	with           []string
}

// TestAlertsFire does to a real installation what the alerts are for, and has a real Prometheus see it.
func TestAlertsFire(t *testing.T) {
	s := startSystem(t)
	running, end := context.WithCancel(context.Background())
	defer end()
	go s.produce(running)
	s.startPrometheus()
	go s.watch(running)
	begun := time.Now()
	s.beQuiet()
	var records []record
	for _, r := range rows {
		records = append(records, s.run(r)...)
	}
	for i := range records {
		s.awaitCleared(&records[i], clearsSlowly)
	}
	s.beQuiet()
	s.dashboardHasData(begun)
	fmt.Println(table(records))
	every(t, records)
}

// beQuiet holds that nothing fires while all is well.
func (s *system) beQuiet() {
	s.t.Helper()
	s.await("everything to be well", func() error {
		n, err := s.samples(`sum(up{job="hpplink"}) == 3 and sum(rate(hpplink_enqueue_to_link_seconds_count[5s])) > 5`, time.Now().Add(-time.Second))
		if err == nil && n == 0 {
			err = errors.New("it is not yet")
		}
		return err
	})
	for end := time.Now().Add(quietFor); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if now := s.timeline.all(); len(now) > 0 {
			s.t.Fatalf("while all is well there fires %v", now)
		}
	}
}

// run does a row's harm, and returns how long its alerts took.
func (s *system) run(r row) (all []record) {
	s.t.Helper()
	s.t.Log(r.name)
	if err := eventually(clears, func() error { return s.silent(r.alerts) }); err != nil {
		s.t.Fatal(err)
	}
	before, from := s.timeline.all(), time.Now()
	r.harm(s)
	for _, a := range r.alerts {
		all = append(all, record{alert: a, fault: r.name, fired: s.awaitFiring(a, from)})
	}
	time.Sleep(time.Until(from.Add(r.lasts)))
	with := s.others(before, r)
	mended := time.Now()
	r.mend(s)
	for i := range all {
		all[i].mended, all[i].with = mended, with
		s.awaitCleared(&all[i], clears)
	}
	for _, a := range r.slow {
		all = append(all, record{alert: a, fault: r.name, mended: mended, fired: s.awaitFiring(a, from)})
	}
	return all
}

func (s *system) silent(alerts []string) error {
	for _, now := range s.timeline.all() {
		if slices.Contains(alerts, now) {
			return fmt.Errorf("%s fires still", now)
		}
	}
	return nil
}

// others are alerts that a row did not name, and that fire with it.
func (s *system) others(before []string, r row) (names []string) {
	for _, name := range s.timeline.all() {
		if !slices.Contains(before, name) && !slices.Contains(r.alerts, name) {
			names = append(names, strings.TrimPrefix(name, "Hpplink"))
		}
	}
	return names
}

func (s *system) awaitFiring(alert string, since time.Time) time.Duration {
	s.t.Helper()
	return s.awaitChange(alert, true, since, fires)
}

func (s *system) awaitCleared(r *record, most time.Duration) {
	s.t.Helper()
	if r.cleared == 0 {
		r.cleared = s.awaitChange(r.alert, false, r.mended, most)
	}
}

// awaitChange returns how long after a moment an alert began to fire, or ended.
func (s *system) awaitChange(alert string, firing bool, since time.Time, most time.Duration) (took time.Duration) {
	s.t.Helper()
	err := eventually(most, func() error {
		at, ok := s.timeline.changed(alert, firing, since)
		if took = at.Sub(since); !ok {
			return fmt.Errorf("there fires %v", s.timeline.all())
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("%s: waited %v for firing to be %v: %v", alert, most, firing, err)
	}
	return took
}

// dashboardHasData holds that each expression of the dashboard gave something in the course of the run.
func (s *system) dashboardHasData(since time.Time) {
	s.t.Helper()
	for where, expr := range readDashboard(s.t).exprs() {
		if n, err := s.samples(expr, since); err != nil || n == 0 {
			s.t.Errorf("%s gave nothing (%v): %s", where, err, expr)
		}
	}
}

// every holds that no alert was left out.
func every(t *testing.T, records []record) {
	t.Helper()
	_, alerts := readRules(t)
	for _, a := range alerts {
		if !slices.ContainsFunc(records, func(r record) bool { return r.alert == a.Alert }) {
			t.Errorf("%s did not fire in any row", a.Alert)
		}
	}
}

func table(records []record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Times of the rules are divided by %d; those below are real. What looks back for days fires on through later rows.\n\n", faster)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "alert\tfault\tfired after\tcleared after\tothers that fired")
	for _, r := range records {
		fmt.Fprintf(w, "%s\t%s\t%.1f s\t%.1f s\t%s\n", r.alert, r.fault, r.fired.Seconds(), r.cleared.Seconds(), strings.Join(r.with, ", "))
	}
	w.Flush()
	return b.String()
}
