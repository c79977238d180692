package merchant_test

import (
	"net/url"
	"reflect"
	"slices"
	"testing"

	"github.com/hpplink/hpplink/internal/merchant"
)

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestDirectory(t *testing.T) {
	d := merchant.NewDirectory(merchant.Profile{ID: "b"}, merchant.Profile{ID: "a", AmountUnit: merchant.Minor}, merchant.Profile{ID: "c"})
	if p, ok := d.Lookup("a"); !ok || p.AmountUnit != merchant.Minor {
		t.Errorf("Lookup(a) = %v, %v", p, ok)
	}
	for _, id := range []string{"", "A", "a "} {
		if p, ok := d.Lookup(id); ok {
			t.Errorf("Lookup(%q) = %v", id, p)
		}
	}
	var ids []string
	for _, p := range d.All() {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) {
		t.Errorf("All() = %q", ids)
	}
	if all := merchant.NewDirectory().All(); len(all) != 0 {
		t.Errorf("All() of none = %v", all)
	}
}

func TestDirectoryFillsWhatProfilesLeaveOut(t *testing.T) {
	p, _ := merchant.NewDirectory(merchant.Profile{ID: "a"}).Lookup("a")
	want := merchant.Profile{ID: "a", Timeout: merchant.DefaultTimeout, AmountUnit: merchant.Major, LinkHosts: []string{"*.paymentoptions.com"}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
}
