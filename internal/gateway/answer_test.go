package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		outcome  gateway.Outcome
		statuses []int
	}{
		{gateway.Rejected, []int{400, 402, 406, 408, 410, 412, 413, 415, 418, 422, 451, 499}},
		{gateway.Duplicate, []int{409}},
		{gateway.Misconfigured, []int{401, 403, 404, 405, 407}},
		{gateway.Throttled, []int{429}},
		{gateway.Unavailable, []int{503}},
		{gateway.Uncertain, []int{500, 501, 502, 504, 520, 599, 600, 999}},
	} {
		for _, status := range c.statuses {
			a := ask(t, answering(status, nil, `{"message":"its words"}`))
			expect(t, a, c.outcome, fmt.Sprintf("http_%d", status), status, true)
			if a.Message != "its words" {
				t.Errorf("%d: message %q", status, a.Message)
			}
		}
	}
}

func TestStatusWithoutWords(t *testing.T) {
	a := ask(t, answering(502, nil, ""))
	if a.Message != "the gateway answered 502 Bad Gateway" {
		t.Errorf("message %q", a.Message)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		target := elsewhere.URL + "/there?token=hidden"
		a := ask(t, answering(status, http.Header{"Location": {target}}, ""))
		expect(t, a, gateway.Misconfigured, "redirect", status, true)
		if strings.Contains(a.Message, "hidden") || !strings.Contains(a.Message, elsewhere.URL) {
			t.Errorf("message %q", a.Message)
		}
	}
	expect(t, ask(t, answering(302, nil, "")), gateway.Misconfigured, "redirect", 302, true)
}

func TestRetryAfter(t *testing.T) {
	sent := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	later := sent.Add(90 * time.Second).Format(http.TimeFormat)
	for _, c := range []struct {
		status  int
		value   string
		outcome gateway.Outcome
		wait    time.Duration
	}{
		{429, "7", gateway.Throttled, 7 * time.Second},
		{429, "86400", gateway.Throttled, 24 * time.Hour},
		{429, "", gateway.Throttled, 0},
		{503, "0", gateway.Throttled, 0},
		{503, "120", gateway.Throttled, 2 * time.Minute},
		{503, later, gateway.Throttled, 90 * time.Second},
		{503, sent.Add(-time.Hour).Format(http.TimeFormat), gateway.Throttled, 0},
		{503, "99999999999999999999999", gateway.Throttled, 9223372036 * time.Second},
		{503, "-5", gateway.Unavailable, 0},
		{503, "soon", gateway.Unavailable, 0},
		{500, "30", gateway.Uncertain, 30 * time.Second},
	} {
		header := http.Header{"Retry-After": {c.value}, "Date": {sent.Format(http.TimeFormat)}}
		a := ask(t, answering(c.status, header, ""))
		if a.Outcome != c.outcome || a.RetryAfter != c.wait {
			t.Errorf("%d with %q: %s after %v, want %s after %v", c.status, c.value, a.Outcome, a.RetryAfter, c.outcome, c.wait)
		}
	}
}

// with replaces one member of the page's answer.
func with(old, replacement string) string {
	if !strings.Contains(pageAnswer, old) {
		panic("not in the answer: " + old)
	}
	return strings.Replace(pageAnswer, old, replacement, 1)
}

func TestIssued(t *testing.T) {
	for name, body := range map[string]string{
		"as documented":      pageAnswer,
		"byte order mark":    "\ufeff" + pageAnswer,
		"email null":         with(`"merchant@testemail.com"`, `null`),
		"amount as text":     with(`1000`, `"1000"`),
		"amount as decimal":  with(`1000`, `"1000.00"`),
		"amount as exponent": with(`1000`, `1.0E+3`),
		"amount empty":       with(`1000`, `""`),
		"amount null":        with(`1000`, `null`),
		"currency empty":     with(`"JPY"`, `""`),
		"currency small":     with(`"JPY"`, `"jpy"`),
		"ref absent":         with(`"merchant_txn_ref": "2003089893366DTEST",`, ``),
		"no echo":            `{"id":"f49173ce-4916-445c-a831-3c1468acf14e","url":"` + linkURL + `"}`,
		"unknown fields":     with(`"currency"`, `"new":{"deep":[1]},"currency"`),
		"foreign charset":    with(`"Shinjuku-ku"`, "\"\x90\x56\""),
	} {
		for _, status := range []int{200, 201, 202} {
			a := ask(t, answering(status, nil, body))
			expect(t, a, gateway.Issued, fmt.Sprintf("http_%d", status), status, true)
			if a.Link != wantLink {
				t.Errorf("%s: link %+v", name, a.Link)
			}
		}
	}
}

