package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// each asks all partitions at once, and returns their answers in the order of All. What one does not answer keeps no other from it.
func each[T any](ctx context.Context, l *Ledger, ask func(context.Context, *ledger.Ledger) (T, error)) ([]T, error) {
	all := l.All()
	answers := make([]T, len(all))
	if len(all) == 1 {
		var err error
		answers[0], err = ask(ctx, all[0])
		return answers, err
	}
	errs := make([]error, len(all))
	var asking sync.WaitGroup
	for i, one := range all {
		asking.Go(func() { answers[i], errs[i] = ask(ctx, one) })
	}
	asking.Wait()
	return answers, errors.Join(errs...)
}

func (l *Ledger) everywhere(ctx context.Context, do func(context.Context, *ledger.Ledger) error) error {
	return everyone(ctx, l.All(), do)
}

// everyone has all of these do something at once.
func everyone(ctx context.Context, all []*ledger.Ledger, do func(context.Context, *ledger.Ledger) error) error {
	errs := make([]error, len(all))
	var doing sync.WaitGroup
	for i, one := range all {
		doing.Go(func() { errs[i] = do(ctx, one) })
	}
	doing.Wait()
	return errors.Join(errs...)
}

// Counts says how many orders are where; see ledger.Counts.
func (l *Ledger) Counts(ctx context.Context) (ledger.Counts, error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (ledger.Counts, error) { return one.Counts(ctx) })
	if err != nil {
		return ledger.Counts{}, err
	}
	sum := all[0]
	for _, c := range all[1:] {
		for lane, n := range c.Queued {
			sum.Queued[lane] += n
		}
		for lane, n := range c.Sending {
			sum.Sending[lane] += n
		}
		sum.Held, sum.Mailing, sum.FailedEmails = sum.Held+c.Held, sum.Mailing+c.Mailing, sum.FailedEmails+c.FailedEmails
		sum.Failed, sum.Surplus, sum.Unpublished = sum.Failed+c.Failed, sum.Surplus+c.Surplus, sum.Unpublished+c.Unpublished
	}
	return sum, nil
}

// Overview looks at everything once; see ledger.Overview. Another process may have changed the layout: this finds out.
func (l *Ledger) Overview(ctx context.Context, rated []string) (ledger.Overview, error) {
	if err := l.refresh(ctx, lookAgain); err != nil {
		return ledger.Overview{}, err
	}
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (ledger.Overview, error) {
		if one != l.Home() { // whose lines they are
			return one.Overview(ctx, nil)
		}
		return one.Overview(ctx, rated)
	})
	if err != nil {
		return ledger.Overview{}, err
	}
	sum := all[0] // every worker works what is at home, so these are all
	for _, v := range all[1:] {
		add(&sum, v)
	}
	return sum, nil
}

func add(sum *ledger.Overview, v ledger.Overview) {
	for lane, more := range v.Lanes {
		s := sum.Lanes[lane]
		s.Due, s.Later, s.Sending, s.Held = s.Due+more.Due, s.Later+more.Later, s.Sending+more.Sending, s.Held+more.Held
		if since := more.Oldest.Since; !since.IsZero() && (s.Oldest.Since.IsZero() || since.Before(s.Oldest.Since)) {
			s.Oldest = more.Oldest
		}
		sum.Lanes[lane] = s
	}
	sum.Breakers, sum.MailBreakers = merged(append(sum.Breakers, v.Breakers...)), merged(append(sum.MailBreakers, v.MailBreakers...))
	for merchant, n := range v.OpenOrders {
		sum.OpenOrders[merchant] += n
	}
	sum.Failed, sum.FailedEmails = sum.Failed+v.Failed, sum.FailedEmails+v.FailedEmails
	sum.Surplus, sum.Unpublished = sum.Surplus+v.Surplus, sum.Unpublished+v.Unpublished
}

