package merchant_test

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

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
	want := merchant.Profile{ID: "a", Timeout: merchant.DefaultTimeout, MaxOpen: merchant.DefaultMaxOpen,
		AmountUnit: merchant.Major, LinkHosts: []string{"*.paymentoptions.com"}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
}

func TestDirectoryDefault(t *testing.T) {
	one, other, marked := merchant.Profile{ID: "a"}, merchant.Profile{ID: "b"}, merchant.Profile{ID: "c", Default: true}
	for _, c := range []struct {
		all  []merchant.Profile
		want string
	}{
		{nil, ""},
		{[]merchant.Profile{one}, "a"},
		{[]merchant.Profile{one, other}, ""},
		{[]merchant.Profile{other, marked, one}, "c"},
	} {
		if p, ok := merchant.NewDirectory(c.all...).Default(); p.ID != c.want || ok != (c.want != "") {
			t.Errorf("of %d profiles: %q, %v; want %q", len(c.all), p.ID, ok, c.want)
		}
	}
}

// TestReplaceIsAtomic: each reader sees all profiles of one set or all of another, never some of each. Run it with -race.
func TestReplaceIsAtomic(t *testing.T) {
	set := func(timeout time.Duration, ids ...string) (all []merchant.Profile) {
		for _, id := range ids {
			all = append(all, merchant.Profile{ID: id, Timeout: timeout})
		}
		return all
	}
	d := merchant.NewDirectory(set(time.Second, "a", "b")...)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for seen := 0; ; seen++ {
				if err := wholeSet(d); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 2000 {
		if i%2 == 0 {
			d.Replace(set(2*time.Second, "b", "c", "d")...)
		} else {
			d.Replace(set(time.Second, "a", "b")...)
		}
	}
	close(done)
	readers.Wait()
}

func wholeSet(d *merchant.Directory) error {
	all := d.All()
	want := map[time.Duration]int{time.Second: 2, 2 * time.Second: 3}[all[0].Timeout]
	if len(all) != want || slices.ContainsFunc(all, func(p merchant.Profile) bool { return p.Timeout != all[0].Timeout }) {
		return fmt.Errorf("a mixed set: %v", all)
	}
	if _, ok := d.Lookup("b"); !ok {
		return errors.New("a profile that is in both sets was not found")
	}
	return nil
}

func TestAllIsTheCallersOwn(t *testing.T) {
	d := merchant.NewDirectory(merchant.Profile{ID: "a"}, merchant.Profile{ID: "b"})
	slices.Reverse(d.All())
	if d.All()[0].ID != "a" {
		t.Error("a caller's sorting changed the directory")
	}
}
