package doctor_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/cli"
)

var settingsRows = []row{
	{"hardly anything is set, and there are orders", func(t *testing.T, s *scene) {
		s.handIn(t, "M-1001", "1") // whose merchant is not said to have no profile: nobody knows
		s.alive(t, cli.Version())
		for _, name := range []string{"MERCHANT_ID", "MERCHANT_EMAIL", "GATEWAY_URL", "API_KEY_FILE", "X_API_KEY_FILE"} {
			delete(s.env, name)
		}
	}, []string{
		"MEND settings: --merchant-id / HPPLINK_MERCHANT_ID: merchant_id is required: it is part of the order's identity",
		"MEND settings: --gateway-url / HPPLINK_GATEWAY_URL: gateway URL is missing: give it like https://api.paymentoptions.com/api/v1",
		"MEND settings: --api-key / HPPLINK_API_KEY or …_FILE: API key is missing",
		"MEND settings: --x-api-key / HPPLINK_X_API_KEY or …_FILE: x-api-key is missing",
	}, 2},
	{"a settings file with a mistake", func(t *testing.T, s *scene) {
		s.settingsFile(t, "    tiemout: 15s\n")
		s.also("{file}", s.env["CONFIG"])
	}, []string{"MEND settings: {file}:7:5: {…}timeout{…}"}, 2},
	{"HTTP for all, without a token", func(t *testing.T, s *scene) { s.env["LISTEN"] = "0.0.0.0:0" }, []string{
		"MEND HTTP: --listen / HPPLINK_LISTEN: others than this machine could reach that address, and there is no token: set --token / HPPLINK_TOKEN or …_FILE, or tokens in the settings file, or listen on 127.0.0.1",
	}, 2},
	{"another program listens there", func(t *testing.T, s *scene) {
		other := httptest.NewServer(answering(200))
		t.Cleanup(other.Close)
		s.env["LISTEN"] = strings.TrimPrefix(other.URL, "http://")
		s.also("{listen}", s.env["LISTEN"])
	}, []string{"MEND HTTP: {listen}: another program listens there → set --listen / HPPLINK_LISTEN to another address, or stop it"}, 1},
	{"orders are forgotten too soon", func(t *testing.T, s *scene) { s.env["RETENTION"] = "1h" }, []string{
		"MEND settings: orders would be forgotten before they may be given up: set --retention (1h0m0s) to at least --max-age (24h0m0s)",
	}, 2},
	{"orders are given up too soon", func(t *testing.T, s *scene) { s.env["MAX_AGE"] = "1m" }, []string{
		"MEND times: M-1001: an order is tried for 1m0s (HPPLINK_MAX_AGE), and one call may take 15s: few are tried twice → raise HPPLINK_MAX_AGE to 2m30s or more, or lower the time-out",
	}, 1},
	{"no call at once", func(t *testing.T, s *scene) { s.env["ROLES"], s.env["CONCURRENCY"] = "worker", "0" }, []string{
		"MEND settings: --concurrency / HPPLINK_CONCURRENCY: 0 is not between 1 and 10000",
	}, 2},
	{"a broken mail template", func(t *testing.T, s *scene) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "body.html"), []byte("{{.Nam}}"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.settingsFile(t, "    mail: {from: pay@sakura.co.jp, templates: "+folder+"}\n")
	}, []string{"MEND mail of M-1001: body.html:1:{…}"}, 2},
	{"secrets in the environment", func(t *testing.T, s *scene) {
		delete(s.env, "API_KEY_FILE")
		s.env["API_KEY"] = apiKey
	}, []string{
		"note secrets: secrets stand in the environment, where crash reports and child processes have them: HPPLINK_API_KEY → give them as files: …_FILE, or {file: …} in the settings file",
	}, 0},
	{"traces that go nowhere", func(t *testing.T, s *scene) { t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318") }, []string{
		"MEND traces: OTEL_EXPORTER_OTLP_ENDPOINT: {…}",
	}, 2},
}
