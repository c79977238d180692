package gateway_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
)

// TestKnock: what is sent is no order, has the merchant's keys, and its answer is told as any other.
func TestKnock(t *testing.T) {
	for status, want := range map[int]gateway.Outcome{400: gateway.Rejected, 401: gateway.Misconfigured, 302: gateway.Misconfigured, 502: gateway.Uncertain, 200: gateway.Uncertain} {
		var got *http.Request
		var body []byte
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(status)
		})
		p := profile(t, s.URL)
		k := newClient(t).Knock(context.Background(), p)
		if k.Outcome != want || k.Status != status || k.Cause != nil || k.TLS != nil {
			t.Errorf("%d: %+v", status, k)
		}
		if string(body) != "{}" || got.Method != http.MethodPost || got.Header.Get("Authorization") != "Basic "+p.APIKey.Reveal() || got.Header.Get("X-Api-Key") != p.XAPIKey.Reveal() {
			t.Errorf("%s %s %v", got.Method, body, got.Header)
		}
	}
}

func TestKnockAtNobody(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	p := profile(t, s.URL)
	s.Close()
	if k := newClient(t).Knock(context.Background(), p); k.Outcome != gateway.Unavailable || k.Code != "connection_refused" || k.Cause == nil {
		t.Errorf("%+v", k)
	}
}
