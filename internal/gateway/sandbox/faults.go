package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// Faults say how often the whole gateway fails, and how. The zero value never
// fails. It can be used as a flag (encoding.TextUnmarshaler).
type Faults struct{ list []fault }

// ParseFaults reads "500=0.05,429=0.1:2s,hang=0.01,reset-after=0.01x1"; the
// package comment has the grammar. An empty text means no faults. The error
// tells of every item that is wrong.
func ParseFaults(text string) (Faults, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Faults{}, nil
	}
	var fs Faults
	var errs []error
	sum := 0.0
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			errs = append(errs, errors.New("an item between commas is empty"))
			continue
		}
		f, err := parseFault(item)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sum += f.rate
		fs.list = append(fs.list, f)
	}
	if sum > 1+1e-9 { // ten times 0.1 is all right
		errs = append(errs, fmt.Errorf("the rates add up to %.4g; at most 1 is possible (a fault without a rate counts as 1)", sum))
	}
	if err := errors.Join(errs...); err != nil {
		return Faults{}, fmt.Errorf("faults: %w", err)
	}
	return fs, nil
}

// String returns the canonical text, which ParseFaults reads back; "" for none.
func (fs Faults) String() string {
	items := make([]string, len(fs.list))
	for i, f := range fs.list {
		items[i] = f.String()
	}
	return strings.Join(items, ",")
}

// UnmarshalText makes Faults usable as a flag.
func (fs *Faults) UnmarshalText(text []byte) error {
	parsed, err := ParseFaults(string(text))
	if err == nil {
		*fs = parsed
	}
	return err
}

// strike returns the fault for the nth POST of a ref, or nil. Each fault owns a
// stretch of [0,1) as long as its rate. A fault that heals looks where the ref
// falls (once), the others where this POST falls (each).
func (fs *Faults) strike(once, each float64, nth int) *fault {
	low := 0.0
	for i := range fs.list {
		f, u := &fs.list[i], each
		if f.times > 0 {
			u = once
		}
		high := low + f.rate
		if low <= u && u < high && (f.times == 0 || nth <= f.times) {
			return f
		}
		low = high
	}
	return nil
}

// script is the sequence of faults that a ref asks for itself.
type script []fault

// parseScript reads the faults behind the tildes of a ref. A ref with a tilde
// that is no such thing yields an error and no script.
func parseScript(ref string) (script, error) {
	_, tail, found := strings.Cut(ref, "~")
	if !found {
		return nil, nil
	}
	var s script
	for part := range strings.SplitSeq(tail, "~") {
		f, err := parseFault(part)
		if err == nil && f.rate != 1 {
			err = fmt.Errorf("%q: a ref takes no rate", part)
		}
		if err != nil {
			return nil, err
		}
		s = append(s, f)
	}
	return s, nil
}

// strike returns the fault for the nth POST of the ref, or nil once healed.
func (s script) strike(nth int) *fault {
	for i := range s {
		if s[i].times == 0 || nth <= s[i].times {
			return &s[i]
		}
		nth -= s[i].times
	}
	return nil
}
