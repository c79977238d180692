package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
)

// Gateways are the merchants' gateways.
type Gateways struct {
	Merchants []merchant.Profile // complete
	Offline   bool               // no gateway is to be asked
	Now       func() time.Time   // this machine's clock; nil: time.Now
}

const (
	gatewayGroup = "gateways"
	knocking     = 8 // merchants that are looked at at once
)

// Examine looks at each merchant's gateway. It sends an empty order, of which no link can be made, with the merchant's keys,
// and if the gateway finds fault with the order, with keys that are nobody's: a gateway that refuses those took the others.
func (g Gateways) Examine(ctx context.Context) []Finding {
	if g.Now == nil {
		g.Now = time.Now
	}
	client := gateway.New(gateway.Options{Concurrency: knocking})
	defer client.CloseIdle()
	strangers := map[string]func() gateway.Knock{}
	for _, p := range g.Merchants {
		p.APIKey, p.XAPIKey = merchant.NewSecret("aHBwbGluay1jaGVjazo="), merchant.NewSecret("hpplink-check")
		strangers[p.GatewayURL.String()] = sync.OnceValue(func() gateway.Knock { return client.Knock(ctx, p) })
	}
	places := make(chan struct{}, knocking)
	probes := make([]Probe, len(g.Merchants))
	for i, p := range g.Merchants {
		probes[i] = func(ctx context.Context) []Finding {
			places <- struct{}{}
			defer func() { <-places }()
			v := visit{Gateways: g, client: client, p: p, stranger: strangers[p.GatewayURL.String()]}
			return v.examine(ctx)
		}
	}
	return aside(ctx, probes...)
}

// visit is a look at one merchant's gateway.
type visit struct {
	Gateways
	client   *gateway.Client
	p        merchant.Profile
	stranger func() gateway.Knock // the answer to keys that are nobody's
}

func (v visit) about(name string) subject { return about(gatewayGroup, name).of(v.p.ID) }

func (v visit) examine(ctx context.Context) []Finding {
	all := append([]Finding{v.profile()}, v.place()...)
	if v.Offline {
		return append(all, v.about("gateway").fine("%s: %s, calls end after %v; it was not asked", v.p.ID, v.p.GatewayURL, v.p.Timeout))
	}
	through, findings := v.proxy()
	all = append(all, findings...)
	if ctx.Err() != nil {
		return append(all, v.about("gateway").note("run this again", "%s: others took so long that its gateway was not asked", v.p.ID))
	}
	asked := time.Now()
	k := v.client.Knock(ctx, v.p)
	took := time.Since(asked)
	if k.Status == 0 {
		return append(all, v.silent(k, through, took))
	}
	all = append(all, v.answered(k, through, took)...)
	return append(all, v.about("certificate").expiry(v.p.GatewayURL.Host, k.TLS, v.Now())...)
}

func (v visit) profile() Finding {
	limit := "without a rate limit"
	if v.p.Rate > 0 {
		limit = fmt.Sprintf("at most %g calls a second", v.p.Rate)
	}
	return v.about("merchant").fine("%s, amounts in %s units, %s", v.p.ID, v.p.AmountUnit, limit)
}

// place judges a gateway by its address.
func (v visit) place() (all []Finding) {
	host := v.p.GatewayURL.Hostname()
	first, _, _ := strings.Cut(host, ".")
	switch {
	case isLoopback(host):
		return append(all, v.about("gateway").note("set the gateway's own URL for real payments", "%s: the gateway is on this machine, as a simulated one is", v.p.ID))
	case strings.HasSuffix(first, "-staging"), strings.HasSuffix(first, "-dev"), strings.HasSuffix(first, "-sandbox"):
		all = append(all, v.about("gateway").note("set the gateway's production URL for real payments", "%s: by its name %s is a gateway for tests", v.p.ID, host))
	}
	if !strings.HasSuffix(host, ".paymentoptions.com") && strings.Join(v.p.LinkHosts, ",") == strings.Join(merchant.DefaultLinkHosts, ",") {
		all = append(all, v.about("gateway").note("set link_hosts / HPPLINK_LINK_HOSTS if its links point elsewhere",
			"%s: the gateway is at %s, and its links may point to %s only; others would not be published", v.p.ID, host, strings.Join(v.p.LinkHosts, ", ")))
	}
	return all
}

