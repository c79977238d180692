package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// request is what a test sends.
type request struct {
	method, path, body string
	header             map[string]string
	host               string
	reader             io.Reader // in the body's place
}

func (b *bench) do(r request) answer {
	b.t.Helper()
	a, err := b.try(ctx, r)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *bench) try(ctx context.Context, r request) (answer, error) {
	if r.reader == nil {
		r.reader = strings.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, b.url+r.path, r.reader)
	if err != nil {
		return answer{}, err
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	req.Host = r.host
	resp, err := b.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

func (b *bench) post(path, body string) answer {
	b.t.Helper()
	return b.do(request{method: http.MethodPost, path: path, body: body})
}

func (b *bench) get(path string) answer {
	b.t.Helper()
	return b.do(request{method: http.MethodGet, path: path})
}

func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// decoded is the answer's body as T.
func decoded[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return v
}

// later sends a request, and returns what is answered when it is asked for.
func (b *bench) later(r request) (answered func() answer) {
	b.t.Helper()
	ch := make(chan answer, 1)
	errs := make(chan error, 1)
	go func() {
		a, err := b.try(ctx, r)
		ch <- a
		errs <- err
	}()
	return func() answer {
		b.t.Helper()
		select {
		case a := <-ch:
			if err := <-errs; err != nil {
				b.t.Fatal(err)
			}
			return a
		case <-time.After(patience):
			b.t.Fatal("no answer came")
		}
		return answer{}
	}
}

var errBroken = errors.New("broken")

// recorded serves a request without a network.
func (b *bench) recorded(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	return w
}

// TestRegressionParametersNameTheRemedy: what is wrong with a parameter was once said in words that name no remedy.
func TestRegressionParametersNameTheRemedy(t *testing.T) {
	b := newBench(t)
	for query, want := range map[string]string{
		"reissue=planted": "write true or false", "lanes=planted": "leave it out", "lane=planted": `one of "interactive, bulk"`, "wait=planted": "write a time like 20s",
	} {
		a := b.post("/v1/orders?"+query, event()).want(t, http.StatusBadRequest)
		if !strings.Contains(string(a.body), strings.ReplaceAll(want, `"`, `\"`)) || strings.Contains(string(a.body), "planted") {
			t.Errorf("%s: %s, want %q", query, a.body, want)
		}
	}
}