// merged makes one of the breakers of each merchant: open if one is, since the first of them, and until the next probe of any.
func merged(all []ledger.Breaker) (by []ledger.Breaker) {
	for _, b := range all {
		i := slices.IndexFunc(by, func(o ledger.Breaker) bool { return o.MerchantID == b.MerchantID })
		if i < 0 {
			by = append(by, b)
			continue
		}
		by[i] = together(by[i], b)
	}
	return by
}

func together(a, b ledger.Breaker) ledger.Breaker {
	held := a.Held + b.Held
	if b.Open && (!a.Open || b.Since.Before(a.Since)) {
		a, b = b, a
	}
	if b.Open && b.Until.Before(a.Until) {
		a.Until = b.Until
	}
	a.Held = held
	return a
}

// Breakers returns the merchants that the gateway does not serve now. Each partition finds that out, and probes, by itself.
func (l *Ledger) Breakers(ctx context.Context) ([]ledger.Breaker, error) {
	return l.breakers(ctx, (*ledger.Ledger).Breakers)
}

// MailBreakers returns the merchants whose emails do not go out now.
func (l *Ledger) MailBreakers(ctx context.Context) ([]ledger.Breaker, error) {
	return l.breakers(ctx, (*ledger.Ledger).MailBreakers)
}

func (l *Ledger) breakers(ctx context.Context, of func(*ledger.Ledger, context.Context) ([]ledger.Breaker, error)) ([]ledger.Breaker, error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) ([]ledger.Breaker, error) { return of(one, ctx) })
	if err != nil {
		return nil, err
	}
	return merged(slices.Concat(all...)), nil
}

// BreakerOf returns the state of a merchant's breaker.
func (l *Ledger) BreakerOf(ctx context.Context, merchantID string) (ledger.Breaker, error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (ledger.Breaker, error) {
		return one.BreakerOf(ctx, merchantID)
	})
	if err != nil {
		return ledger.Breaker{}, err
	}
	return merged(all)[0], nil
}

// Hasten lets a merchant's held orders try the gateway at once.
func (l *Ledger) Hasten(ctx context.Context, merchantID string) error {
	return l.everywhere(ctx, func(ctx context.Context, one *ledger.Ledger) error { return one.Hasten(ctx, merchantID) })
}

// OpenOf returns how many orders of a merchant are open.
func (l *Ledger) OpenOf(ctx context.Context, merchantID string) (sum int, err error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (int, error) { return one.OpenOf(ctx, merchantID) })
	for _, n := range all {
		sum += n
	}
	return sum, err
}

// Retimed is what Retime hands on.
type retime func(*ledger.Ledger, context.Context, string, time.Duration, func([]ledger.Retimed) error) error

// Retime moves the orders of a merchant that wait for their slots; see ledger.Retime.
func (l *Ledger) Retime(ctx context.Context, merchantID string, interval time.Duration, f func([]ledger.Retimed) error) error {
	return l.retime(ctx, merchantID, interval, f, (*ledger.Ledger).Retime)
}

// RetimeMail is Retime for emails.
func (l *Ledger) RetimeMail(ctx context.Context, merchantID string, interval time.Duration, f func([]ledger.Retimed) error) error {
	return l.retime(ctx, merchantID, interval, f, (*ledger.Ledger).RetimeMail)
}

func (l *Ledger) retime(ctx context.Context, merchantID string, interval time.Duration, f func([]ledger.Retimed) error, of retime) error {
	var errs []error
	for _, one := range l.All() {
		errs = append(errs, of(one, ctx, merchantID, interval, f))
	}
	return errors.Join(errs...)
}

// FailedOrders is the list of orders that ended without a link.
func (l *Ledger) FailedOrders() ledger.FailedList { return l.failed((*ledger.Ledger).FailedOrders) }

// FailedEmails is the list of orders whose email failed.
func (l *Ledger) FailedEmails() ledger.FailedList { return l.failed((*ledger.Ledger).FailedEmails) }

