package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
)

// followInterval is how often it is looked whether there are more partitions: orders may go to them already.
const followInterval = 2 * time.Second

// partSet is what of a worker works all partitions: those that there are at its start, and those that come.
type partSet struct {
	shared    *shared
	running   context.Context // ends once the orders in flight are finished
	stop      context.CancelFunc
	following context.CancelFunc
	follower  sync.WaitGroup
	reapers   sync.WaitGroup

	mu   sync.Mutex
	of   map[*ledger.Ledger]*part
	list []*part
}

func newParts(s *shared) *partSet {
	p := &partSet{shared: s, of: map[*ledger.Ledger]*part{}, following: func() {}}
	p.running, p.stop = context.WithCancel(context.Background())
	return p
}

// start begins to work the partitions that are not worked yet.
func (p *partSet) start(ctx context.Context) error {
	p.shared.pool()
	var errs []error
	for _, l := range p.shared.Ledger.All() {
		if p.of[l] != nil {
			continue
		}
		one, err := p.shared.start(ctx, l)
		if err != nil {
			errs = append(errs, fmt.Errorf("partition %s: %w", l.Namespace(), err))
			continue
		}
		p.add(l, one)
	}
	return errors.Join(errs...)
}

func (p *partSet) add(l *ledger.Ledger, one *part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[l], p.list = one, append(p.list, one)
	p.reapers.Go(func() { one.reaper.Run(p.running) })
}

func (p *partSet) all() []*part {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list
}

// follow begins to work partitions as they come.
func (p *partSet) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	p.following = cancel
	p.follower.Go(func() {
		ticker := time.NewTicker(followInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				p.look(ctx)
			}
		}
	})
}

func (p *partSet) look(ctx context.Context) {
	log, was := p.shared.Log, len(p.all())
	err := p.shared.Ledger.Refresh(ctx)
	if err == nil && len(p.shared.Ledger.All()) > was {
		err = p.start(ctx)
	}
	if err != nil && ctx.Err() == nil {
		log.Warn("it is not known whether there are more partitions, or they are not worked yet", "error", err)
	}
	if n := len(p.all()); n > was {
		log.Warn("the number of partitions was changed: this worker works the new ones too; restart the process, for it reads results of those alone that there were at its start",
			"partitions", p.shared.Ledger.Layout().Partitions, "new", n-was)
	}
}

// finish finishes what is in flight, in all partitions at once.
func (p *partSet) finish() error {
	p.following()
	p.follower.Wait()
	errs := make([]error, len(p.list))
	var all sync.WaitGroup
	for i, one := range p.all() {
		all.Go(func() { errs[i] = one.finish() })
	}
	all.Wait()
	p.stop()
	p.reapers.Wait()
	return errors.Join(errs...)
}

// end tells the other workers that this one holds nothing any more.
func (p *partSet) end() error {
	errs := make([]error, len(p.list))
	var all sync.WaitGroup
	for i, one := range p.all() {
		all.Go(func() { errs[i] = one.end() })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *partSet) ready(ctx context.Context) error {
	for _, one := range p.all() {
		if err := one.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}
