package sandbox

import (
	"strings"
	"testing"
)

func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		" \n":                  "",
		"503":                  "503",
		"500=0.05, 429=0.1:2s": "500=0.05,429=0.1:2s",
		"429=0.5":              "429=0.5:1s",
		"503:1500ms":           "503:1.5s",
		"500=0.05x1":           "500=0.05x1",
		"500x2":                "500x2",
		"504-after=0.1":        "504-after=0.1",
		"html-502":             "html-502",
		"html502":              "html-502",
		"hang":                 "hang-after:2m0s",
		"hang=0.01:3s":         "hang-after=0.01:3s",
		"HangBefore=1x3:1m":    "hang-beforex3:1m0s",
		"reset":                "reset-after",
		"resetbefore=0":        "reset-before=0",
		"unreadable=0.1,mismatch=0.1,wrong-host=0.1,slow-body=0.1:1s,redirect=0.1": "unreadable=0.1,mismatch=0.1,wrong-host=0.1,slow-body=0.1:1s,redirect=0.1",
		"201": "201",
		"302": "302",
		"400=0.1,401=0.1,402=0.1,403=0.1,404=0.1,405=0.1,406=0.1,407=0.1,408=0.1,409=0.1": "400=0.1,401=0.1,402=0.1,403=0.1,404=0.1,405=0.1,406=0.1,407=0.1,408=0.1,409=0.1",
	} {
		f, err := ParseFaults(text)
		if err != nil || f.String() != want {
			t.Errorf("ParseFaults(%q) = %q, %v; want %q", text, f, err, want)
		}
	}
}

func TestParseFaultsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"500=0.1,,429=0.1":   "empty",
		"boom":               `"boom" is no fault; use a status such as 503`,
		"=0.1":               `"" is no fault`,
		"50":                 "is no fault",
		"5000":               "is no fault",
		"200":                "200 is no fault",
		"199":                "from 201 to 599",
		"600=0.1":            "from 201 to 599",
		"202-after":          "write 202",
		"html-200":           "from 400 to 599",
		"html-y":             "is no fault",
		"500=":               `rate "" is not a decimal`,
		"500=1.1":            `rate "1.1"`,
		"500=-0.1":           `rate "-0.1"`,
		"500=NaN":            `rate "NaN"`,
		"500=1e-3":           `rate "1e-3"`,
		"500=5%":             `rate "5%"`,
		"500=0.1x0":          "number after x",
		"500=0.1x":           "number after x",
		"500x9999999":        "number after x",
		"429=0.1:":           `duration ""`,
		"429=0.1:2":          `duration "2"`,
		"429=0.1:-2s":        `duration "-2s"`,
		"hang:2h":            "up to 1h",
		"reset:2s":           "reset-after takes no duration",
		"201:2s":             "201 takes no duration",
		"500=0.6,429=0.6":    "add up to 1.2",
		"500,429":            "add up to 2",
		"boom=0.1,500=7":     `rate "7"`, // every item is reported
		"500=7,boom=0.1":     `"boom" is no fault`,
		"500=0.1 429=0.1":    "rate",
		"redirect=0.5:1s":    "takes no duration",
		"unreadable:1s":      "takes no duration",
		"~500x2":             "is no fault",
		"hang-before=0.1:1y": "duration",
	} {
		f, err := ParseFaults(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFaults(%q) = %q, %v; want an error with %q", text, f, err, want)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	for _, s := range []string{"500=0.05x1,429=0.1:2s", "hang", "html-502=.5", "504-after=0.1x3:2s", "x", ":", "=x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := ParseFaults(text)
		if err != nil {
			return
		}
		again, err := ParseFaults(faults.String())
		if err != nil || again.String() != faults.String() {
			t.Fatalf("%q reads as %q, that as %q, %v", text, faults, again, err)
		}
		for nth := range 3 { // neither panics
			faults.strike(0, 0.999, nth+1)
			s, _ := parseScript("REF~" + text)
			s.strike(nth + 1)
		}
	})
}

func TestScript(t *testing.T) {
	for ref, want := range map[string]string{
		"INV-1":                        "- - -",
		"INV-1~500":                    "500 500 500",
		"INV-1~500x2":                  "500 500 -",
		"INV-1~503x1~429x1:2s":         "503 429 -",
		"INV-1~resetafterx1":           "reset-after - -",
		"INV-1~html-502x1~hang-before": "html-502 hang-before hang-before",
		"A~B":                          "- - -",
		"A~500x2~oops":                 "- - -",
		"A~500=0.1":                    "- - -",
		"A~":                           "- - -",
	} {
		s, _ := parseScript(ref)
		var got []string
		for nth := 1; nth <= 3; nth++ {
			name := "-"
			if f := s.strike(nth); f != nil {
				name = f.name
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", ref, got, want)
		}
	}
}

func TestStrikeFollowsTheRates(t *testing.T) {
	f, err := ParseFaults("500=0.2,429=0.1,reset=0.3x2")
	if err != nil {
		t.Fatal(err)
	}
	const refs = 20_000
	got := map[string]int{}
	for i := range refs {
		who := identify(7, "M", string(rune('a'+i%26))+strings.Repeat("z", i%40)+string(rune(0x4e00+i)))
		for nth := 1; nth <= 3; nth++ {
			if f := f.strike(who.once(), who.chance(nth).fault, nth); f != nil {
				got[f.name+string(rune('0'+nth))]++
			}
		}
	}
	near := func(name string, share float64) {
		t.Helper()
		if n := float64(got[name]) / refs; n < share-0.02 || n > share+0.02 {
			t.Errorf("%s struck %.3f of the refs, want %.3f", name, n, share)
		}
	}
	near("5001", 0.2)
	near("4293", 0.1)
	near("reset-after1", 0.3*0.7) // where another strikes first, it does not
	if got["reset-after3"] != 0 {
		t.Errorf("reset=0.3x2 struck a third time: %v", got)
	}
}

func TestTheIndexExplainsEveryFault(t *testing.T) {
	explained := map[string]bool{}
	for _, k := range kinds {
		f, err := parseFault(k.Name)
		if err != nil {
			t.Errorf("the index page explains %q: %v", k.Name, err)
		}
		explained[f.name] = true
	}
	for _, f := range named {
		if !explained[f.name] {
			t.Errorf("the index page does not explain %s", f.name)
		}
	}
}
