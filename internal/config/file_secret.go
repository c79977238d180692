package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/hpplink/hpplink/internal/config/strictyaml"
	"github.com/hpplink/hpplink/internal/merchant"
)

// maxSecretBytes is the size of the largest file that may hold a secret.
const maxSecretBytes = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secret reads a secret from where the settings file says that it is. No message repeats a path or a variable's name:
// the secret itself may have been written there.
func (r *reader) secret(m *strictyaml.Mapping, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return ""
	}
	if v.IsScalar() {
		v.Fail(`must say where the secret is: write {file: PATH} or {env: NAME}, or {inline: "…"} if it is to stand in this file`)
		return ""
	}
	where := v.Mapping("file", "env", "inline")
	if !where.OK() {
		return ""
	}
	if where.Len() != 1 {
		v.Fail("must have one of the keys file, env and inline, and only one")
		return ""
	}
	if file, ok := where.Get("file"); ok {
		return r.secretFile(v, file)
	}
	if variable, ok := where.Get("env"); ok {
		return r.secretVariable(v, variable)
	}
	text := where.Text("inline")
	if !r.whole {
		return ""
	}
	r.tookFrom(v, Source{Inline: true})
	return text
}

func (r *reader) secretFile(of, v strictyaml.Value) string {
	path, ok := v.Text()
	if !ok || !r.whole {
		return ""
	}
	text, err := readAtMost(r.path(path), maxSecretBytes)
	secret := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		v.Fail("names a file that can not be read: %w (a relative path begins at this file's folder)", reason(err))
	case len(text) > maxSecretBytes:
		v.Fail("names a file of more than %d bytes, which is no secret", maxSecretBytes)
	case secret == "":
		v.Fail("names a file that is empty")
	default:
		r.tookFrom(of, Source{File: r.path(path)})
		return secret
	}
	return ""
}

func (r *reader) secretVariable(of, v strictyaml.Value) string {
	name, ok := v.Text()
	if !ok {
		return ""
	}
	if !variableName.MatchString(name) {
		v.Fail("is no name of an environment variable: letters, digits and '_'")
		return ""
	}
	if !r.whole {
		return ""
	}
	secret := os.Getenv(name)
	if secret == "" {
		v.Fail("names an environment variable that is not set")
	}
	r.tookFrom(of, Source{Variable: name})
	return secret
}

// minToken keeps out what could be guessed.
const minToken = 16

var tokenName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (r *reader) tokens(list strictyaml.Value) (all []Token) {
	first := map[string]strictyaml.Value{}
	for _, v := range list.Items() {
		m := v.Mapping("name", "token")
		t := Token{Name: m.Text("name"), Value: merchant.NewSecret(r.secret(m, "token"))}
		if before, twice := first[t.Name]; twice && t.Name != "" {
			r.doc.FailAt(v.Path()+".name", fmt.Errorf("%s.name is the same as that of %s: give each token a name of its own", v.Path(), before.Path()))
		} else if !tokenName.MatchString(t.Name) {
			r.doc.FailAt(v.Path()+".name", fmt.Errorf("%s.name is missing, or has other than up to 64 letters, digits, '.', '_' and '-'", v.Path()))
		}
		first[t.Name] = v
		if err := checkToken(t.Value); err != nil && r.whole {
			r.doc.FailAt(v.Path()+".token", fmt.Errorf("%s.token %w", v.Path(), err))
		}
		all = append(all, t)
	}
	return all
}

// checkToken wants what can not be guessed, and can stand in a header.
func checkToken(t merchant.Secret) error {
	switch value := t.Reveal(); {
	case value == "":
		return errors.New("is missing")
	case len(value) < minToken:
		return fmt.Errorf("is shorter than %d characters, and could be guessed", minToken)
	case strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("has a space, line break or other character that can not stand in a header")
	}
	return nil
}
