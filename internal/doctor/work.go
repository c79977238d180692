package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/stream"
)

const (
	// untaken is how long an entry of the stream of orders may wait for somebody to take it.
	untaken = time.Minute
	// mailersSilent is how long after its last word it is certain that no worker sends emails.
	mailersSilent = 3 * time.Minute
)

// working looks at what lies in Redis, and who works there.
type working struct {
	Redis
	rdb    redis.UniversalClient
	ledger *partition.Ledger
}

func (w working) examine(ctx context.Context) []Finding {
	s := about(workGroup, "orders")
	v, err := w.ledger.Overview(ctx, nil)
	if err != nil {
		return unread(s, err)
	}
	all := []Finding{s.fine("%d open, %d failed, %d surplus links, %d entries that became no order", v.Open(), v.Failed, v.Surplus, v.DeadLetters)}
	all = append(all, w.orphans(v)...)
	all = append(all, breakers(v)...)
	all = append(all, mailers(v)...)
	for _, look := range []struct {
		at string
		f  func(context.Context, ledger.Overview) ([]Finding, error)
	}{{"workers", w.workers}, {"stream", w.entries}, {"queues", w.queues}, {"queues", w.strangers}} {
		findings, err := look.f(ctx, v)
		if err != nil {
			findings = unread(about(workGroup, look.at), err)
		}
		all = append(all, findings...)
	}
	return all
}

func unread(s subject, err error) []Finding {
	remedy := "look at the log of Redis"
	if strings.Contains(err.Error(), "NOPERM") {
		remedy = "let the user do it: see its rights"
	}
	return []Finding{s.mend(remedy, "%v", err)}
}

// orphans finds open orders that nobody here can work.
func (w working) orphans(v ledger.Overview) (all []Finding) {
	if w.Merchants == nil {
		return nil
	}
	for _, m := range slices.Sorted(maps.Keys(v.OpenOrders)) {
		if n := v.OpenOrders[m]; n > 0 && !slices.ContainsFunc(w.Merchants, func(p merchant.Profile) bool { return p.ID == m }) {
			all = append(all, about(workGroup, "orders").of(m).mend("put its profile back into the settings", "%s has %d open orders, and no profile: they wait", m, n))
		}
	}
	return all
}

// breakers tells which merchants are not served now.
func breakers(v ledger.Overview) (all []Finding) {
	tell := func(what string, breakers []ledger.Breaker) {
		for _, b := range breakers {
			if b.Open {
				all = append(all, about(workGroup, what).of(b.MerchantID).mend("mend that, and they go on by themselves", "%s of %s are held since %s: %s", what, b.MerchantID, b.Since.Format(time.RFC3339), cmp.Or(b.Why, "?")))
			}
		}
	}
	tell("orders", v.Breakers)
	tell("emails", v.MailBreakers)
	return all
}

func (w working) workers(ctx context.Context, v ledger.Overview) ([]Finding, error) {
	s := about(workGroup, "workers")
	all, err := w.ledger.Workers(ctx)
	if err != nil {
		return nil, err
	}
	rates := w.rates(len(all))
	if len(all) == 0 {
		if n := v.Open(); n > 0 {
			return []Finding{s.mend("start one: hpplink run, or hpplink run --roles worker", "%d orders are open, and no worker is alive", n)}, nil
		}
		return append(rates, s.fine("none is alive now, and nothing waits for one")), nil
	}
	if others := w.otherVersions(all); others != "" {
		return append(rates, s.note("bring all to one version", "%d are alive, not all of this version (%s): %s", len(all), w.Version, others)), nil
	}
	return append(rates, s.fine("%d alive, all of version %s", len(all), w.Version)), nil
}

