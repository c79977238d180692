package sandbox

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/Rhymond/go-money"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// orderRequest is the body of a POST. Objects are kept as they came, to be echoed.
type orderRequest struct {
	ReturnURL       jsontext.Value `json:"return_url"`
	Amount          jsontext.Value `json:"amount"`
	Currency        string         `json:"currency"`
	MerchantID      string         `json:"merchant_id"`
	MerchantEmail   string         `json:"merchant_email"`
	Ref             string         `json:"merchant_txn_ref"`
	PaymentMethod   jsontext.Value `json:"payment_method"`
	BillingAddress  jsontext.Value `json:"billing_address"`
	ShippingAddress jsontext.Value `json:"shipping_address"`

	amount  string // decimal text; "" when the customer enters it
	billing address
}

type address struct {
	Country    string `json:"country"`
	Email      string `json:"email"`
	Phone      string `json:"phone_number"`
	Address1   string `json:"address1"`
	City       string `json:"city"`
	State      string `json:"state"`
	PostalCode string `json:"postal_code"`
}

type returnURLs struct {
	Webhook string `json:"webhook_url"`
	Success string `json:"success_url"`
	Decline string `json:"decline_url"`
	Cancel  string `json:"cancel_url"`
}

// problem is one thing wrong with a request. Its message never holds a value.
type problem struct {
	status  int
	message string
}

// check collects what is wrong with a request.
type check struct{ problems []problem }

func (c *check) missing(field string) {
	c.problems = append(c.problems, problem{http.StatusBadRequest, field + " is required"})
}

func (c *check) malformed(message string) {
	c.problems = append(c.problems, problem{http.StatusNotAcceptable, message})
}

// decodeOrder reads and validates a body: required fields and limits as in the
// gateway's documentation, those of addresses and URLs as in its older manual,
// counted in characters.
func decodeOrder(body []byte) (*orderRequest, []problem) {
	o := &orderRequest{}
	if err := json.Unmarshal(body, o); err != nil {
		return nil, []problem{jsonProblem("", err)}
	}
	var c check
	c.text("currency", o.Currency, 3, true)
	c.text("merchant_id", o.MerchantID, 128, true)
	c.text("merchant_email", o.MerchantEmail, 45, true)
	c.text("merchant_txn_ref", o.Ref, 45, false)
	if o.Currency != "" && !knownCurrency(o.Currency) {
		c.malformed("currency is not an ISO 4217 code in capitals")
	}
	o.amount = c.amount(o.Amount)
	c.object("payment_method", o.PaymentMethod, true, nil)
	c.returnURLs(o.ReturnURL)
	o.billing = c.address("billing_address", o.BillingAddress, true)
	c.address("shipping_address", o.ShippingAddress, false)
	return o, c.problems
}

func knownCurrency(code string) bool {
	return strings.ToUpper(code) == code && money.GetCurrency(code) != nil
}

func (c *check) text(field, value string, limit int, required bool) {
	if value == "" && required {
		c.missing(field)
	}
	if len(value) > limit && utf8.RuneCountInString(value) > limit {
		c.malformed(field + " is longer than " + strconv.Itoa(limit) + " characters")
	}
}

// object decodes an object into target, which may be nil.
func (c *check) object(field string, value jsontext.Value, required bool, target any) {
	kind := value.Kind()
	switch {
	case len(value) == 0 || kind == 'n':
		if required {
			c.missing(field)
		}
	case kind != '{':
		c.malformed(field + " must be an object")
	case target != nil:
		if err := json.Unmarshal(value, target); err != nil {
			c.problems = append(c.problems, jsonProblem(field, err))
		}
	}
}

func (c *check) returnURLs(value jsontext.Value) {
	var u returnURLs
	c.object("return_url", value, true, &u)
	c.text("return_url.webhook_url", u.Webhook, 255, false)
	c.text("return_url.success_url", u.Success, 255, false)
	c.text("return_url.decline_url", u.Decline, 255, false)
	c.text("return_url.cancel_url", u.Cancel, 255, false)
}

func (c *check) address(field string, value jsontext.Value, required bool) address {
	var a address
	c.object(field, value, required, &a)
	c.text(field+".country", a.Country, 2, false)
	c.text(field+".email", a.Email, 45, false)
	c.text(field+".phone_number", a.Phone, 20, false)
	c.text(field+".address1", a.Address1, 199, false)
	c.text(field+".city", a.City, 65, false)
	c.text(field+".state", a.State, 65, false)
	c.text(field+".postal_code", a.PostalCode, 45, false)
	return a
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)

const amountDigits = 10

// amount returns a number, or text with a number in it, as decimal text.
func (c *check) amount(value jsontext.Value) string {
	text := string(value)
	switch value.Kind() {
	case '"':
		if err := json.Unmarshal(value, &text); err != nil {
			c.problems = append(c.problems, jsonProblem("amount", err))
			return ""
		}
	case '0':
	case 'n', jsontext.KindInvalid:
		return ""
	default:
		c.malformed("amount must be a number")
		return ""
	}
	if text != "" && !decimal.MatchString(text) {
		c.malformed("amount must be a plain decimal number, not negative")
	}
	if len(strings.Replace(text, ".", "", 1)) > amountDigits {
		c.malformed("amount has more than " + strconv.Itoa(amountDigits) + " digits")
	}
	return text
}

// jsonProblem names the field that could not be decoded, and never its value.
func jsonProblem(parent string, err error) problem {
	wrongType, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return problem{http.StatusBadRequest, "the body is not one valid JSON object"}
	}
	field := strings.ReplaceAll(strings.TrimPrefix(string(wrongType.JSONPointer), "/"), "/", ".")
	switch {
	case field == "" && parent == "":
		return problem{http.StatusBadRequest, "the body must be a JSON object"}
	case field == "":
		field = parent
	case parent != "":
		field = parent + "." + field
	}
	return problem{http.StatusNotAcceptable, field + " has the wrong type"}
}
