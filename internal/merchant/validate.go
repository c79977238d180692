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

// Validate returns everything that is wrong with the profile, one line each,
// joined as by errors.Join, or nil. Values left to their defaults are right.
func (p Profile) Validate() error {
	all := []error{order.ValidateMerchantID(p.ID), p.checkGatewayURL()}
	all = append(all, checkKey("API key", p.APIKey), checkKey("x-api-key", p.XAPIKey), p.checkTimeout(), p.checkUnit(), p.checkRate())
	for _, pattern := range p.LinkHosts {
		if err := checkPattern(pattern); err != nil {
			all = append(all, fmt.Errorf("link host %w", err))
		}
	}
	if err := p.Defaults.Validate(); err != nil {
		all = append(all, fmt.Errorf("defaults: %w", err))
	}
	for i, err := range all {
		if err != nil {
			all[i] = fmt.Errorf("merchant %q: %w", cut(p.ID), err)
		}
	}
	return errors.Join(all...)
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

func (p Profile) checkRate() error {
	if p.Rate != 0 && !(p.Rate >= MinRate && p.Rate <= MaxRate) {
		return fmt.Errorf("rate %v is not between %v and %v calls a second", p.Rate, MinRate, MaxRate)
	}
	return nil
}
