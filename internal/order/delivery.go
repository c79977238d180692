package order

import "github.com/go-json-experiment/json/jsontext"

func readDelivery(o *Order, v jsontext.Value) {
	if !o.is('{', "/delivery", v) {
		return
	}
	o.Delivery = &Delivery{}
	members(v, func(quoted, value jsontext.Value) {
		name := nameOf(quoted)
		at := pointer("/delivery", name)
		if name != "email" {
			o.malformed(at, "is not a known key: delivery has \"email\" only")
		} else if o.is('{', at, value) {
			o.Delivery.Email = o.readEmail(at, value)
		}
	})
}

func (o *Order) readEmail(at string, v jsontext.Value) *EmailDelivery {
	e := &EmailDelivery{}
	members(v, func(quoted, value jsontext.Value) {
		name := unquote(quoted)
		into := e.field(name)
		if into == nil {
			o.malformed(pointer(at, name), "is not a known key: an email has \"to\", \"name\" and \"locale\"")
			return
		}
		*into, _ = o.text(pointer(at, name), value)
	})
	return e
}

func (e *EmailDelivery) field(name string) *string {
	switch name {
	case "to":
		return &e.To
	case "name":
		return &e.Name
	case "locale":
		return &e.Locale
	}
	return nil
}

func writeDelivery(dst jsontext.Value, o *Order) jsontext.Value {
	if o.Delivery == nil {
		return dst
	}
	if o.Delivery.Email == nil {
		return append(dst, "{}"...)
	}
	e := o.Delivery.Email
	email := appendObject(nil, []member{
		{"to", quoteUnlessEmpty(e.To)}, {"name", quoteUnlessEmpty(e.Name)}, {"locale", quoteUnlessEmpty(e.Locale)},
	})
	return appendObject(dst, []member{{"email", email}})
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
