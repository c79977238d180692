package merchant

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hpplink/hpplink/internal/order"
)

// endpoint is where the gateway's documentation, page hpp/generate-link, has its
// paths begin.
const endpoint = "/server-to-server-interface"

// FieldError is one thing wrong with one setting of a profile.
type FieldError struct {
	MerchantID string
	Field      string // the setting, in words of lower case: "gateway_url", "link_hosts[0]", "defaults.billing_address.country"
	Err        error
}

// Error names the merchant, and the setting in words.
func (e *FieldError) Error() string { return fmt.Sprintf("merchant %q: %v", cut(e.MerchantID), e.Err) }

// Unwrap gives the problem without the merchant.
func (e *FieldError) Unwrap() error { return e.Err }

// Validate returns everything that is wrong with the profile, a *FieldError and one line each,
// joined as by errors.Join, or nil. Values left to their defaults are right.
func (p Profile) Validate() error {
	var all []error
	note := func(field string, err error) {
		if err != nil {
			all = append(all, &FieldError{MerchantID: p.ID, Field: field, Err: err})
		}
	}
	note("id", p.checkID())
	note("gateway_url", p.checkGatewayURL())
	note("api_key", checkKey("API key", p.APIKey))
	note("x_api_key", checkKey("x-api-key", p.XAPIKey))
	for i, pattern := range p.LinkHosts {
		note(fmt.Sprintf("link_hosts[%d]", i), checkLinkHost(pattern))
	}
	note("timeout", p.checkTimeout())
	note("rate", p.checkRate())
	note("concurrency", checkCount("concurrency", p.Concurrency, MaxConcurrency))
	note("max_open", checkCount("max_open", p.MaxOpen, MaxMaxOpen))
	note("amount_unit", p.checkUnit())
	eachDefault(p.Defaults, note)
	p.Mail.check(note)
	return errors.Join(all...)
}

func (p Profile) checkID() error {
	if invalid, ok := errors.AsType[*order.InvalidError](order.ValidateMerchantID(p.ID)); ok {
		return fmt.Errorf("merchant_id %s", invalid.Problems[0].Message)
	}
	return nil
}

// eachDefault notes each problem of the defaults by itself.
func eachDefault(d order.Defaults, note func(field string, err error)) {
	invalid, ok := errors.AsType[*order.InvalidError](d.Validate())
	if !ok {
		return
	}
	for _, problem := range invalid.Problems {
		note("defaults"+strings.ReplaceAll(problem.Field, "/", "."), fmt.Errorf("defaults: %s: %s", problem.Field, problem.Message))
	}
}

func (p Profile) checkGatewayURL() error {
	u := p.GatewayURL
	switch {
	case u == nil:
		return errors.New("gateway URL is missing: give it like https://api.paymentoptions.com/api/v1")
	case u.User != nil:
		return errors.New("gateway URL has a user name or password: keys are settings of their own")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("gateway URL has the scheme %q: use https", cut(u.Scheme))
	case u.Hostname() == "":
		return errors.New("gateway URL has no host")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("gateway URL is plain http, which shows the keys to the network: use https")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("gateway URL has a query or fragment: cut it off")
	}
	if i := strings.Index(u.Path, endpoint); i >= 0 {
		return fmt.Errorf("gateway URL goes too far: cut %q off its end", cut(u.Path[i:]))
	}
	return nil
}

// checkKey wants what can stand in a header. Neither message nor anything else
// shows the key.
func checkKey(name string, key Secret) error {
	if key.IsZero() {
		return fmt.Errorf("%s is missing", name)
	}
	if strings.ContainsFunc(key.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }) {
		return fmt.Errorf("%s has a space, line break or other character that no key has", name)
	}
	return nil
}

func (p Profile) checkTimeout() error {
	if p.Timeout != 0 && (p.Timeout < MinTimeout || p.Timeout > MaxTimeout) {
		return fmt.Errorf("timeout %v is not between %v and %v", p.Timeout, MinTimeout, MaxTimeout)
	}
	return nil
}

func (p Profile) checkUnit() error {
	switch p.AmountUnit {
	case "", Major, Minor:
		return nil
	}
	return fmt.Errorf("amount unit %q is not known: use %q or %q", cut(string(p.AmountUnit)), Major, Minor)
}

// checkCount takes what is zero for its default.
func checkCount(name string, n, most int) error {
	if n < 0 || n > most {
		return fmt.Errorf("%s %d is not between 1 and %d", name, n, most)
	}
	return nil
}

func (p Profile) checkRate() error {
	if p.Rate != 0 && !(p.Rate >= MinRate && p.Rate <= MaxRate) {
		return fmt.Errorf("rate %v is not between %v and %v calls a second", p.Rate, MinRate, MaxRate)
	}
	return nil
}
