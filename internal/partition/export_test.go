package partition

import "time"

// LookNow has the layout be read again as soon as something is not found.
func (l *Ledger) LookNow() { l.looked = time.Time{} }
