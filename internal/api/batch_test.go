package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

var ndjson = map[string]string{"Content-Type": "application/x-ndjson"}

// openedBatch is a batch whose body and answers are both on the way.
type openedBatch struct {
	b       *bench
	body    *io.PipeWriter
	answers *http.Response
	lines   *bufio.Scanner
}

func (b *bench) openBatch(query string) *openedBatch {
	b.t.Helper()
	read, write := io.Pipe()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v1/orders/batch"+query, read)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d", resp.StatusCode)
	}
	return &openedBatch{b, write, resp, bufio.NewScanner(resp.Body)}
}

func (o *openedBatch) send(line string) {
	o.b.t.Helper()
	if _, err := io.WriteString(o.body, line+"\n"); err != nil {
		o.b.t.Fatal(err)
	}
}

func (o *openedBatch) next() (l api.LineAnswer) {
	o.b.t.Helper()
	if !o.lines.Scan() {
		o.b.t.Fatalf("no answer: %v", o.lines.Err())
	}
	if err := json.Unmarshal(o.lines.Bytes(), &l); err != nil {
		o.b.t.Fatal(err)
	}
	return l
}

func (o *openedBatch) wantStatus(status string) {
	o.b.t.Helper()
	if l := o.next(); string(l.Status) != status {
		o.b.t.Errorf("%+v, want %s", l, status)
	}
}

func (o *openedBatch) wantEnd() {
	o.b.t.Helper()
	if o.lines.Scan() {
		o.b.t.Errorf("it goes on: %s", o.lines.Text())
	}
}

func (o *openedBatch) close() {
	o.body.Close()
	o.answers.Body.Close()
}

// TestBatchIsAnsweredWhileItComes: line k+1 is sent only when the answer to line k was read.
func TestBatchIsAnsweredWhileItComes(t *testing.T) {
	b := newBench(t)
	o := b.openBatch("?lane=interactive")
	for i := 1; i <= 50; i++ {
		o.send(ref(fmt.Sprint("r", i)))
		if l := o.next(); l.Line != i || l.Status != "accepted" || l.Ref != fmt.Sprint("r", i) || l.Generation != 1 || l.State != ledger.Queued {
			t.Fatalf("%+v", l)
		}
	}
	o.body.Close()
	o.wantEnd()
	o.close()
}

func (b *bench) batch(query, body string) (lines []api.LineAnswer) {
	b.t.Helper()
	a := b.do(request{method: http.MethodPost, path: "/v1/orders/batch" + query, body: body, header: ndjson}).want(b.t, http.StatusOK)
	for text := range strings.Lines(a.body) {
		var l api.LineAnswer
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestBatchAnswersEachLineInOrder(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders", ref("old"))
	b.issue(key("old"))
	body := "\ufeff" + ref("a") + "\r\n" +
		"\n  \n" +
		"no JSON\n" +
		strings.Repeat("x", 3*order.MaxBytes) + "\n" +
		event("merchant_txn_ref", "a", "amount", 7) + "\n" +
		"\xff\n" +
		ref("old") + "\n" +
		event("merchant_id", "small", "merchant_txn_ref", "1") + "\n" +
		event("merchant_id", "small", "merchant_txn_ref", "2") + "\n" +
		ref("z") // and no line feed
	lines := b.batch("", body)
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprint(l.Line, " ", l.Status, " ", l.Ref))
	}
	want := []string{"1 accepted a", "4 rejected ", "5 rejected ", "6 conflict a", "7 rejected ", "8 known old", "9 accepted 1", "10 full 2", "11 accepted z"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	if l := lines[3]; !slices.Equal(l.Fields, []string{"amount"}) || l.Message == "" {
		t.Errorf("%+v", l)
	}
	if l := lines[5]; l.State != ledger.Issued || l.URL == "" || l.LinkID == "" {
		t.Errorf("%+v", l)
	}
	if len(lines[1].Errors) == 0 || len(lines[2].Errors) == 0 || lines[7].RetryAfter == 0 {
		t.Errorf("%+v", lines)
	}
	if r, _, err := b.ledger.Get(ctx, key("a")); err != nil || r.Lane != order.Bulk {
		t.Errorf("%+v %v", r, err)
	}
}

func TestBatchOfNothing(t *testing.T) {
	b := newBench(t)
	if lines := b.batch("", "\n\r\n"); len(lines) != 0 {
		t.Errorf("%+v", lines)
	}
}

// TestBatchThatBreaksOff takes no half line, and what was answered before it stays.
func TestBatchThatBreaksOff(t *testing.T) {
	b := newBench(t)
	o := b.openBatch("")
	o.send(ref("a"))
	o.wantStatus("accepted")
	whole := ref("b")
	io.WriteString(o.body, whole)
	o.body.CloseWithError(errBroken)
	o.answers.Body.Close()
	b.log.await(t, 1)
	if _, found, err := b.ledger.Get(ctx, key("b")); found || err != nil {
		t.Errorf("a line that broke off was taken: %v", err)
	}
}

func TestBatchWhoseNextLineDoesNotCome(t *testing.T) {
	b := newBench(t)
	b.api.Hurry(200 * time.Millisecond)
	o := b.openBatch("")
	for i := range 4 { // longer in all than one line may take
		time.Sleep(80 * time.Millisecond)
		o.send(ref(fmt.Sprint(i)))
		o.wantStatus("accepted")
	}
	if l := o.next(); l.Line != 5 || l.Status != "unknown" || !strings.Contains(l.Message, "in time") {
		t.Errorf("%+v", l)
	}
	o.wantEnd()
	o.close()
}

func TestBatchWhileRedisGoesAway(t *testing.T) {
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	b := newBenchAt(t, server.Addr)
	b.api.HurryRedis(300 * time.Millisecond)
	o := b.openBatch("")
	o.send(ref("a"))
	o.wantStatus("accepted")
	server.Kill()
	o.send(ref("b"))
	if l := o.next(); l.Status != "unknown" || l.RetryAfter == 0 || l.Ref != "b" || strings.Contains(l.Message, server.Addr) {
		t.Errorf("%+v", l)
	}
	server.Restart(t)
	o.send(ref("b"))
	for l := o.next(); l.Status != "accepted"; l = o.next() { // the client may have to notice first
		o.send(ref("b"))
	}
	o.close()
}

// TestBatchHoldsLittle of a body that is much larger than what it may hold: two chunks of lines or three, of some 6 MB each.
func TestBatchHoldsLittle(t *testing.T) {
	b := newBench(t)
	read, write := io.Pipe()
	line := event("extra", map[string]any{"x": strings.Repeat("x", 60<<10)}) + "\n" // invalid or not, it is read
	go func() {
		for range 800 { // 48 MB
			if _, err := io.WriteString(write, strings.Replace(line, `"M1"`, `"nobody"`, 1)); err != nil {
				return
			}
		}
		write.Close()
	}()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v1/orders/batch", read)
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, most := 0, uint64(0)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); n++ {
		if n%100 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	if grown := int64(most) - int64(before.HeapAlloc); n != 800 || grown > 24<<20 {
		t.Errorf("%d answers, %d MiB more held", n, grown>>20)
	}
}

// TestBatchWithExpect: a client that asks whether to send hears that first.
func TestBatchWithExpect(t *testing.T) {
	b := newBench(t)
	conn := b.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/orders/batch HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(event()))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	in.ReadString('\n')
	io.WriteString(conn, event())
	if a := b.answerOn(in).want(t, http.StatusOK); !strings.Contains(a.body, `"accepted"`) {
		t.Error(a.body)
	}
}
