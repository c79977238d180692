package sheet_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/sheet"
)

// fieldsOf opens a CSV file with a header and one row, and returns field by header.
func fieldsOf(t *testing.T, header string, m sheet.Mapping) (map[string]string, error) {
	t.Helper()
	r, err := sheet.Open(file(t, "a.csv", header+"\nA-1,5\n"), sheet.Options{Mapping: m})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := make(map[string]string)
	for _, c := range r.Columns() {
		all[c.Header] = c.Field
	}
	return all, nil
}

func TestHeadersAreMatchedLoosely(t *testing.T) {
	for header, want := range map[string]string{
		"ORDER-ID": "merchant_txn_ref", " order id ": "merchant_txn_ref", "Invoice No.": "merchant_txn_ref", "Invoice #": "merchant_txn_ref", "注文番号": "merchant_txn_ref", "注文ＩＤ": "merchant_txn_ref",
		"merchant_txn_ref": "merchant_txn_ref", "MerchantTxnRef": "merchant_txn_ref",
	} {
		got, err := fieldsOf(t, header+",Amount", sheet.Mapping{})
		if err != nil || got[header] != want {
			t.Errorf("%q: %v, %v", header, got, err)
		}
	}
	for header, want := range map[string]string{
		"金額": "amount", "Total": "amount", "通貨": "currency", "ZIP": "billing_address.postal_code", "Address 2": "", "Notes": "", "": "", "Due date": "",
		"Status": "", "customer's e-mail address": "delivery.email.to", "Customer E-Mail": "delivery.email.to", "billing_address.city": "billing_address.city",
		"metadata.Cart No": "metadata.Cart No", "Customer name": "", "Shipping ZIP": "shipping_address.postal_code",
	} {
		got, err := fieldsOf(t, "Order,"+header, sheet.Mapping{})
		if err != nil || got[header] != want {
			t.Errorf("%q: %v, %v", header, got, err)
		}
	}
}

func TestDoubtfulHeadersAreRefused(t *testing.T) {
	for header, want := range map[string]string{
		"Order,Amuont":               `"Amuont" is nearly a name of amount`,
		"Order,Curency":              `"Curency" is nearly a name of currency`,
		"Ordr ID,Amount":             `"Ordr ID" is nearly a name of merchant_txn_ref`,
		"Order,E-mail":               `"E-mail" may be billing_address.email or delivery.email.to`,
		"Order,Amount,Total":         `"Total" is amount, and so is "Amount"`,
		"Order,billing_address.ctiy": `"billing_address.ctiy" is no field of an order; the nearest is "billing_address.city"`,
		"Amount,Currency":            "no column is the order's ref",
		"Order,order_event":          "is a field of an order, which order_event has already",
	} {
		var refused *sheet.HeaderError
		if _, err := fieldsOf(t, header, sheet.Mapping{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", header, err, want)
		}
	}
	_, err := fieldsOf(t, "Amuont,E-mail,City,Town", sheet.Mapping{})
	var refused *sheet.HeaderError
	if !errors.As(err, &refused) || len(refused.Problems) != 4 {
		t.Errorf("%v: want all four problems at once", err)
	}
}

func TestMappingWins(t *testing.T) {
	m := sheet.Mapping{Fields: map[string]string{"merchant_txn_ref": "Contract", "delivery.email.to": "E-mail", "delivery.email.name": "Who"}, Ignore: []string{"Amuont"}}
	got, err := fieldsOf(t, "Order ID,contract,E-mail,Who,Amuont", m)
	want := map[string]string{"Order ID": "", "contract": "merchant_txn_ref", "E-mail": "delivery.email.to", "Who": "delivery.email.name", "Amuont": ""}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for field, want := range map[string]string{"amuont": `"amuont" is no field of an order; the nearest is "amount"`, "amount": `the header "Totl", which no column has; the nearest is "Total"`} {
		_, err := fieldsOf(t, "Order,Total", sheet.Mapping{Fields: map[string]string{field: "Totl"}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestMappingFileRoundTrip(t *testing.T) {
	r := open(t, file(t, "a.csv", "Invoice: No.,Amount,\"'#,x\",Amuont\nA,1,2,3\n"), sheet.Options{Mapping: sheet.Mapping{
		Fields: map[string]string{"metadata.a.b": "'#,x"}, Ignore: []string{"amuont"}}})
	m := sheet.MappingOf(r.Columns())
	path := filepath.Join(t.TempDir(), "m.yaml")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := sheet.LoadMapping(path)
	if diff := cmp.Diff(m, got); diff != "" || err != nil || len(m.Fields) != 3 || m.Ignore[0] != "Amuont" {
		t.Errorf("%v %v\n%s", m, err, diff)
	}
	for data, want := range map[string]string{"amuont: x": `nearest is "amount"`, "amount: 5": "is no header", "amount: [": "is not YAML", "ignore: x": "is no list", "- a": "is not YAML"} {
		if _, err := sheet.ParseMapping([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}

func TestColumnForAProblemOfTheOrder(t *testing.T) {
	r := open(t, "testdata/dotted.csv", sheet.Options{})
	for pointer, want := range map[string]string{"/billing_address/city": "billing_address.city", "/metadata/a.b~1c~0d": "Metadata.a.b/c~d",
		"/billing_address": "billing_address.city", "/delivery/email": "delivery.email.to", "/amount": "amount", "/merchant_id": "", "": "", "/billing_address/state": ""} {
		if got, ok := r.ColumnFor(pointer); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", pointer, got, ok)
		}
	}
}

func TestOptions(t *testing.T) {
	april := dump("testdata/two-sheets.xlsx", sheet.Options{Sheet: "april"})
	if !strings.Contains(april, `row 5 ["#REFUSED!`) && !strings.Contains(april, `row 5 ["" "P-1"`) {
		t.Error(april)
	}
	if got := dump("testdata/two-sheets.xlsx", sheet.Options{Sheet: "May"}); !strings.Contains(got, `no sheet called "May"; it has "March", "April"`) {
		t.Error(got)
	}
	if got := dump("testdata/latin1.csv", sheet.Options{Encoding: "latin1"}); !strings.Contains(got, "encoding=windows-1252") || !strings.Contains(got, "Köln") || !strings.Contains(got, "Genève") {
		t.Error(got)
	}
	if got := dump("testdata/shift-jis.csv", sheet.Options{Encoding: "utf-8"}); !strings.Contains(got, "error header") {
		t.Error(got)
	}
	if got := dump("testdata/plain.csv", sheet.Options{Encoding: "klingon"}); !strings.Contains(got, `"klingon" is not known`) {
		t.Error(got)
	}
}

func TestARowOutOfJointIsRefused(t *testing.T) {
	got := dump(file(t, "a.csv", "Order,Amount,Notes\nA-1,1,250,\n"), sheet.Options{})
	if !strings.Contains(got, "the row has 4 cells and the header 3") || !strings.Contains(got, `["#REFUSED! A-1" "1" "250"]`) {
		t.Error(got)
	}
}