func (l *Ledger) failed(of func(*ledger.Ledger) ledger.FailedList) ledger.FailedList {
	var list ledger.FailedList
	for _, one := range l.All() {
		list = list.And(of(one))
	}
	return list
}

// FailedNamed is Named of FailedOrders.
func (l *Ledger) FailedNamed(ctx context.Context, keys []order.Key) ([]ledger.NamedOrder, error) {
	return l.FailedOrders().Named(ctx, keys)
}

// Cutoff returns a time that parts what has failed before the call from what fails after it; see ledger.Cutoff. Masters whose
// clocks differ may count what fails in between either way.
func (l *Ledger) Cutoff(ctx context.Context) (time.Time, error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (time.Time, error) { return one.Cutoff(ctx) })
	if err != nil {
		return time.Time{}, err
	}
	return slices.MaxFunc(all, time.Time.Compare), nil
}

// SurplusAfter returns up to n surplus links after a place, and the place to go on from; see ledger.SurplusAfter. Those of one
// partition follow those of another.
func (l *Ledger) SurplusAfter(ctx context.Context, place string, n int) ([]ledger.SurplusLink, string, error) {
	all := l.All()
	name, at, several := strings.Cut(place, "@")
	if !several {
		name, at = all[0].Namespace(), place
	}
	i := slices.IndexFunc(all, func(one *ledger.Ledger) bool { return one.Namespace() == name })
	if i < 0 {
		return nil, place, fmt.Errorf("partitions: %q is no place among the surplus links", place)
	}
	var links []ledger.SurplusLink
	for ; i < len(all); i, at = i+1, ledger.FirstSurplus {
		more, next, err := all[i].SurplusAfter(ctx, at, n-len(links))
		if err != nil {
			return nil, place, err
		}
		links, place = append(links, more...), next
		if i > 0 {
			place = all[i].Namespace() + "@" + next
		}
		if len(links) == n {
			break
		}
	}
	return links, place, nil
}

// IsSurplusPlace reports whether a text may be a place that SurplusAfter returned.
func IsSurplusPlace(s string) bool {
	_, at, several := strings.Cut(s, "@")
	if !several {
		at = s
	}
	ms, n, _ := strings.Cut(at, "-")
	return strings.Trim(ms+n, "0123456789") == "" && ms != ""
}

// Workers returns the workers that are alive. Every one works what is at home, too.
func (l *Ledger) Workers(ctx context.Context) ([]ledger.Worker, error) { return l.Home().Workers(ctx) }

// WorkerSeen reports whether any worker has given a sign of life lately.
func (l *Ledger) WorkerSeen(ctx context.Context) (bool, error) { return l.Home().WorkerSeen(ctx) }

// Unworked are the partitions that no worker works although some work others.
func (l *Ledger) Unworked(ctx context.Context) (names []string, err error) {
	seen, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (bool, error) { return one.WorkerSeen(ctx) })
	if err != nil || !slices.Contains(seen, true) {
		return nil, err
	}
	for i, name := range l.Namespaces() {
		if !seen[i] {
			names = append(names, name)
		}
	}
	return names, nil
}

// MailersUp says that this worker sends emails.
func (l *Ledger) MailersUp(ctx context.Context) error { return l.Home().MailersUp(ctx) }

// MailersSeen returns when a worker last said that it sends emails.
func (l *Ledger) MailersSeen(ctx context.Context) (time.Time, error) {
	return l.Home().MailersSeen(ctx)
}

// HasMailers reports whether somebody sends emails, or lately did.
func (l *Ledger) HasMailers(ctx context.Context) (bool, error) { return l.Home().HasMailers(ctx) }

// PublishLeft publishes what durable ledgers left behind; see ledger.PublishLeft.
func (l *Ledger) PublishLeft(ctx context.Context) (sum int, err error) {
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (int, error) { return one.PublishLeft(ctx) })
	for _, n := range all {
		sum += n
	}
	return sum, err
}
