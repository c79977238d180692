package config

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
)

// Reloader has changed settings take effect without a restart.
type Reloader struct {
	Load      func() (Settings, error) // as at the start, with every check that was made then
	Merchants *merchant.Directory      // whose profiles are replaced
	Tokens    []Token                  // those in force at the start
	Log       *slog.Logger

	// Applied, if not nil, is called after the profiles were replaced, with the settings now in force and the ids of the
	// merchants that the gateway may serve now though it did not before: new ones, and those with another gateway URL or
	// key. Their breakers had better try at once.
	Applied func(s Settings, mended []string)
}

// Run reloads once for each signal, until ctx is done or the channel is closed.
func (r *Reloader) Run(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-signals:
			if !ok {
				return
			}
			r.Reload()
		}
	}
}

// Reload puts the settings in force as they are now, and logs what changed; or it keeps all that is in force, and logs
// every problem. It reports whether they are in force. It is not safe for concurrent use.
func (r *Reloader) Reload() bool {
	s, err := r.Load()
	if err != nil {
		for _, problem := range unwrapped(err) {
			r.Log.Error("the settings were not reloaded, and stay as they were", "problem", problem.Error())
		}
		return false
	}
	before := r.Merchants.All()
	r.Merchants.Replace(s.Merchants...)
	changes := merchantChanges(before, r.Merchants.All())
	mended := r.logChanges(changes)
	tokens := r.logTokens(s.Tokens)
	r.Tokens = s.Tokens
	if len(changes) == 0 && !tokens {
		r.Log.Info("the settings were reloaded: nothing has changed")
	}
	if r.Applied != nil {
		r.Applied(s, mended)
	}
	return true
}

func (r *Reloader) logChanges(changes []change) (mended []string) {
	for _, c := range changes {
		switch c.kind {
		case added:
			r.Log.Info("the settings were reloaded: a new merchant", "merchant", c.id)
		case removed:
			r.Log.Warn("the settings were reloaded: a merchant is gone; its open orders wait until it is back", "merchant", c.id)
		case changed:
			r.Log.Info("the settings were reloaded: a merchant has changed", "merchant", c.id, "settings", strings.Join(c.fields, ", "))
		}
		if c.mends() {
			mended = append(mended, c.id)
		}
	}
	return mended
}

// logTokens reports whether any has changed.
func (r *Reloader) logTokens(now []Token) (some bool) {
	told := func(what, name string) {
		some = true
		r.Log.Info("the settings were reloaded: a token "+what, "token", name)
	}
	before := map[string]string{}
	for _, t := range r.Tokens {
		before[t.Name] = t.Value.Reveal()
	}
	for _, t := range now {
		value, known := before[t.Name]
		if delete(before, t.Name); !known {
			told("is new", t.Name)
		} else if value != t.Value.Reveal() {
			told("has changed", t.Name)
		}
	}
	for name := range before {
		told("is gone", name)
	}
	return some
}
