package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/intake"
)

// FuzzOrderBody: whatever is sent, the answer is one of the document's, and its body is JSON.
func FuzzOrderBody(f *testing.F) {
	for _, seed := range []string{event(), "", "{", "null", "[]", `{"merchant_id":"M1"}`, event("amount", "1e3"), event("extra", deep(40)), "\x00", "\xff\xfe", strings.Repeat("[", 100000)} {
		f.Add([]byte(seed))
	}
	b := newBench(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/orders", bytes.NewReader(body))
		w := b.recorded(r)
		switch w.Code {
		case http.StatusAccepted, http.StatusOK, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("no JSON: %q", w.Body)
		}
	})
}

// FuzzBatchBody: every line that is not empty is answered, in order, whatever is in it.
func FuzzBatchBody(f *testing.F) {
	for _, seed := range []string{event(), event() + "\n" + ref("b"), "\n\n{\n", "\ufeff" + event(), event() + "\r\n \r\n[]", "\xff\x00\n\xfe", strings.Repeat("x", 70_000) + "\n" + event()} {
		f.Add([]byte(seed))
	}
	b := newBench(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/orders/batch", bytes.NewReader(body))
		w := b.recorded(r)
		if w.Code != http.StatusOK {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		var want, got []int
		for i, line := range bytes.Split(bytes.TrimPrefix(body, []byte("\ufeff")), []byte("\n")) {
			if len(bytes.Trim(line, " \t\r")) > 0 {
				want = append(want, i+1)
			}
		}
		dec := json.NewDecoder(w.Body)
		for dec.More() {
			var a api.LineAnswer
			if err := dec.Decode(&a); err != nil {
				t.Fatal(err)
			}
			if got = append(got, a.Line); a.Status == intake.Rejected && len(a.Errors) == 0 {
				t.Errorf("line %d: rejected for no reason", a.Line)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("lines %v were answered, want %v of %q", got, want, body)
		}
	})
}
