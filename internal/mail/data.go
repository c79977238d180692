package mail

import (
	"html/template"
	"time"

	"golang.org/x/text/language"
)

// Data is what templates know of a letter. All texts are single lines without control characters; body.html gets them
// escaped. Beside it there is a function: {{ltr .Ref}} keeps a reference in its order within text that runs from right
// to left.
type Data struct {
	Locale    string // BCP 47 tag of the words, "ja"
	Direction string // "ltr" or "rtl"

	Merchant   string // the merchant's name
	MerchantID string
	Ref        string // merchant_txn_ref
	Name       string // the customer's; may be empty

	Amount   string // with its currency, as the customer reads it; empty: the customer enters it on the page
	Currency string // ISO 4217

	URL string       // the payment link
	QR  template.URL // where body.html finds the link's QR code; empty when the link is too long for one

	ExpiresAt string    // as the customer reads it; empty: never
	Expires   time.Time // the same, to be written otherwise: {{.Expires.Format "02.01.2006"}}

	Metadata map[string]string // of the order; a key that is not there is empty
}

// dataOf puts a letter's facts as its reader expects them. Numbers are written as where the reader is from, if that
// speaks the template's language: "en-IN" reads English words and 12,50,000.
func dataOf(l *Letter, locale language.Tag, qr template.URL) (*Data, *WriteError) {
	reader := locale
	if wanted, err := language.Parse(l.To.Locale); err == nil && sameLanguage(wanted, locale) {
		reader = wanted
	}
	d := &Data{
		Locale: locale.String(), Direction: direction(locale),
		Merchant: display(l.Merchant), MerchantID: display(l.Key.MerchantID), Ref: display(l.Key.Ref), Name: display(l.To.Name),
		Currency: l.Currency, URL: l.URL, QR: qr, Metadata: make(map[string]string, len(l.Metadata)),
	}
	for key, value := range l.Metadata {
		d.Metadata[key] = display(value)
	}
	if l.Amount != "" {
		var ok bool
		if d.Amount, ok = formatAmount(l.Amount, l.Currency, reader); !ok {
			return nil, &WriteError{Refused, "amount", "is no decimal amount of the order's currency"}
		}
	}
	if !l.ExpiresAt.IsZero() {
		d.Expires = in(l.ExpiresAt, l.TimeZone)
		d.ExpiresAt = formatMoment(d.Expires, reader)
	}
	return d, nil
}

func sameLanguage(a, b language.Tag) bool {
	x, _ := a.Base()
	y, _ := b.Base()
	return x == y
}

// direction tells how the tag's script runs.
func direction(tag language.Tag) string {
	switch script, _ := tag.Script(); script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg":
		return "rtl"
	}
	return "ltr"
}