// rates finds merchants whose rate so many workers do not reach. A gateway that needs a second for a call is not a slow one.
func (w working) rates(workers int) (all []Finding) {
	for _, p := range w.Merchants {
		each := w.Calls
		if p.Concurrency > 0 {
			each = min(each, p.Concurrency)
		}
		if each == 0 || p.Rate <= float64(each*max(workers, 1)) {
			continue
		}
		needed := int(math.Ceil(p.Rate / float64(each)))
		all = append(all, about(workGroup, "rate").of(p.ID).note(fmt.Sprintf("start %d workers, or raise HPPLINK_CONCURRENCY and the merchant's concurrency", needed),
			"%s: %g calls a second are not reached by %d worker(s) with %d calls at once in a lane, if a call takes a second", p.ID, p.Rate, workers, each))
	}
	return all
}

// otherVersions counts the workers of other versions than ours, such as "2 of v1.2.0"; "" for none.
func (w working) otherVersions(all []ledger.Worker) string {
	count := map[string]int{}
	for _, one := range all {
		if one.Version != w.Version {
			count[cmp.Or(one.Version, "an unknown version")]++
		}
	}
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d of %s", count[v], v))
	}
	return strings.Join(parts, ", ")
}

// mailers finds emails that nobody sends.
func mailers(v ledger.Overview) []Finding {
	owed := v.Lanes[ledger.Mailing].Open()
	if owed == 0 || v.Now.Sub(v.MailersSeen) < mailersSilent {
		return nil
	}
	return []Finding{about(workGroup, "emails").mend("start a worker with HPPLINK_SMTP and its password", "%d emails are owed, and no worker sends any", owed)}
}

// entries finds entries of the stream that nobody takes.
func (w working) entries(ctx context.Context, v ledger.Overview) ([]Finding, error) {
	key := w.ledger.Keys().Orders()
	b, err := stream.Waiting(ctx, w.rdb, key)
	if err != nil || b.Since.IsZero() || v.Now.Sub(b.Since) < untaken {
		return nil, err
	}
	return []Finding{about(workGroup, "stream").mend("start one: hpplink run, or hpplink run --roles stream",
		"%d entries of %s wait, the first since %s: no process with the role stream takes them", b.Entries, key, b.Since.UTC().Format(time.RFC3339))}, nil
}

func (w working) queues(ctx context.Context, v ledger.Overview) ([]Finding, error) {
	s := about(workGroup, "queues")
	var all []Finding
	for _, namespace := range w.ledger.Namespaces() {
		more, err := w.queuesOf(ctx, s, namespace, v.Now)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	if len(all) == 0 {
		all = append(all, s.fine("none is paused, no task was put away"))
	}
	return all, nil
}

func (w working) queuesOf(ctx context.Context, s subject, namespace string, now time.Time) (all []Finding, err error) {
	lanes := []order.Lane{order.Interactive, order.Bulk, queue.Email}
	sizes, err := queue.Sizes(ctx, w.rdb, namespace, lanes, now)
	if err != nil {
		return nil, err
	}
	for _, lane := range lanes {
		name, size := queue.Name(namespace, lane), sizes[lane]
		if size.Paused {
			all = append(all, s.mend("resume it at /dashboard/, or with redis-cli DEL 'asynq:{"+name+"}:paused'", "queue %s is paused, and its orders wait", name))
		}
		if size.Archived > 0 {
			all = append(all, s.note("look at them at /dashboard/, and delete them", "queue %s has put %d tasks away, which were no orders or not ours; no order is lost by that", name, size.Archived))
		}
	}
	return all, nil
}

// strangers names who else uses asynq in this Redis.
func (w working) strangers(ctx context.Context, _ ledger.Overview) ([]Finding, error) {
	names, err := queue.Foreign(ctx, w.rdb, w.ledger.Namespaces()...)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	more := ""
	if n := len(names); n > 3 {
		names, more = names[:3], fmt.Sprintf(" and %d more", n-3)
	}
	return []Finding{about(workGroup, "queues").note("give hpplink a Redis of its own if that one is large or loaded",
		"others keep queues in this Redis too, which take of its memory and time: %s%s", strings.Join(names, ", "), more)}, nil
}
