package api

import "time"

// Hurry has the limits on slow clients end soon.
func (a *API) Hurry(limit time.Duration) { a.limits.body, a.limits.line = limit, limit }

// HurryRedis has Redis be given up soon.
func (a *API) HurryRedis(limit time.Duration) { a.limits.redis = limit }
