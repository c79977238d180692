package tracing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hibiken/asynq"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/tracing"
)

// hall is a door with nothing behind it but a ledger.
type hall struct {
	*ledger.Ledger
	door *intake.Door
	conn *redisconn.Conn
}

func newHall(t testing.TB, addr string) *hall {
	t.Helper()
	conn, err := redisconn.Open(ctx, "redis://"+addr, quiet)
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewClient(conn.AsynqOpt(), "hpp")
	t.Cleanup(func() {
		q.Close()
		conn.Close()
	})
	l := ledger.New(conn.Client(), "hpp", 0)
	if err := l.MailersUp(ctx); err != nil {
		t.Fatal(err)
	}
	return &hall{l, intake.New(partition.Single(l), q, nil, quiet), conn}
}

func setup(t testing.TB) *tracing.Tracing {
	t.Helper()
	traces, err := tracing.Setup(ctx, tracing.Config{Namespace: "hpp", Version: "v0", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traces.Shutdown)
	return traces
}

// stored is the trace context that an order's record holds.
func (h *hall) stored(t *testing.T, ref string) string {
	t.Helper()
	return h.conn.Client().HGet(ctx, h.Keys().Record(order.Key{MerchantID: "M1", Ref: ref}), "trace").Val()
}

// TestAnswers: each event has its span, and only the one that was accepted is what the order is worked under.
func TestAnswers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		c, h := collect(t), newHall(t, addr)
		traces := setup(t)
		h.door.Trace(traces.Intake(tracing.HTTP))
		other := append(orderEvent("R1")[:len(orderEvent("R1"))-1], `,"time_zone":"Asia/Tokyo"}`...)
		h.door.Submit(ctx, []intake.Event{
			{JSON: orderEvent("R1"), Lane: order.Interactive, Trace: callers, Batch: "b1"}, {JSON: orderEvent("R1"), Lane: order.Bulk},
			{JSON: other, Lane: order.Bulk}, {JSON: []byte(`{"merchant_txn_ref":"R2","amount":"taro.yamada"}`), Lane: order.Bulk},
		})
		closed, cancel := context.WithCancel(ctx)
		cancel()
		h.door.Submit(closed, []intake.Event{{JSON: orderEvent("R3"), Lane: order.Bulk}})
		traces.Shutdown()

		var accepted *otlp.Span
		var answers []string
		for _, s := range c.named("intake") {
			answers = append(answers, attr(s, "hpplink.answer"))
			if attr(s, "hpplink.answer") == "accepted" {
				accepted = s
			}
		}
		if want := []string{"accepted", "known", "conflict", "rejected", "unknown"}; !sameWords(answers, want) {
			t.Fatalf("answers %q, want %q", answers, want)
		}
		if got := h.stored(t, "R1"); got != traceparent(accepted) {
			t.Errorf("stored %q, want %q", got, traceparent(accepted))
		}
		for name, want := range map[string]string{
			"hpplink.way": "http", "hpplink.lane": "interactive", "hpplink.merchant": "M1", "hpplink.ref": "R1", "hpplink.batch": "b1",
			"hpplink.generation": "1", "http.request.method": "POST",
		} {
			if got := attr(accepted, name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, s := range c.named("intake") {
			if away := attr(s, "hpplink.answer") == "unknown"; (s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR) != away {
				t.Errorf("%s: status %v", attr(s, "hpplink.answer"), s.Status)
			}
		}
		c.wantNoSecrets(t)
	})
}

func sameWords(got, want []string) bool {
	count := map[string]int{}
	for _, w := range got {
		count[w]++
	}
	for _, w := range want {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestOnlyTheLastAnswer: ways that hand an event in again until it is answered for good do not fill traces with it.
func TestOnlyTheLastAnswer(t *testing.T) {
	known, full := intake.Receipt{Status: intake.Known}, intake.Receipt{Status: intake.Full}
	unknown := intake.Receipt{Status: intake.Unknown, Err: errors.New("away")}
	for w, want := range map[tracing.Way]int{tracing.HTTP: 6, tracing.Stream: 2, tracing.Enqueue: 2, tracing.Bulk: 2, tracing.Asynq: 6} {
		t.Run(string(w), func(t *testing.T) {
			c, traces := collect(t), setup(t)
			begin := traces.Intake(w)
			for _, r := range []intake.Receipt{full, unknown, known} {
				for _, parent := range []string{callers, ""} {
					_, answered := begin(intake.Event{Lane: order.Bulk, Trace: parent})
					answered(r)
				}
			}
			traces.Shutdown()
			if got := len(c.all()); got != want {
				t.Errorf("%d spans, want %d", got, want)
			}
		})
	}
}

// TestTaskOfAnotherTrace: an order that is known by then keeps its trace, and the task has its span in its own.
func TestTaskOfAnotherTrace(t *testing.T) {
	c, s := collect(t), startSystem(t, redistest.Server(t))
	const other = "00-11111111111111111111111111111111-2222222222222222-01"
	ways[0].handIn(t, s, "smooth", callers)
	s.await(t, "link.issued", "smooth")
	ways[3].handIn(t, s, "smooth", other)
	ways[3].handIn(t, s, "smooth-2", other)
	s.finish(t, "email.sent", "smooth-2")
	var answers []string
	for _, span := range c.named("intake") {
		answers = append(answers, attr(span, "hpplink.answer"))
	}
	if want := []string{"accepted", "known", "accepted"}; !sameWords(answers, want) {
		t.Errorf("answers %q, want %q", answers, want)
	}
	if n := len(c.named("attempt")); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

// TestWhatElseComesWithATrace: the state is dropped, and of two parents neither counts.
func TestWhatElseComesWithATrace(t *testing.T) {
	c, s := collect(t), startSystem(t, redistest.Server(t))
	s.post(t, "/v1/orders", string(orderEvent("smooth")), "Traceparent", callers, "Tracestate", "vendor=secret-cart-77")
	s.post(t, "/v1/orders", string(orderEvent("smooth-2")), "Traceparent", callers, "Traceparent", callers)
	s.await(t, "link.issued", "smooth-2")
	s.finish(t, "link.issued", "smooth")
	for _, span := range c.named("intake") {
		if called := len(span.ParentSpanId) > 0; called != (attr(span, "hpplink.ref") == "smooth") || span.TraceState != "" {
			t.Errorf("%v", span)
		}
	}
	c.wantNoSecrets(t)
}

// TestTaskWithoutAnOrder is refused, and its sender sees that.
func TestTaskWithoutAnOrder(t *testing.T) {
	c, s := collect(t), startSystem(t, redistest.Server(t))
	client := asynq.NewClient(s.Redis.AsynqOpt())
	defer client.Close()
	bad := []byte(`{"merchant_id":"M1","merchant_txn_ref":"bad","amount":-1}`)
	task := asynq.NewTaskWithHeaders("link:generate", bad, map[string]string{"traceparent": callers})
	if _, err := client.Enqueue(task, asynq.Queue("hpp-interactive")); err != nil {
		t.Fatal(err)
	}
	s.finish(t, "order.rejected", "bad")
	intakes := c.named("intake")
	if len(intakes) != 1 || attr(intakes[0], "hpplink.answer") != "rejected" || attr(intakes[0], "hpplink.problems") == "" ||
		attr(intakes[0], "messaging.destination.name") != "hpp-interactive" || attr(intakes[0], "messaging.system") != "asynq" {
		t.Errorf("%v", intakes)
	}
}
