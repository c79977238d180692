package doctor

import "errors"

// Problems makes a finding of each error that was joined into one; none of nil. Their texts say what to do.
func Problems(group, name string, fault Fault, err error) []Finding {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []Finding{about(group, name).mend("", "%v", err).as(fault)}
	}
	var all []Finding
	for _, e := range joined.Unwrap() {
		all = append(all, Problems(group, name, fault, e)...)
	}
	return all
}

// Fact is a finding about what is fine by itself.
func Fact(group, name, detail string) Finding { return about(group, name).fine("%s", detail) }
