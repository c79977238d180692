package worker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/ledger"
)

// TestLogNamesTheTrace, so that one leads to the other.
func TestLogNamesTheTrace(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for trace, want := range map[string]int{"00-" + id + "-00f067aa0ba902b7-01": 2, "": 0} {
		var out bytes.Buffer
		logAttempt(t.Context(), debugLog(&out), &Attempted{Attempt: ledger.Attempt{Trace: trace}})
		logEmail(t.Context(), debugLog(&out), &EmailAttempted{Attempt: ledger.EmailAttempt{Trace: trace}})
		got := out.String()
		if strings.Count(got, "trace_id=") != want || strings.Count(got, "trace_id="+id) != want {
			t.Errorf("%q: %s", trace, got)
		}
	}
}
