package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer collects lines of the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// lines are the lines about requests. The line about a request comes after its answer.
func (l *logBuffer) await(t testing.TB, n int) (lines []map[string]any) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		lines = nil
		for text := range strings.Lines(l.text()) {
			var line map[string]any
			if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == "request" {
				lines = append(lines, line)
			}
		}
		if len(lines) >= n {
			return lines
		}
	}
	t.Fatalf("%d lines about requests, want %d: %s", len(lines), n, l.text())
	return nil
}

// TestOneLineOfTheLogForEachRequest, with ids, and nothing of what an order holds.
func TestOneLineOfTheLogForEachRequest(t *testing.T) {
	b := newBench(t, withTokens(map[string]string{"shop": "secret-of-shop"}))
	b.post("/v1/orders", event("billing_address", map[string]any{"country": "JP", "city": "Shinjuku-ku"})).want(t, http.StatusUnauthorized)
	b.token = "secret-of-shop"
	b.post("/v1/orders", event("billing_address", map[string]any{"country": "JP", "city": "Shinjuku-ku"})).want(t, http.StatusAccepted)
	b.get("/v1/orders/M1/r")
	b.do(request{method: http.MethodPost, path: "/v1/orders/batch", body: event() + "\n{", header: ndjson})
	lines := b.log.await(t, 4)
	var short []string
	for _, l := range lines {
		short = append(short, fmt.Sprint(l["method"], " ", l["route"], " ", l["status"], " ", l["token"], " ", l["merchant"], " ", l["ref"], " ", l["known"], " ", l["rejected"]))
	}
	want := []string{
		"POST POST /v1/orders 401 <nil> <nil> <nil> <nil> <nil>",
		"POST POST /v1/orders 202 shop M1 r <nil> <nil>",
		"GET GET /v1/orders/{merchant_id}/{ref} 200 shop M1 r <nil> <nil>",
		"POST POST /v1/orders/batch 200 shop <nil> <nil> <nil> 1",
	}
	// The batch's first line is a conflict: another address.
	if !slices.Equal(short, want) || lines[3]["conflict"] != 1.0 || len(lines) != 4 {
		t.Errorf("%q", short)
	}
	for _, private := range []string{"secret-of-shop", "Shinjuku", "shop@shop.example"} {
		if strings.Contains(b.log.text(), private) {
			t.Errorf("the log has %q", private)
		}
	}
}
