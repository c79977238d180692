package config

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/config/strictyaml"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

func (r *reader) merchants(list strictyaml.Value) (all []merchant.Profile) {
	first := map[string]strictyaml.Value{}
	for _, v := range list.Items() {
		m := v.Mapping("id", "name", "gateway_url", "api_key", "api_key_encoding", "x_api_key", "link_hosts", "timeout", "rate",
			"concurrency", "max_open", "amount_unit", "defaults", "mail")
		p := r.merchant(m)
		if id, ok := m.Get("id"); ok && p.ID != "" {
			if before, twice := first[p.ID]; twice {
				id.Fail("is the same as that of %s: give each merchant once", before.Path())
			}
			first[p.ID] = v
		}
		r.validate(v, p)
		all = append(all, p)
	}
	return all
}

func (r *reader) merchant(m *strictyaml.Mapping) (p merchant.Profile) {
	p.ID = m.Text("id")
	p.GatewayURL = r.gatewayURL(m)
	p.APIKey = merchant.EncodeAPIKey(r.secret(m, "api_key"), merchant.KeyEncoding(r.oneOf(m, "api_key_encoding", "ready", "user", "bare")))
	p.XAPIKey = merchant.NewSecret(r.secret(m, "x_api_key"))
	if v, ok := m.Get("link_hosts"); ok {
		p.LinkHosts = v.Texts()
	}
	p.Timeout = r.duration(m, "timeout")
	p.Rate, _ = strconv.ParseFloat(r.aboveZero(m, "rate", "20"), 64)
	p.Concurrency = r.count(m, "concurrency", "50")
	p.MaxOpen = r.count(m, "max_open", "1000000")
	p.AmountUnit = merchant.AmountUnit(r.oneOf(m, "amount_unit", string(merchant.Major), string(merchant.Minor)))
	if v, ok := m.Get("defaults"); ok {
		p.Defaults = r.defaults(v)
	}
	if v, ok := m.Get("mail"); ok {
		p.Mail = r.mail(v)
	}
	p.Mail.Name = m.Text("name")
	return p
}

// validate has each problem of the profile told where its cause stands. A merchant is named by an id only if that is one.
func (r *reader) validate(v strictyaml.Value, p merchant.Profile) {
	name := v.Path()
	if order.ValidateMerchantID(p.ID) == nil {
		name = fmt.Sprintf("merchant %q", p.ID)
	}
	for _, problem := range fieldErrors(p) {
		if !r.whole && (problem.Field == "api_key" || problem.Field == "x_api_key") {
			continue // they were not read
		}
		r.doc.FailAt(v.Path()+"."+problem.Field, fmt.Errorf("%s: %w", name, problem.Err))
	}
}

func (r *reader) gatewayURL(m *strictyaml.Mapping) *url.URL {
	text := m.Text("gateway_url")
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil { // it quotes the URL, which may hold a password
		v, _ := m.Get("gateway_url")
		v.Fail("is no URL: write it like https://api.paymentoptions.com/api/v1")
		return nil
	}
	return u
}

func (r *reader) oneOf(m *strictyaml.Mapping, key string, known ...string) string {
	text := m.Text(key)
	for _, k := range known {
		if text == k {
			return text
		}
	}
	if text != "" {
		v, _ := m.Get(key)
		v.Fail("is not known: use %s", strings.Join(known, " or "))
	}
	return ""
}

func (r *reader) duration(m *strictyaml.Mapping, key string) time.Duration {
	v, ok := m.Get(key)
	if !ok {
		return 0
	}
	const remedy = "must be a time with its unit, like 15s"
	if v.IsNumber() {
		v.Fail(remedy)
		return 0
	}
	text, ok := v.Text()
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		v.Fail(remedy)
		return 0
	}
	return d
}

// aboveZero returns a number as text, or "".
func (r *reader) aboveZero(m *strictyaml.Mapping, key, example string) string {
	text := m.Number(key, example)
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 {
		return text
	}
	if text != "" {
		v, _ := m.Get(key)
		v.Fail("must be above zero: leave it out for the default")
	}
	return ""
}

func (r *reader) count(m *strictyaml.Mapping, key, example string) int {
	text := r.aboveZero(m, key, example)
	n, err := strconv.Atoi(text)
	if err != nil && text != "" {
		v, _ := m.Get(key)
		v.Fail("must be a whole number like %s", example)
	}
	return n
}

// defaults have the names that they have in an order.
func (r *reader) defaults(v strictyaml.Value) (d order.Defaults) {
	m := v.Mapping("merchant_email", "return_url", "payment_method", "billing_address")
	d.MerchantEmail = m.Text("merchant_email")
	if v, ok := m.Get("return_url"); ok {
		d.ReturnURL = v.Object()
	}
	if v, ok := m.Get("payment_method"); ok {
		d.PaymentMethod = v.Object()
	}
	if v, ok := m.Get("billing_address"); ok {
		d.BillingCountry = v.Mapping("country").Text("country")
	}
	return d
}

func (r *reader) mail(v strictyaml.Value) (mail merchant.Mail) {
	m := v.Mapping("from", "reply_to", "templates", "rate")
	mail.Rate, _ = strconv.ParseFloat(r.aboveZero(m, "rate", "20"), 64)
	mail.From, mail.ReplyTo = m.Text("from"), m.Text("reply_to")
	v, ok := m.Get("templates")
	if !ok {
		return mail
	}
	folder, ok := v.Text()
	if !ok || !r.folders {
		return mail
	}
	mail.Templates = r.path(folder)
	if info, err := os.Stat(mail.Templates); err != nil {
		v.Fail("names a folder that can not be read: %w", reason(err))
	} else if !info.IsDir() {
		v.Fail("is no folder")
	}
	return mail
}
