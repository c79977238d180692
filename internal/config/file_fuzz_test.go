package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/config"
)

// inlineSecret finds a secret on a line of its own after a key under which only a secret, or where it is, can stand.
var inlineSecret = regexp.MustCompile(`(?m)^ *(api_key|x_api_key|token|inline): *["']?(planted-[a-z-]+)["']?$`)

// FuzzConfigFile: whatever a settings file holds, reading it ends, with settings that are right or with problems that
// name the file, each on one line, and show no secret: neither one that it refers to nor one that stands in it.
func FuzzConfigFile(f *testing.F) {
	f.Setenv("HPPLINK_TEST_X_API_KEY", "secret in a variable")
	folder := f.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte("secret-in-a-file"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add(strings.ReplaceAll(wholeFile, "/token", "token"))
	for _, test := range badFiles {
		if len(test.text) < 4000 {
			f.Add(test.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "shops.yaml")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "token}", filepath.Join(folder, "token")+"}")), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.LoadFile(path)
		if err == nil {
			checkLoaded(t, s)
			return
		}
		all, ok := errors.AsType[config.Errors](err)
		if !ok || len(all) == 0 {
			t.Fatalf("no Errors: %v", err)
		}
		secrets := []string{"secret in a variable", "secret-in-a-file"}
		if found := inlineSecret.FindStringSubmatch(text); found != nil && strings.Count(text, found[2]) == 1 {
			secrets = append(secrets, found[2])
		}
		for _, problem := range all {
			checkProblem(t, path, problem.Error(), secrets)
		}
	})
}

func checkProblem(t *testing.T, path, problem string, secrets []string) {
	t.Helper()
	if !strings.Contains(problem, path) || strings.Contains(problem, "\n") || len(problem) > len(path)+2000 {
		t.Errorf("names no file, or is not one short line: %q", problem)
	}
	for _, secret := range secrets {
		if strings.Contains(problem, secret) {
			t.Errorf("shows a secret: %q", problem)
		}
	}
}

func checkLoaded(t *testing.T, s config.Settings) {
	t.Helper()
	for _, p := range s.Merchants {
		if err := p.Validate(); err != nil {
			t.Errorf("a merchant is wrong: %v", err)
		}
	}
	for _, token := range s.Tokens {
		if token.Name == "" || len(token.Value.Reveal()) < 16 {
			t.Errorf("a token is wrong: %+v", token)
		}
	}
	if len(s.Merchants)+len(s.Tokens) == 0 {
		t.Error("there is nothing in it")
	}
}
