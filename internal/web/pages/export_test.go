package pages

// Forget has the next look be a fresh one.
func (p *Pages) Forget() { p.changed() }
