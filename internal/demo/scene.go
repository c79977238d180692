package demo

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

// atOnce is how many events share a round trip.
const atOnce = 50

// scene is one run of the sample.
type scene struct {
	o     Options
	base  *app.Base
	door  *intake.Door
	tally *tally
}

// play hands the events in and follows the result stream until all are answered. It reports
// whether that took longer than it may; the error says that it could not be played to the end.
func (s *scene) play(parent context.Context) (late bool, err error) {
	ctx, cancel := context.WithTimeout(parent, s.o.bound)
	defer cancel()
	shown := make(chan struct{})
	stopShowing := make(chan struct{})
	go func() {
		defer close(shown)
		s.show(stopShowing)
	}()
	err = s.act(ctx)
	close(stopShowing)
	<-shown
	switch {
	case parent.Err() != nil:
		return false, fmt.Errorf("interrupted when %d of %d events were answered", s.tally.pace().answered, len(s.o.events))
	case err != nil:
		return false, err
	}
	return ctx.Err() != nil, nil
}

func (s *scene) act(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	following, stop := context.WithCancel(ctx)
	group.Go(func() error {
		err := s.base.Results.Follow(following, results.Start, s.tally.result)
		if errors.Is(err, errSettled) {
			return nil
		}
		return err
	})
	group.Go(func() error {
		defer stop() // the last result may have come before its receipt
		s.handIn(ctx, false)
		s.tally.allHandedIn()
		select {
		case <-ctx.Done():
		case <-s.tally.settled:
			s.handIn(ctx, true)
		}
		return nil
	})
	return group.Wait()
}

// handIn hands in the events that are late, or those that are not.
func (s *scene) handIn(ctx context.Context, late bool) {
	var events []intake.Event
	var at []int // events[i] is the sample's at[i]
	flush := func() {
		for i, r := range s.door.Submit(ctx, events) {
			s.tally.receipt(at[i], r)
		}
		events, at = nil, nil
	}
	for i, e := range s.o.events {
		if e.Late != late || ctx.Err() != nil {
			continue
		}
		events, at = append(events, intake.Event{JSON: e.JSON, Lane: order.Interactive}), append(at, i)
		if len(events) == atOnce {
			flush()
		}
	}
	flush()
}
