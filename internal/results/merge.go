package results

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// merge takes entries of all streams, one by one, by time: the next one is always the first among those that come next in
// their streams. So each stream's own order is kept, however its node's clock goes.
type merge struct {
	sources []*source
	size    int // entries that are loaded from one stream in a round trip
	load    func(s stream, ctx context.Context, place string, n int) ([]redis.XMessage, error)
	sooner  func(id, than string) bool
}

// source is what a merge has of one stream.
type source struct {
	stream
	place  string // of the entry that was taken last
	loaded []redis.XMessage
	last   bool // nothing comes after what is loaded
}

func (r *Reader) merge(places []string) *merge {
	m := &merge{size: page, load: stream.after, sooner: before}
	for i, s := range r.streams {
		m.sources = append(m.sources, &source{stream: s, place: places[i]})
	}
	return m
}

// next returns the source whose next entry is to be taken, or nil when nothing is left or a stream can not be read.
func (m *merge) next(ctx context.Context) (first *source, err error) {
	for _, s := range m.sources {
		if len(s.loaded) == 0 && !s.last {
			if s.loaded, err = m.load(s.stream, ctx, s.place, m.size); err != nil {
				return nil, err
			}
			s.last = len(s.loaded) < m.size
		}
		if len(s.loaded) > 0 && (first == nil || m.sooner(s.loaded[0].ID, first.loaded[0].ID)) {
			first = s
		}
	}
	return first, nil
}

// each hands all there is to f, until f fails.
func (m *merge) each(ctx context.Context, f func(Event) error) error {
	for {
		s, err := m.next(ctx)
		if s == nil {
			return err
		}
		if err := f(s.event(s.loaded[0])); err != nil {
			return err
		}
		s.take()
	}
}

// events takes up to n.
func (m *merge) events(ctx context.Context, n int) ([]Event, error) {
	var events []Event
	for len(events) < n {
		s, err := m.next(ctx)
		if err != nil {
			return nil, err
		}
		if s == nil {
			break
		}
		events = append(events, s.event(s.loaded[0]))
		s.take()
	}
	return events, nil
}

func (s *source) take() { s.place, s.loaded = s.loaded[0].ID, s.loaded[1:] }

// at returns the place that all sources have come to.
func (m *merge) at() string {
	places := make([]string, len(m.sources))
	for i, s := range m.sources {
		places[i] = s.place
	}
	return strings.Join(places, between)
}
