package worker

import "time"

// Hurry changes how long sending one email may take.
func (m *Mailer) Hurry(d time.Duration) { m.timeout = d }