// proxy tells by which proxy the gateway is reached, as " through …".
func (v visit) proxy() (through string, all []Finding) {
	u, err := gateway.Proxy(v.p.GatewayURL)
	switch {
	case err != nil:
		return "", []Finding{v.about("gateway").mend("write it like http://proxy.example:3128", "%s: %v, and so calls go without a proxy", v.p.ID, err)}
	case u == nil:
		return "", nil
	}
	return " through the proxy " + u.Host, nil
}

// silent says why there was no answer.
func (v visit) silent(k gateway.Knock, through string, took time.Duration) Finding {
	s := v.about("gateway")
	if what, remedy, ok := untrusted(k.Cause, v.p.GatewayURL.Host); ok {
		return s.mend(remedy, "%s: %s%s", v.p.ID, what, through)
	}
	remedy := "look at the network from here to there, and at HTTPS_PROXY if a proxy is needed"
	if through != "" && slices.Contains([]string{"dns", "connection_refused", "unreachable", "dial_timeout"}, k.Code) {
		return s.mend("correct HTTPS_PROXY / HTTP_PROXY, or start the proxy", "%s: the way to %s is%s, which does not answer (%s)", v.p.ID, v.p.GatewayURL.Host, through, k.Code)
	}
	switch k.Code {
	case "timeout": // of this look or of a call, whichever is shorter
		return s.mend(remedy, "%s: %s%s: no answer within %v", v.p.ID, v.p.GatewayURL.Host, through, took.Round(100*time.Millisecond))
	case "dns", "no_profile":
		remedy = "correct gateway_url / HPPLINK_GATEWAY_URL"
	case "tls":
		remedy = "correct the scheme and port of its URL, or have its people look at its certificate"
	case "proxy":
		remedy = "have the proxy let this host through, or take HTTPS_PROXY out of the environment"
	}
	return s.mend(remedy, "%s: %s%s: %s", v.p.ID, v.p.GatewayURL.Host, through, k.Message)
}

// answered says what an answer tells of the gateway, and of our keys.
func (v visit) answered(k gateway.Knock, through string, took time.Duration) []Finding {
	s := v.about("gateway")
	well := s.fine("%s: %s answers%s in %v, calls end after %v", v.p.ID, v.p.GatewayURL, through, took.Round(time.Millisecond), v.p.Timeout)
	switch k.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return []Finding{well, v.about("keys").mend("correct api_key, x_api_key and api_key_encoding; if they are right, ask the gateway's people whether they let this machine in",
			"%s: the gateway refuses the keys (%d: %s)", v.p.ID, k.Status, k.Message)}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return []Finding{s.mend("correct gateway_url / HPPLINK_GATEWAY_URL: all up to, without /server-to-server-interface", "%s: %s answers %d: there is no gateway at this path", v.p.ID, v.p.GatewayURL, k.Status)}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return []Finding{s.note("run this again later", "%s: the gateway has no time now (%d), so the keys could not be looked at", v.p.ID, k.Status)}
	}
	switch {
	case k.Status/100 == 3:
		return []Finding{s.mend("correct gateway_url / HPPLINK_GATEWAY_URL", "%s: %s", v.p.ID, k.Message)}
	case k.Status/100 == 2:
		return []Finding{s.mend("see whether gateway_url / HPPLINK_GATEWAY_URL is the gateway's", "%s: %s says yes (%d) to an empty order, which the gateway would refuse", v.p.ID, v.p.GatewayURL, k.Status)}
	case k.Status/100 == 5:
		return []Finding{s.mend("call the gateway's people, or wait", "%s: the gateway answers %d: %s", v.p.ID, k.Status, k.Message)}
	}
	return []Finding{well, v.keys(k)}
}

// keys says what it means that the gateway found fault with the order rather than with the keys.
func (v visit) keys(k gateway.Knock) Finding {
	s := v.about("keys")
	switch other := v.stranger(); other.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return s.fine("%s: the gateway takes them: it refuses others", v.p.ID)
	default:
		return s.note("hand one order in, and look at its result",
			"%s: whether the gateway takes the keys could not be told: it answers %d to an empty order, and %d with keys that are nobody's", v.p.ID, k.Status, other.Status)
	}
}
