package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// stalled sends the head of a request, and the first byte of its body.
func (b *bench) stalled(path string) answer {
	b.t.Helper()
	conn := b.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", path)
	return b.answerOn(conn)
}

func (b *bench) dial() net.Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func (b *bench) answerOn(conn io.Reader) answer {
	b.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func TestABodyThatDoesNotCome(t *testing.T) {
	b := newBench(t)
	b.api.Hurry(50 * time.Millisecond)
	conn := b.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	b.answerOn(conn).want(t, http.StatusRequestTimeout)
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
}

// TestRegressionAWaitEndedWithTheTimeForItsBody: the deadline for reading a body goes on to hold while net/http watches whether
// the client is still there, and ends the request's context.
func TestRegressionAWaitEndedWithTheTimeForItsBody(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	b.api.Hurry(100 * time.Millisecond)
	b.post("/v1/orders", ref("two"))
	all := []func() answer{
		b.later(request{method: http.MethodPost, path: "/v1/orders?wait=30s", body: ref("one")}),
		b.later(request{method: http.MethodGet, path: "/v1/orders/M1/two?wait=30s"}),
	}
	b.awaitReading()
	time.Sleep(300 * time.Millisecond)
	b.issue(key("one"))
	b.issue(key("two"))
	for _, a := range all {
		if got := decoded[api.OrderAnswer](t, a().want(t, http.StatusOK)); got.State != ledger.Issued {
			t.Errorf("%+v", got)
		}
	}
}

func TestAWaitEndsWhenTheClientGoes(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	leaving, leave := context.WithCancel(ctx)
	gone := make(chan error)
	go func() {
		_, err := b.try(leaving, request{method: http.MethodPost, path: "/v1/orders?wait=60s", body: event()})
		gone <- err
	}()
	b.awaitReading()
	leave()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	if line := b.log.await(t, 1)[0]; line["client_gone"] != true {
		t.Errorf("%v", line)
	}
}

// TestShutdownAnswersThoseWhoWait at once, with the state so far, and ends batches after the lines that came.
func TestShutdownAnswersThoseWhoWait(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	b.post("/v1/orders", ref("two"))
	post := b.later(request{method: http.MethodPost, path: "/v1/orders?wait=60s", body: event()})
	get := b.later(request{method: http.MethodGet, path: "/v1/orders/M1/two?wait=60s"})
	lines := b.openBatch("")
	lines.send(ref("three"))
	lines.wantStatus("accepted")
	b.awaitReading()
	b.get("/readyz").want(t, http.StatusOK)

	begun := time.Now()
	ended, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- b.server.Shutdown(ended) }()
	if got := decoded[api.OrderAnswer](t, post().want(t, http.StatusAccepted)); got.State != ledger.Queued {
		t.Errorf("%+v", got)
	}
	get().want(t, http.StatusOK)
	if l := lines.next(); l.Status != "unknown" || l.Line != 2 || l.RetryAfter == 0 {
		t.Errorf("%+v", l)
	}
	lines.wantEnd()
	lines.close()
	if err := <-down; err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if w := b.recorded(newRequest("/readyz")); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"server":"not ready"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func newRequest(path string) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	return r
}

func TestAHeadThatIsTooLarge(t *testing.T) {
	b := newBench(t)
	b.do(request{method: http.MethodGet, path: "/healthz", header: map[string]string{"X": strings.Repeat("x", 40<<10)}}).want(t, http.StatusRequestHeaderFieldsTooLarge)
}
