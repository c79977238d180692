package tracing_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/tracing"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	callers      = "00-" + callersTrace + "-" + callersSpan + "-01"
	broken       = "00-" + callersTrace + "-zzf067aa0ba902b7-01"
)

// wantBelow is an order's trace: its first call fails, its second brings the link.
const wantBelow = `  queue wait internal
  attempt consumer !http_500
    gateway POST client !http_500
  attempt consumer
    gateway POST client
  publish producer
  email consumer
`

// way is how an order comes in, and what its trace begins with then.
type way struct {
	name, kind string
	handIn     func(t *testing.T, s *system, ref, parent string)
}

var ways = []way{
	{"http", "server", func(t *testing.T, s *system, ref, parent string) {
		if status := s.post(t, "/v1/orders", string(orderEvent(ref)), "Traceparent", parent); status != 202 {
			t.Errorf("status %d", status)
		}
	}},
	{"batch", "server", func(t *testing.T, s *system, ref, parent string) {
		s.post(t, "/v1/orders/batch", string(orderEvent(ref)), "Traceparent", parent)
	}},
	{"stream", "consumer", func(t *testing.T, s *system, ref, parent string) {
		add := &redis.XAddArgs{Stream: "{hpp}:orders", Values: []any{"order", orderEvent(ref), "traceparent", parent}}
		if err := s.Redis.Client().XAdd(ctx, add).Err(); err != nil {
			t.Error(err)
		}
	}},
	{"asynq", "consumer", func(t *testing.T, s *system, ref, parent string) {
		client := asynq.NewClient(s.Redis.AsynqOpt())
		defer client.Close()
		task := asynq.NewTaskWithHeaders("link:generate", orderEvent(ref), map[string]string{"traceparent": parent})
		if _, err := client.Enqueue(task, asynq.Queue("hpp-bulk")); err != nil {
			t.Error(err)
		}
	}},
	{"enqueue", "producer", func(t *testing.T, s *system, ref, _ string) {
		door := s.Door(s.merchants).Trace(s.Tracer(tracing.Enqueue))
		if r := door.Submit(ctx, []intake.Event{{JSON: orderEvent(ref), Lane: order.Bulk}}); r[0].Status != intake.Accepted {
			t.Errorf("%+v", r)
		}
	}},
}

// TestOneTree has orders come in by each way, from callers that have a trace and from some that have none.
func TestOneTree(t *testing.T) {
	c, s := collect(t), startSystem(t, redistest.Server(t))
	parents := map[string]string{"traced": callers, "alone": "", "broken": broken}
	var refs []string
	for _, w := range ways {
		for from, parent := range parents {
			ref := w.name + "-" + from
			refs = append(refs, ref)
			w.handIn(t, s, ref, parent)
		}
	}
	for _, ref := range refs {
		s.await(t, "email.sent", ref)
	}
	s.stop()
	drawn := 0
	for _, w := range ways {
		for from := range parents {
			drawn += wantOneTree(t, c, w, w.name+"-"+from, from == "traced" && w.name != "enqueue")
		}
	}
	if drawn != len(c.all()) {
		t.Errorf("%d spans of %d are in the trees", drawn, len(c.all()))
	}
	c.wantPlaced(t)
	c.wantNoSecrets(t)
}

// wantOneTree looks at the trace of an order, and returns how many spans are in it.
func wantOneTree(t *testing.T, c *collector, w way, ref string, called bool) int {
	t.Helper()
	roots := slices.DeleteFunc(c.named("intake"), func(s *otlp.Span) bool { return attr(s, "hpplink.ref") != ref })
	if len(roots) != 1 {
		t.Fatalf("%s has %d intake spans", ref, len(roots))
	}
	root := roots[0]
	if got := hex.EncodeToString(root.ParentSpanId); (got == callersSpan) != called || (got == "") == called {
		t.Errorf("%s has the parent %q", ref, got)
	}
	if got := hex.EncodeToString(root.TraceId); (got == callersTrace) != called {
		t.Errorf("%s is in trace %s", ref, got)
	}
	drawn, n := c.tree(root)
	if want := "intake " + w.kind + "\n" + wantBelow; drawn != want {
		t.Errorf("%s: got\n%swant\n%s", ref, drawn, want)
	}
	return n
}

func TestByGRPC(t *testing.T) {
	c, s := collectByGRPC(t), startSystem(t, redistest.Mini(t).Addr())
	ways[0].handIn(t, s, "R1", callers)
	s.finish(t, "email.sent", "R1")
	wantOneTree(t, c, ways[0], "R1", true)
	c.wantNoSecrets(t)
}
