package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
