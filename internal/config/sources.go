package config

import (
	"os"

	"github.com/hpplink/hpplink/internal/config/strictyaml"
)

// Source is where a secret comes from: exactly one of the four is set.
type Source struct {
	Name     string // of the secret, as "HPPLINK_API_KEY" or "merchants[0].api_key"
	File     string // a path
	Variable string // an environment variable
	Flag     bool   // the command line, which every user of the machine can read
	Inline   bool   // the settings file itself
}

// sourceOf says where the value of a flag or variable, or else its file, comes from; nothing where there is neither.
func sourceOf(name, value, file string) []Source {
	switch {
	case file != "":
		return []Source{{Name: name, File: file}}
	case value == "":
		return nil
	case os.Getenv(name) == value:
		return []Source{{Name: name, Variable: name}}
	}
	return []Source{{Name: name, Flag: true}}
}

// Sources says where the merchant's keys come from.
func (g Gateway) Sources() []Source {
	return append(sourceOf("HPPLINK_API_KEY", g.APIKey, g.APIKeyFile), sourceOf("HPPLINK_X_API_KEY", g.XAPIKey, g.XAPIKeyFile)...)
}

// Sources says where the token comes from.
func (w Web) Sources() []Source { return sourceOf("HPPLINK_TOKEN", w.Token, w.TokenFile) }

// Sources says where the mail server's password comes from.
func (s SMTP) Sources() []Source {
	return sourceOf("HPPLINK_SMTP_PASSWORD", s.SMTPPassword, s.SMTPPasswordFile)
}

// tookFrom remembers where the settings file has a secret from.
func (r *reader) tookFrom(secret strictyaml.Value, s Source) {
	s.Name = secret.Path()
	r.sources = append(r.sources, s)
}
