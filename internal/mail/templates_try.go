package mail

import (
	"bytes"
	"html/template"
	"iter"
	"slices"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/text/language"

	"github.com/hpplink/hpplink/internal/order"
)

const sampleQR = "cid:qr@hpplink.invalid"

// SampleLetter returns a made-up letter with everything that one can have, as templates are tried and shown with.
func SampleLetter(locale string) Letter {
	return Letter{
		Key: order.Key{MerchantID: "M-1001", Ref: "2003089893366DTEST"}, Generation: 1,
		To:   order.EmailDelivery{To: "customer@customer.example", Name: sampleName(locale), Locale: locale},
		From: "Sample Shop <pay@shop.example>", ReplyTo: "help@shop.example", Merchant: "Sample Shop",
		URL:    "https://checkout-dev.paymentoptions.com/jp/HostedPaymentPage/hKJsdByR?a=1&b=2",
		Amount: "12500", Currency: "JPY", ExpiresAt: time.Date(2027, 3, 1, 6, 0, 0, 0, time.UTC),
		Metadata: map[string]string{"cart": "77"},
	}
}

func sampleName(locale string) string {
	switch base, _ := language.Make(locale).Base(); base.String() {
	case "ja":
		return "山田 太郎"
	case "ar":
		return "سارة الأحمد"
	}
	return "Taro Yamada"
}

// samples are letters that take every branch at {{if}} a template can be expected to have: with everything, with
// nothing that may be left out, and with one such thing at a time.
func samples() []Letter {
	full := SampleLetter("")
	bare := full
	bare.To.Name, bare.Amount, bare.ExpiresAt, bare.Metadata = "", "", time.Time{}, nil
	named, priced, limited, noted := bare, bare, bare, bare
	named.To.Name, priced.Amount, limited.ExpiresAt, noted.Metadata = full.To.Name, full.Amount, full.ExpiresAt, full.Metadata
	return []Letter{full, bare, named, priced, limited, noted}
}

// try writes the samples, with and without QR code, and returns what fails.
func (s *set) try(tag language.Tag) []*TemplateError {
	var found faults
	for _, l := range samples() {
		for _, qr := range []template.URL{sampleQR, ""} {
			d, bad := dataOf(&l, tag, qr)
			if bad != nil {
				panic(bad) // the samples are ours
			}
			found.add(s.tryOne(d)...)
		}
	}
	return found.all
}

func (s *set) tryOne(d *Data) []*TemplateError {
	var found faults
	subject, err := execute(s.subject, d)
	switch {
	case err != nil:
		found.add(templateError(s.subject.Name(), err))
	case oneLine(string(subject)) == "":
		found.add(&TemplateError{File: s.subject.Name(), Problem: "writes no subject"})
	}
	if text, err := execute(s.text, d); err != nil {
		found.add(templateError(s.text.Name(), err))
	} else if !bytes.Contains(text, []byte(d.URL)) {
		found.add(&TemplateError{File: s.text.Name(), Problem: "does not always have the payment link: write {{.URL}} outside of any {{if}}"})
	}
	if page, err := execute(s.html, d); err != nil {
		found.add(templateError(s.html.Name(), err))
	} else if !links(page, d.URL) {
		found.add(&TemplateError{File: s.html.Name(), Problem: `does not always have the payment link: write <a href="{{.URL}}"> outside of any {{if}}`})
	}
	return found.all
}

// links reports whether a page has a link to there.
func links(page []byte, to string) bool {
	probe, err := execute(hrefProbe, &Data{URL: to})
	if err != nil {
		return false
	}
	for want := range hrefs(probe) {
		for href := range hrefs(page) {
			if href == want {
				return true
			}
		}
	}
	return false
}

// hrefProbe shows how html/template writes an address: it encodes some characters.
var hrefProbe = template.Must(template.New("").Parse(`<a href="{{.URL}}">`))

// hrefs gives where a page's links go.
func hrefs(page []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		tokens := html.NewTokenizer(bytes.NewReader(page))
		for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
			token := tokens.Token()
			i := slices.IndexFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "href" })
			if kind == html.StartTagToken && token.Data == "a" && i >= 0 && !yield(token.Attr[i].Val) {
				return
			}
		}
	}
}
