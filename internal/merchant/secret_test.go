package merchant_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/merchant"
)

const marker = "hunter2secret"

func TestSecretRevealsOnlyWhenAsked(t *testing.T) {
	s := merchant.NewSecret(marker)
	if s.Reveal() != marker || s.IsZero() || s.String() != "***" || s.GoString() != "***" {
		t.Errorf("a secret: %q, %v, %q", s.Reveal(), s.IsZero(), s.String())
	}
	for _, s := range []merchant.Secret{{}, merchant.NewSecret("")} {
		if s.Reveal() != "" || !s.IsZero() || s.String() != "" {
			t.Errorf("no secret: %q, %v, %q", s.Reveal(), s.IsZero(), s.String())
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := merchant.NewSecret(marker)
	p := merchant.Profile{ID: "M", APIKey: s, XAPIKey: s}
	type hidden struct{ s merchant.Secret }
	for _, v := range []any{s, &s, p, &p, []merchant.Secret{s}, hidden{s}, &hidden{s}, merchant.NewDirectory(p), map[string]any{"a": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, marker) || strings.Contains(strings.ToLower(got), fmt.Sprintf("%x", marker)) {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
}

func TestSecretIsNeverLoggedNorMarshalled(t *testing.T) {
	s := merchant.NewSecret(marker)
	p := merchant.Profile{ID: "M", APIKey: s}
	var b bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "key", s, "pointer", &s, "profile", p, "many", []merchant.Secret{s})
	}
	if got := b.String(); strings.Contains(got, marker) || !strings.Contains(got, "key=***") || !strings.Contains(got, `"key":"***"`) {
		t.Error(got)
	}
	data, err := json.Marshal(map[string]any{"a": s, "b": merchant.Secret{}, "c": map[string]merchant.Secret{"d": s}})
	if want := `{"a":"***","b":"","c":{"d":"***"}}`; err != nil || string(data) != want {
		t.Errorf("Marshal = %s, %v; want %s", data, err, want)
	}
	if text, err := s.MarshalText(); err != nil || string(text) != "***" {
		t.Errorf("MarshalText = %s, %v", text, err)
	}
}

func TestEncodeAPIKey(t *testing.T) {
	for _, c := range []struct {
		raw  string
		how  merchant.KeyEncoding
		want string
	}{
		{"a2V5Og==", "", "a2V5Og=="},
		{"a2V5Og==", merchant.KeyReady, "a2V5Og=="},
		{"Basic a2V5Og==", merchant.KeyReady, "a2V5Og=="},
		{" basic  a2V5Og==\n", merchant.KeyReady, "a2V5Og=="},
		{"Basic", merchant.KeyReady, "Basic"},
		{"Basically", merchant.KeyReady, "Basically"},
		{"key", merchant.KeyUser, "a2V5Og=="},
		{"key\r\n", merchant.KeyUser, "a2V5Og=="},
		{"key", merchant.KeyBare, "a2V5"},
		{"", merchant.KeyReady, ""},
		{" \n", merchant.KeyUser, ""},
		{"", merchant.KeyBare, ""},
	} {
		if got := merchant.EncodeAPIKey(c.raw, c.how).Reveal(); got != c.want {
			t.Errorf("EncodeAPIKey(%q, %q) = %q, want %q", c.raw, c.how, got, c.want)
		}
	}
}

func TestKeyEncodingValidate(t *testing.T) {
	for _, e := range []merchant.KeyEncoding{"", merchant.KeyReady, merchant.KeyUser, merchant.KeyBare} {
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := merchant.KeyEncoding("base64").Validate(); err == nil || !strings.Contains(err.Error(), `use "ready", "user" or "bare"`) {
		t.Errorf("base64: %v", err)
	}
}

// A hint tells which key it is to who knows it, and too little to anybody else.
func TestHint(t *testing.T) {
	const key = "planted-0123456789-a1f3"
	for _, c := range []struct {
		s    merchant.Secret
		want string
	}{
		{merchant.NewSecret(key), "…a1f3"},
		{merchant.EncodeAPIKey(key, merchant.KeyReady), "…a1f3"},
		{merchant.EncodeAPIKey(key, merchant.KeyUser), "…a1f3"}, // not of the base64, which nobody knows
		{merchant.EncodeAPIKey(" "+key+"\n", merchant.KeyBare), "…a1f3"},
		{merchant.NewSecret("0123456789abcde"), ""}, // too short to tell a quarter of it
		{merchant.EncodeAPIKey("short", merchant.KeyUser), ""},
		{merchant.Secret{}, ""},
	} {
		if got := c.s.Hint(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if text := fmt.Sprintf("%v %+v %#v", c.s, c.s, struct{ s merchant.Secret }{c.s}); strings.Contains(text, "a1f3") {
			t.Errorf("printed as %s", text)
		}
	}
}
