package tracing_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/tracing"
)

func TestOff(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing is set":  {},
		"no exporter":     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
		"disabled":        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "TRUE"},
		"white space":     {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
		"bad, but unused": {"OTEL_EXPORTER_OTLP_HEADERS": "secret", "OTEL_TRACES_SAMPLER": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range env {
				t.Setenv(variable, value)
			}
			traces := setup(t)
			if traces != nil || traces.Intake(tracing.HTTP) != nil || traces.Observers(nil) != nil {
				t.Errorf("traces are made: %v", traces)
			}
			if where, err := tracing.Check(); where != "" || err != nil {
				t.Errorf("%q %v", where, err)
			}
		})
	}
}

// TestOffKeepsNothing: a trace context that nobody makes spans under is not stored.
func TestOffKeepsNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		h := newHall(t, addr)
		h.door.Submit(ctx, []intake.Event{
			{JSON: orderEvent("A"), Lane: order.Bulk, Trace: callers}, {JSON: orderEvent("B"), Lane: order.Bulk},
		})
		fields := func(ref string) map[string]string {
			return h.conn.Client().HGetAll(ctx, h.Keys().Record(order.Key{MerchantID: "M1", Ref: ref})).Val()
		}
		a, b := fields("A"), fields("B")
		for name, value := range a {
			if _, too := b[name]; !too || strings.Contains(value, callersTrace) {
				t.Errorf("%s: %q and %q", name, value, b[name])
			}
		}
		if len(a) != len(b) || len(a) == 0 {
			t.Errorf("%d fields and %d", len(a), len(b))
		}
	})
}

// TestUnsampled: nothing is exported of an order whose sender, or sampler, wants none of it, and nothing is stored.
func TestUnsampled(t *testing.T) {
	for name, test := range map[string]struct{ sampler, parent string }{
		"by its sender":  {"", callers[:len(callers)-1] + "0"},
		"by the sampler": {"always_off", ""},
		"by chance":      {"parentbased_traceidratio", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_TRACES_SAMPLER", test.sampler)
			t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
			c, h := collect(t), newHall(t, redistest.Mini(t).Addr())
			traces := setup(t)
			h.door.Trace(traces.Intake(tracing.Stream))
			h.door.Submit(ctx, []intake.Event{{JSON: orderEvent("R"), Lane: order.Bulk, Trace: test.parent}})
			traces.Shutdown()
			if got := h.stored(t, "R"); got != "" || len(c.all()) != 0 {
				t.Errorf("stored %q, %d spans", got, len(c.all()))
			}
		})
	}
}

// deaf answers every script without a Redis, so that what is counted is ours.
type deaf struct{}

func (deaf) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (deaf) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (deaf) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if c, ok := cmd.(*redis.Cmd); ok {
				c.SetVal([]any{"known"})
			}
		}
		return nil
	}
}

func TestOffCostsNoAllocation(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer rdb.Close()
	rdb.AddHook(deaf{})
	q := queue.NewClient(asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, "hpp")
	defer q.Close()
	var none *tracing.Tracing
	plain := intake.New(partition.Single(ledger.New(rdb, "hpp", 0)), q, nil, quiet)
	off := intake.New(partition.Single(ledger.New(rdb, "hpp", 0)), q, nil, quiet).Trace(none.Intake(tracing.HTTP))
	submit := func(d *intake.Door, trace string) float64 {
		events := []intake.Event{{JSON: []byte(`{"merchant_txn_ref":"r"}`), Lane: order.Bulk, Tried: true, Trace: trace}}
		return testing.AllocsPerRun(1000, func() {
			if r := d.Submit(ctx, events); r[0].Status != intake.Known {
				t.Fatalf("%+v", r)
			}
		})
	}
	if without, with := submit(plain, ""), submit(off, callers); with > without {
		t.Errorf("%v allocations an order, %v without", with, without)
	}
	if _, answered := off.Begin(intake.Event{Trace: callers}); answered != nil {
		t.Error("a task of a plain client is traced")
	}
}

// BenchmarkOrder is what tracing costs an order, from intake to email, beside the export.
func BenchmarkOrder(b *testing.B) {
	for name, sampler := range map[string]string{"sampled": "always_on", "unsampled": "always_off", "off": ""} {
		b.Run(name, func(b *testing.B) {
			if sampler != "" {
				b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
				b.Setenv("OTEL_TRACES_SAMPLER", sampler)
			}
			traces := setup(b)
			begin, observers := traces.Intake(tracing.HTTP), traces.Observers(shops)
			b.ReportAllocs()
			for b.Loop() {
				attempt, email := exampleAttempt, exampleEmail
				if begin != nil {
					var answered func(intake.Receipt)
					attempt.Attempt.Trace, answered = begin(intake.Event{Lane: order.Bulk, Trace: callers})
					answered(intake.Receipt{Status: intake.Accepted, Key: attempt.Attempt.Key})
				}
				email.Attempt.Trace = attempt.Attempt.Trace
				for _, o := range observers {
					o.Attempted(ctx, attempt)
					o.EmailAttempted(ctx, email)
				}
			}
		})
	}
}
