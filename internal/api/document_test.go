package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/hpplink/hpplink/internal/order"
)

func load(t *testing.T, data []byte) (*openapi3.T, error) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(ctx)
}

// document is what the API says of itself. Validating it covers its examples too.
func (b *bench) document() *openapi3.T {
	t := b.t.(*testing.T)
	t.Helper()
	doc, err := load(t, []byte(b.get("/openapi.json").body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	b := newBench(t)
	asJSON := b.document()
	if asJSON.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", asJSON.OpenAPI)
	}
	asYAML, err := load(t, []byte(b.get("/openapi.yaml").body))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asText(t, asJSON), asText(t, asYAML); a != b {
		t.Errorf("in YAML it says something else")
	}
}

// TestTheValidatorSees: what the test above relies on.
func TestTheValidatorSees(t *testing.T) {
	b := newBench(t)
	good := b.get("/openapi.json").body
	for _, c := range [][2]string{
		{`"in":"path"`, `"in":"nowhere"`},
		{`"#/components/schemas/OrderView"`, `"#/components/schemas/Nothing"`},
		{`"description":"They do"`, `"descr":"They do"`},
		{`"status":409`, `"status":"409"`}, // of an example
		{`"type":"boolean"`, `"type":"truth"`},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if _, err := load(t, []byte(bad)); err == nil || bad == good {
			t.Errorf("%s instead of %s passes", c[1], c[0])
		}
	}
}

// TestTheEventsDescriptionHasEveryField: the decoder knows each that is described, and each that it can write is.
func TestTheEventsDescriptionHasEveryField(t *testing.T) {
	b := newBench(t)
	schema := b.document().Components.Schemas["OrderEvent"].Value
	for name := range schema.Properties {
		o, err := order.Decode(fmt.Appendf(nil, `{%q:null}`, name))
		if err != nil || strings.Contains(fmt.Sprint(o.FormError()), "not a known key") {
			t.Errorf("%s: %v %v", name, err, o.FormError())
		}
	}
	all := order.Order{
		MerchantID: "m", Ref: "r", Amount: "1", Currency: "JPY", MerchantEmail: "a@b.example", ReturnURL: []byte(`{}`), PaymentMethod: []byte(`{}`),
		BillingAddress: []byte(`{}`), ShippingAddress: []byte(`{}`), CustomerIP: "::1", TimeZone: "z", Extra: []byte(`{}`),
		Delivery: &order.Delivery{Email: &order.EmailDelivery{To: "a@b.example"}}, Metadata: map[string]string{"a": "b"}, ExpiresAt: time.Unix(1, 0),
	}
	var written map[string]any
	if err := json.Unmarshal(all.Encode(), &written); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(schema.Properties)), slices.Sorted(maps.Keys(written)); !slices.Equal(got, want) {
		t.Errorf("described: %q\nwritten: %q", got, want)
	}
}
