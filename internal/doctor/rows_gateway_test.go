package doctor_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

const toTests = "127.0.0.1:{gateway}"

var gatewayRows = []row{
	{"nobody answers", func(t *testing.T, s *scene) {
		gone := httptest.NewServer(nil)
		gone.Close()
		s.gateway(gone.URL + "/api/v1")
	}, []string{"MEND gateway: M-1001: " + toTests + ": the gateway refused the connection → look at the network from here to there, and at HTTPS_PROXY if a proxy is needed"}, 1},
	{"a host that does not resolve", func(t *testing.T, s *scene) { s.env["GATEWAY_URL"] = "https://api..paymentoptions.com/api/v1" }, []string{
		"MEND gateway: M-1001: api..paymentoptions.com: the gateway's host cannot be resolved; check the gateway URL → correct gateway_url / HPPLINK_GATEWAY_URL",
	}, 1},
	{"no answer in time", func(t *testing.T, s *scene) {
		s.gateway("http://" + between{}.listen(t) + "/api/v1")
		s.env["GATEWAY_TIMEOUT"] = "1s"
	}, []string{
		"note times: M-1001: calls end after 1s, and each that ends so may leave a link that nobody saw → raise timeout / HPPLINK_GATEWAY_TIMEOUT to 15s",
		"MEND gateway: M-1001: " + toTests + ": no answer within 1s → look at the network from here to there, and at HTTPS_PROXY if a proxy is needed",
	}, 1},
	{"the keys are wrong", func(t *testing.T, s *scene) { s.env["X_API_KEY_FILE"] = file(t, "key", "planted-wrong-key") }, []string{
		"MEND keys: M-1001: the gateway refuses the keys (401: {…}) → correct api_key, x_api_key and api_key_encoding; if they are right, ask the gateway's people whether they let this machine in",
	}, 1},
	{"keys that can not be told", func(t *testing.T, s *scene) { s.gateway(serve(t, simulated(t, false), sound)) }, []string{
		"note keys: M-1001: whether the gateway takes the keys could not be told: it answers 400 to an empty order, and 400 with keys that are nobody's → hand one order in, and look at its result",
	}, 0},
	{"no gateway at this path", func(t *testing.T, s *scene) { s.gateway(serve(t, answering(404), sound)) }, []string{
		"MEND gateway: M-1001: https://" + toTests + "/api/v1 answers 404: there is no gateway at this path → correct gateway_url / HPPLINK_GATEWAY_URL: all up to, without /server-to-server-interface",
	}, 1},
	{"a redirect", func(t *testing.T, s *scene) {
		s.gateway(serve(t, answering(301, "Location", "https://elsewhere.example/?planted=1"), sound))
	}, []string{
		"MEND gateway: M-1001: the gateway answered with a redirect (301) to https://elsewhere.example; check the gateway URL → correct gateway_url / HPPLINK_GATEWAY_URL",
	}, 1},
	{"something that says yes to everything", func(t *testing.T, s *scene) { s.gateway(serve(t, answering(200), sound)) }, []string{
		"MEND gateway: M-1001: https://" + toTests + "/api/v1 says yes (200) to an empty order, which the gateway would refuse → see whether gateway_url / HPPLINK_GATEWAY_URL is the gateway's",
	}, 1},
	{"an ill gateway", func(t *testing.T, s *scene) { s.gateway(serve(t, answering(502), sound)) }, []string{
		"MEND gateway: M-1001: the gateway answers 502: the gateway answered 502 Bad Gateway → call the gateway's people, or wait",
	}, 1},
	{"a gateway without time", func(t *testing.T, s *scene) { s.gateway(serve(t, answering(503), sound)) }, []string{
		"note gateway: M-1001: the gateway has no time now (503), so the keys could not be looked at → run this again later",
	}, 0},
	{"its certificate has expired", func(t *testing.T, s *scene) { s.gateway(serve(t, simulated(t, true), expired)) }, []string{
		"MEND gateway: M-1001: the TLS certificate of " + toTests + " ended on " + lastDay + " → renew it",
	}, 1},
	{"its certificate is for another host", func(t *testing.T, s *scene) { s.gateway(serve(t, simulated(t, true), foreign)) }, []string{
		`MEND gateway: M-1001: the TLS certificate of ` + toTests + ` is not for "127.0.0.1" but for other.example → correct the host in its URL, or have a certificate made for it`,
	}, 1},
	{"its certificate is of a stranger", func(t *testing.T, s *scene) { s.gateway(serve(t, simulated(t, true), stranger)) }, []string{
		"MEND gateway: M-1001: the TLS certificate of " + toTests + " is of an authority that this machine does not know → install the package ca-certificates, or name a file with the authority's certificate in SSL_CERT_FILE",
	}, 1},
	{"its certificate ends soon", func(t *testing.T, s *scene) {
		s.gateway(serve(t, simulated(t, true), ending))
		_, end := certificate(t, ending)
		s.also("{end}", end)
	}, []string{
		"MEND certificate: the TLS certificate of " + toTests + " ends on {end}, in 3 days → have it renewed, and see why it does not renew itself",
	}, 1},
	{"it speaks no TLS", func(t *testing.T, s *scene) {
		plain := httptest.NewServer(simulated(t, true))
		t.Cleanup(plain.Close)
		s.gateway(strings.Replace(plain.URL, "http:", "https:", 1) + "/api/v1")
	}, []string{"MEND gateway: M-1001: " + toTests + " does not speak TLS there → correct the scheme or the port of its URL"}, 1},
	{"a gateway for tests", func(t *testing.T, s *scene) {
		s.env["GATEWAY_URL"], s.args = "https://api-staging.paymentoptions.com/api/v1", []string{"--offline"}
	}, []string{"note gateway: M-1001: by its name api-staging.paymentoptions.com is a gateway for tests → set the gateway's production URL for real payments"}, 0},
	{"links that may point elsewhere", func(t *testing.T, s *scene) {
		s.env["GATEWAY_URL"], s.args = "https://gateway.sakura.co.jp/api/v1", []string{"--offline"}
	}, []string{
		"note gateway: M-1001: the gateway is at gateway.sakura.co.jp, and its links may point to *.paymentoptions.com only; others would not be published → set link_hosts / HPPLINK_LINK_HOSTS if its links point elsewhere",
	}, 0},
}

// gateway has the scene use another gateway.
func (s *scene) gateway(base string) {
	s.env["GATEWAY_URL"] = base
	s.also("{gateway}", portOf(strings.TrimSuffix(base, "/api/v1")))
}