func TestAnswerThatIsNotOurs(t *testing.T) {
	for name, c := range map[string]struct{ body, code string }{
		"nothing":                            {"", "unreadable"},
		"HTML":                               {"<html><title>Welcome</title></html>", "unreadable"},
		"a list":                             {"[" + pageAnswer + "]", "unreadable"},
		"two objects":                        {pageAnswer + pageAnswer, "unreadable"},
		"two urls":                           {with(`"id"`, `"url":"https://a.paymentoptions.com/","id"`), "unreadable"},
		"cut off":                            {pageAnswer[:len(pageAnswer)-1], "unreadable"},
		"null":                               {"null", "missing_id"},
		"no id":                              {with(`"id"`, `"ID"`), "missing_id"},
		"empty id":                           {with(wantLink.ID, ``), "missing_id"},
		"id with a line end":                 {with(wantLink.ID, `a\nb`), "missing_id"},
		"id too long":                        {with(wantLink.ID, strings.Repeat("a", 129)), "missing_id"},
		"a failure with 200":                 {`{"success":false,"gateway_response":{"message":"declined"}}`, "missing_id"},
		"no url":                             {with(`"url"`, `"link"`), "missing_url"},
		"url null":                           {with(`"`+linkURL+`"`, `null`), "missing_url"},
		"url a number":                       {with(`"`+linkURL+`"`, `1`), "missing_url"},
		"url broken":                         {with(linkURL, `https://%zz/`), "link_url"},
		"url with blanks":                    {with(linkURL, linkURL+` x`), "link_url"},
		"url with a quote of another script": {with(linkURL, `https://evil.com／.paymentoptions.com/`), "link_url"},
		"plain http":                         {with(`https`, `http`), "link_host"},
		"script":                             {with(linkURL, `javascript:alert(1)`), "link_host"},
		"no scheme":                          {with(linkURL, `checkout.paymentoptions.com/x`), "link_host"},
		"foreign host":                       {with(`checkout-dev.paymentoptions.com`, `paymentoptions.com.evil.com`), "link_host"},
		"host as user":                       {with(`checkout-dev.paymentoptions.com`, `checkout-dev.paymentoptions.com@evil.com`), "link_host"},
		"host by ending":                     {with(`checkout-dev.paymentoptions.com`, `evilpaymentoptions.com`), "link_host"},
		"ref":                                {with(`2003089893366DTEST`, `2003089893366DTES`), "mismatch_ref"},
		"ref a truth value":                  {with(`"2003089893366DTEST"`, `true`), "mismatch_ref"},
		"merchant":                           {with(`< Merchant ID >`, `another`), "mismatch_merchant"},
		"amount":                             {with(`1000`, `1001`), "mismatch_amount"},
		"amount by a bit":                    {with(`1000`, `1000.00000000000000000001`), "mismatch_amount"},
		"amount negative":                    {with(`1000`, `-1000`), "mismatch_amount"},
		"amount huge":                        {with(`1000`, `1e999999999`), "mismatch_amount"},
		"amount an object":                   {with(`1000`, `{}`), "mismatch_amount"},
		"amount words":                       {with(`1000`, `"1000 JPY"`), "mismatch_amount"},
		"amount a fraction":                  {with(`1000`, `"2000/2"`), "mismatch_amount"},
		"currency":                           {with(`"JPY"`, `"USD"`), "mismatch_currency"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, ask(t, answering(200, nil, c.body)), gateway.Uncertain, c.code, 200, true)
		})
	}
}

func TestUnusableLinkCanBeFound(t *testing.T) {
	a := ask(t, answering(200, nil, with(`"JPY"`, `"USD"`)))
	if !strings.HasPrefix(a.Message, "link id "+wantLink.ID+": ") {
		t.Errorf("message %q", a.Message)
	}
	a = ask(t, answering(200, nil, `{"success":false,"message":"try later"}`))
	if a.Message != "try later" {
		t.Errorf("message %q", a.Message)
	}
}

func TestEchoedAmountIsComparedWithWhatWasSent(t *testing.T) {
	for _, c := range []struct {
		unit                 merchant.AmountUnit
		amount, echo, expect string
	}{
		{merchant.Minor, "12.5", `12500`, "http_200"},
		{merchant.Minor, "12.5", `"12500.000"`, "http_200"},
		{merchant.Minor, "12.5", `12.5`, "mismatch_amount"},
		{merchant.Major, "12.5", `"12.500"`, "http_200"},
		{merchant.Major, "12.5", `12500`, "mismatch_amount"},
		{merchant.Major, "", `0`, "http_200"},
		{merchant.Major, "", `""`, "http_200"},
		{merchant.Major, "", `5`, "mismatch_amount"},
	} {
		s := serve(t, answering(200, nil, fmt.Sprintf(`{"id":"i","url":%q,"amount":%s}`, linkURL, c.echo)))
		p, o := profile(t, s.URL), pageOrder()
		p.AmountUnit, o.Amount, o.Currency = c.unit, c.amount, "KWD"
		if a := newClient(t).Generate(context.Background(), p, o); a.Code != c.expect {
			t.Errorf("%s %s echoed as %s: %s, want %s", c.unit, c.amount, c.echo, a.Code, c.expect)
		}
	}
}
