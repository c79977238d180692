package tracing

import "time"

// FlushWithin bounds the end.
func (t *Tracing) FlushWithin(d time.Duration) { t.flush = d }
