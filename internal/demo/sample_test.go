package demo_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/demo"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
)

func TestSampleIsAThousandEvents(t *testing.T) {
	kinds, retries, surplus, mails := map[demo.Kind]int{}, 0, 0, 0
	for _, e := range demo.Sample() {
		kinds[e.Kind]++
		retries += e.Retries
		surplus += e.Surplus
		if e.Mail && e.Kind != demo.Again {
			mails++
		}
	}
	want := map[demo.Kind]int{demo.Plain: 966, demo.Healing: 17, demo.Refused: 2, demo.Again: 12, demo.Clash: 1, demo.Invalid: 2}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("kinds (-want +got):\n%s", d)
	}
	if n := len(demo.Sample()); n != 1000 {
		t.Errorf("%d events, want 1000", n)
	}
	if mails != 45 {
		t.Errorf("%d orders ask for an email, want 45", mails)
	}
	if retries != 21 || surplus != 3 {
		t.Errorf("%d retries and %d surplus links foreseen, want 21 and 3", retries, surplus)
	}
}

func TestSampleIsReproducible(t *testing.T) {
	if d := cmp.Diff(demo.Sample(), demo.Sample()); d != "" {
		t.Errorf("two samples differ:\n%s", d)
	}
}

func TestSampleIsDiverse(t *testing.T) {
	currencies, merchants := map[string]int{}, map[string]int{}
	for _, e := range demo.Sample() {
		o := decode(t, e)
		currencies[o.Currency]++
		merchants[o.MerchantID]++
		whole, fraction, _ := strings.Cut(o.Amount, ".")
		if digits, known := order.MinorDigits(o.Currency); known && e.Kind != demo.Invalid && (len(fraction) > digits || len(whole) > 6) {
			t.Errorf("%s: amount %s %s", e.Key, o.Amount, o.Currency)
		}
	}
	for _, c := range []string{"JPY", "KWD", "BHD", "EUR", "USD", "GBP", "KRW", "SEK", "AED"} {
		if currencies[c] < 50 {
			t.Errorf("%d orders in %s, want some 65", currencies[c], c)
		}
	}
	if len(merchants) != 3 {
		t.Errorf("merchants %v, want three", merchants)
	}
	for _, script := range []string{"東京都", "김", "فاطمة", "רוטשילד", "Łódź", "João"} {
		if !slices.ContainsFunc(demo.Sample(), func(e demo.Event) bool { return bytes.Contains(e.JSON, []byte(script)) }) {
			t.Errorf("nobody's address has %s", script)
		}
	}
}

// TestEventsAreOfTheirKind holds each event against the orders before it.
func TestEventsAreOfTheirKind(t *testing.T) {
	door := intake.New(nil, nil, demo.Merchants(), nil)
	seen := map[order.Key]order.Fingerprint{}
	raw := map[order.Key]string{}
	for _, e := range demo.Sample() {
		s, err := door.Prepare(e.JSON, order.Interactive)
		if s.Key != e.Key {
			t.Fatalf("%s: the event says %s", e.Key, s.Key)
		}
		before, known := seen[e.Key]
		switch e.Kind {
		case demo.Invalid:
			if err == nil || known {
				t.Errorf("%s is valid, or known", e.Key)
			}
			continue
		case demo.Again:
			if !known || s.Fingerprint != before || string(e.JSON) == raw[e.Key] {
				t.Errorf("%s is not the known order in other words", e.Key)
			}
		case demo.Clash:
			if d := order.DiffFields(before.Fields, s.Fingerprint.Fields); !known || !slices.Equal(d, []string{"amount"}) {
				t.Errorf("%s differs in %v, want amount", e.Key, d)
			}
		default:
			if known {
				t.Errorf("%s comes twice", e.Key)
			}
			seen[e.Key], raw[e.Key] = s.Fingerprint, string(e.JSON)
		}
		if err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
	}
}

func TestInvalidEventsNameTheirFields(t *testing.T) {
	want := map[string][]string{
		"M-1001:TYO-INVALID": {"/amount", "/billing_address/country", "/customer_ip"},
		"M-2002:LIS-INVALID": {"/amount", "/currency", "/expires_at", "/merchant_emial"},
	}
	got := map[string][]string{}
	door := intake.New(nil, nil, demo.Merchants(), nil)
	for _, e := range demo.Sample() {
		_, err := door.Prepare(e.JSON, order.Interactive)
		var invalid *order.InvalidError
		if !errors.As(err, &invalid) {
			continue
		}
		for _, p := range invalid.Problems {
			got[e.Key.String()] = append(got[e.Key.String()], p.Field)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestLateEventsComeLast(t *testing.T) {
	events := demo.Sample()
	late := slices.IndexFunc(events, func(e demo.Event) bool { return e.Late })
	if len(events)-late != 6 {
		t.Errorf("%d events from the first late one on, want 6", len(events)-late)
	}
	for _, e := range events[late:] {
		if !e.Late || e.Kind != demo.Again {
			t.Errorf("%s is %s, late: %v", e.Key, e.Kind, e.Late)
		}
	}
}

func decode(t *testing.T, e demo.Event) *order.Order {
	t.Helper()
	o, err := order.Decode(e.JSON)
	if err != nil {
		t.Fatalf("%s: %v", e.Key, err)
	}
	return o
}
