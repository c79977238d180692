//go:build alerts

package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ask asks Prometheus for something.
func (s *system) ask(path string, params url.Values, into any) error {
	res, err := http.Get(s.api + path + "?" + params.Encode())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return nil
}

// firing returns the names of the alerts that fire now.
func (s *system) firing() (map[string]bool, error) {
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	if err := s.ask("/alerts", nil, &data); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			names[a.Labels["alertname"]] = true
		}
	}
	return names, nil
}

// timeline is when alerts began to fire, and ended.
type timeline struct {
	mu      sync.Mutex
	now     map[string]bool
	changes []change
}

type change struct {
	at     time.Time
	alert  string
	firing bool
}

// watch keeps the timeline until the context ends. Prometheus is asked often enough for the tenths of seconds of the table.
func (s *system) watch(ctx context.Context) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if now, err := s.firing(); err == nil {
				s.timeline.saw(now)
			}
		}
	}
}

func (l *timeline) saw(now map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for alert := range now {
		if !l.now[alert] {
			l.changes = append(l.changes, change{time.Now(), alert, true})
		}
	}
	for alert := range l.now {
		if !now[alert] {
			l.changes = append(l.changes, change{time.Now(), alert, false})
		}
	}
	l.now = now
}

// all returns the names of the alerts that fire, in order.
func (l *timeline) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.now))
}

// changed returns when an alert first began to fire since a moment, or when it last ended, if it is so now.
func (l *timeline) changed(alert string, firing bool, since time.Time) (at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.changes {
		if c.alert == alert && c.firing == firing && !c.at.Before(since) && (at.IsZero() || !firing) {
			at = c.at
		}
	}
	return at, l.now[alert] == firing && !at.IsZero()
}

// samples counts what an expression gave in the time since.
func (s *system) samples(expr string, since time.Time) (n int, err error) {
	var data struct {
		Result []struct{ Values []any }
	}
	now := time.Now()
	err = s.ask("/query_range", url.Values{
		"query": {expr}, "start": {strconv.FormatInt(since.Unix(), 10)}, "end": {strconv.FormatInt(now.Unix(), 10)}, "step": {"5"},
	}, &data)
	for _, r := range data.Result {
		n += len(r.Values)
	}
	return n, err
}
