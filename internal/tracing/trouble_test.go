package tracing_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/tracing"
)

var (
	eventR1   = intake.Event{JSON: orderEvent("R1"), Lane: order.Interactive}
	receiptR1 = intake.Receipt{Key: exampleKey, Status: intake.Accepted, Generation: 1}
)

// logged is a log to look at.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.b.String()), "\n")
}

func setupLogged(t *testing.T) (*tracing.Tracing, *logged) {
	t.Helper()
	log := &logged{}
	traces, err := tracing.Setup(ctx, tracing.Config{Namespace: "hpp", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traces.Shutdown)
	return traces, log
}

// TestCollectorThatRefuses: it repeats what it was sent, which is not what the log says.
func TestCollectorThatRefuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, word, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		http.Error(w, "denied: "+r.Header.Get("Authorization")+" or "+word+strings.Repeat("é", 1000), http.StatusUnauthorized)
	}))
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cr3t-word")
	traces, log := setupLogged(t)
	_, answered := traces.Intake(tracing.HTTP)(eventR1)
	answered(receiptR1)
	traces.Shutdown()
	lines := log.lines()
	if len(lines) != 1 || !strings.Contains(lines[0], "401 Unauthorized") || !strings.Contains(lines[0], "level=WARN") {
		t.Errorf("it logged %q", lines)
	}
	if strings.Contains(lines[0], "s3cr3t-word") || len(lines[0]) > 1000 {
		t.Errorf("it says too much: %q", lines[0])
	}
}

func TestTroubleIsSaidOnceAMinute(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	synctest.Test(t, func(t *testing.T) {
		traces, log := setupLogged(t)
		for range 5 {
			otel.Handle(errors.New("connection refused"))
			time.Sleep(29 * time.Second)
		}
		traces.Shutdown()
		if lines := log.lines(); len(lines) != 2 || !strings.Contains(lines[1], "more_like_it=2") {
			t.Errorf("%q", lines)
		}
	})
}

// TestLibrariesSayNoValues: what they find wrong with variables goes to the log without them.
func TestLibrariesSayNoValues(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "s3cr3t-word")
	_, log := setupLogged(t)
	if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "parse duration") || strings.Contains(lines[0], "s3cr3t-word") {
		t.Errorf("%q", lines)
	}
}

// TestCollectorThatHangs holds up neither the work nor the end.
func TestCollectorThatHangs(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			gone := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
			defer server.Close()
			defer close(gone)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
			traces, log := setupLogged(t)
			traces.FlushWithin(300 * time.Millisecond)
			o := traces.Observers(shops)[0]
			for range 1000 { // many more than there is room for
				o.Attempted(ctx, exampleAttempt)
			}
			begun := time.Now()
			traces.Shutdown()
			if took := time.Since(begun); took < 300*time.Millisecond || took > 8*time.Second { // the exporters' own bound is 10 s
				t.Errorf("the end took %v", took)
			}
			lines := log.lines()
			if last := lines[len(lines)-1]; !strings.Contains(last, "were not exported") {
				t.Errorf("it logged %q", lines)
			}
		})
	}
}
