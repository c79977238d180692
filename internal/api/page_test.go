package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestThePageNeedsNothingFromElsewhere: no address of another host, no code or style that its policy forbids.
func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	b := newBench(t, withTokens(map[string]string{"shop": "secret"}))
	for _, path := range []string{"/docs", "/docs/page.js", "/docs/page.css"} {
		a := b.get(path).want(t, http.StatusOK)
		policy := a.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, bad := range []string{"://", "\"//", "<style", "style=", " onclick", "<script>", "innerHTML", "eval(", "@import", "url("} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
}
