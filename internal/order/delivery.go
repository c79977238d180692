package order

import "github.com/go-json-experiment/json/jsontext"

func readDelivery(o *Order, v jsontext.Value) {
	if !o.is('{', "/delivery", v) {
		return
	}
	o.Delivery = &Delivery{}
	for _, m := range membersOf(v) {
		at := pointer("/delivery", m.name)
		if m.name != "email" {
			o.malformed(at, "is not a known key: delivery has \"email\" only")
		} else if o.is('{', at, m.value) {
			o.Delivery.Email = o.readEmail(at, m.value)
		}
	}
}

func (o *Order) readEmail(at string, v jsontext.Value) *EmailDelivery {
	e := &EmailDelivery{}
	known := map[string]*string{"to": &e.To, "name": &e.Name, "locale": &e.Locale}
	for _, m := range membersOf(v) {
		if into := known[m.name]; into != nil {
			*into, _ = o.text(pointer(at, m.name), m.value)
		} else {
			o.malformed(pointer(at, m.name), "is not a known key: an email has \"to\", \"name\" and \"locale\"")
		}
	}
	return e
}

func writeDelivery(o *Order) jsontext.Value {
	if o.Delivery == nil {
		return nil
	}
	if o.Delivery.Email == nil {
		return jsontext.Value("{}")
	}
	e := o.Delivery.Email
	email := appendObject(nil, []member{
		{"to", quoteUnlessEmpty(e.To)}, {"name", quoteUnlessEmpty(e.Name)}, {"locale", quoteUnlessEmpty(e.Locale)},
	})
	return appendObject(nil, []member{{"email", email}})
}

func (r *report) delivery(d *Delivery) {
	const at = "/delivery/email"
	if d.Email == nil {
		r.add(at, "is required: say to whom the link goes, or leave delivery out")
		return
	}
	if d.Email.To == "" {
		r.add(at+"/to", "is required: say to whom the link goes, or leave delivery out")
	} else {
		r.email(at+"/to", d.Email.To, 254)
	}
	r.atMost(at+"/name", d.Email.Name, 128)
	r.noControls(at+"/name", d.Email.Name)
	if d.Email.Locale != "" {
		r.locale(at+"/locale", d.Email.Locale)
	}
}
