package redisconn

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// toldAfter is how long Redis has to be away before that is said: a connection that breaks is made anew in no time.
const toldAfter = time.Second

// echoes is how long after an outage somebody may still come to say that his command failed in it.
const echoes = 2 * time.Second

// outage says once that Redis is away, and once that it is back, however many meet it.
type outage struct {
	log   *slog.Logger
	addr  string
	since atomic.Int64 // when the first command failed that none has followed that was answered, in ns; 0 while Redis answers
	told  atomic.Bool
	over  atomic.Int64 // when the last one ended, in ns
}

// saw takes note of how a command ended. While Redis answers it costs next to nothing.
func (o *outage) saw(err error, now func() time.Time) {
	switch {
	case err == nil || !IsAway(err):
		if o.since.Load() != 0 && !errors.Is(err, context.Canceled) {
			o.ended(now())
		}
	case o.since.CompareAndSwap(0, now().UnixNano()):
	default:
		o.lasts(err, now())
	}
}

func (o *outage) lasts(err error, now time.Time) {
	since := o.since.Load()
	if since == 0 || now.Sub(time.Unix(0, since)) < toldAfter || !o.told.CompareAndSwap(false, true) {
		return
	}
	var away *UnreachableError
	errors.As(err, &away)
	o.log.Error("Redis does not answer: until it does no order is taken and none is worked; nothing is lost", "redis", o.addr, "why", away.Reason)
}

func (o *outage) ended(now time.Time) {
	o.over.Store(now.UnixNano())
	since := o.since.Swap(0)
	if since != 0 && o.told.CompareAndSwap(true, false) {
		o.log.Info("Redis answers again: everything goes on", "redis", o.addr, "after", now.Sub(time.Unix(0, since)).Round(time.Millisecond).String())
	}
}

// lasting reports whether Redis is away, as far as anybody has noticed.
func (o *outage) lasting() bool { return o.since.Load() != 0 }

// echoing reports whether an outage has ended so lately that some may not have said yet that they met it.
func (o *outage) echoing(now time.Time) bool { return now.Sub(time.Unix(0, o.over.Load())) < echoes }

// awayTexts are how the errors that away knows read.
var awayTexts = []string{
	"dial tcp", "connection refused", "connection reset", "broken pipe", "EOF", "i/o timeout", "context deadline exceeded",
	"no such host", "use of closed network connection", "connection pool", "LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "READONLY ", noNodes,
}

// speaksOfAway reports whether a text that holds an error's text says that Redis was out of reach.
func speaksOfAway(text string) bool {
	return slices.ContainsFunc(awayTexts, func(of string) bool { return strings.Contains(text, of) })
}

// noticing has an outage take note of how the commands of another client end.
type noticing struct {
	target target
	outage *outage
}

func (noticing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h noticing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		h.outage.saw(explainAway{target: h.target}.explained(err), time.Now)
		return err
	}
}

func (h noticing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Quiet returns a logger that says only for debugging what everybody has to say while Redis is away: that it is, the Conn
// itself says once.
func (c *Conn) Quiet(log *slog.Logger) *slog.Logger {
	return slog.New(quiet{log.Handler(), &c.outage})
}

type quiet struct {
	slog.Handler
	outage *outage
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if r.Level > slog.LevelDebug && q.saysSo(r) {
		if r.Level = slog.LevelDebug; !q.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return q.Handler.Handle(ctx, r)
}

// saysSo reports whether a line says no more than that Redis is away. asynq's lines, which hold no error but its text, are taken
// to while it is, and those that speak of the network for a little longer.
func (q quiet) saysSo(r slog.Record) (yes bool) {
	if strings.HasPrefix(r.Message, "asynq: ") && (q.outage.lasting() || q.outage.echoing(time.Now()) && speaksOfAway(r.Message)) {
		return true
	}
	r.Attrs(func(a slog.Attr) bool {
		err, is := a.Value.Any().(error)
		yes = is && IsAway(err)
		return !yes
	})
	return yes
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.outage}
}

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.outage} }
