package deploytest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hpplink/hpplink/internal/cli"
)

// documents are where people read of settings and flags; deployments are where programs do. The first two have examples of the command line, and the third one numbers only.
var (
	documents   = []string{"README.md", "deploy/README.md", "deploy/PERFORMANCE.md"}
	deployments = []string{"docker-compose.yml", "deploy/Dockerfile", "deploy/image.sh", "deploy/compose", "deploy/kubernetes", "deploy/systemd"}
)

// texts returns the files, and all files in the folders, by their names.
func readAll(t *testing.T, names []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(top, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if err == nil && d.Name() == "secrets" {
					return fs.SkipDir
				}
				return err
			}
			text, err := os.ReadFile(path)
			all[strings.TrimPrefix(path, top+"/")] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// spoken is the command line with the variables and flags that it knows.
type spoken struct {
	parser    *kong.Kong
	variables map[string]bool
	flags     map[string]bool // of any command
}

func commandLine(t *testing.T) spoken {
	t.Helper()
	parser, err := cli.Parser()
	if err != nil {
		t.Fatal(err)
	}
	s := spoken{parser, map[string]bool{}, map[string]bool{"help": true}}
	s.learn(parser.Model.Node)
	return s
}

func (s spoken) learn(n *kong.Node) {
	for _, f := range n.Flags {
		s.flags[f.Name] = true
		for _, v := range f.Envs {
			s.variables[v] = true
		}
	}
	for _, c := range n.Children {
		s.learn(c)
	}
}

var (
	variable  = regexp.MustCompile(`\bHPPLINK_[A-Z0-9_]*[A-Z0-9]\b`)
	shortened = regexp.MustCompile("`(HPPLINK_[A-Z0-9_]+)`[^`]*`…(_[A-Z_]+)`")
)

// variablesIn are those that a text names; `HPPLINK_X`, `…_FILE` names two.
func variablesIn(text string) map[string]bool {
	all := map[string]bool{}
	for _, v := range variable.FindAllString(text, -1) {
		all[v] = true
	}
	for _, m := range shortened.FindAllStringSubmatch(text, -1) {
		all[joined(m[1], m[2])] = true
	}
	return all
}

// joined puts an end to a name, over what both have in common: _SMTP_PASSWORD and _PASSWORD_FILE are _SMTP_PASSWORD_FILE.
func joined(name, end string) string {
	for n := len(end); n > 0; n-- {
		if strings.HasSuffix(name, end[:n]) && n < len(end) && end[n] == '_' {
			return name + end[n:]
		}
	}
	return name + end
}

// TestVariablesAreKnown: what documents and deployments set is something that the program reads.
func TestVariablesAreKnown(t *testing.T) {
	s := commandLine(t)
	for file, text := range readAll(t, slices.Concat(documents, deployments)) {
		for v := range variablesIn(text) {
			if !s.variables[v] {
				t.Errorf("%s: %s is read by no command", file, v)
			}
		}
	}
}

// TestVariablesAreDocumented: whatever the program reads, somebody can find.
func TestVariablesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, text := range readAll(t, documents) {
		maps.Copy(documented, variablesIn(text))
	}
	for v := range commandLine(t).variables {
		if !documented[v] {
			t.Errorf("%s is documented nowhere", v)
		}
	}
}

var (
	inCode    = regexp.MustCompile("(?s)```.*?\n(.*?)```|`([^`\n]+)`")
	spokenTo  = regexp.MustCompile(`(?:^|[|;&(] *|/| [A-Z_0-9]+=\S* |-- )hpplink((?: +[^ |;&)#>]+)+)`)
	flagAlone = regexp.MustCompile("`--([a-z][a-z-]*)")
)

// TestFlagsAreKnown: what documents say of commands and flags, and what deployments run, the program understands.
func TestFlagsAreKnown(t *testing.T) {
	s := commandLine(t)
	for file, text := range readAll(t, documents[:2]) {
		for _, problem := range s.unknown(text) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	for what, args := range deployed(t) {
		if _, err := s.parser.Parse(args); err != nil {
			t.Errorf("%s runs hpplink %q: %v", what, args, err)
		}
	}
}

// TestUnknown: the check above can fail.
func TestUnknown(t *testing.T) {
	s := commandLine(t)
	for text, want := range map[string]int{
		"see `hpplink run --roles worker`":                      0,
		"```sh\nA=1 bin/hpplink bulk x.csv --dry-run # it\n```": 0,
		"`hpplink bulk --wetrun`":                               1,
		"`hpplink status REF --group x`":                        1, // a flag of another command
		"`hpplink walk`":                                        1,
		"`--listen`, `--token-file`":                            0,
		"`--lissen`":                                            1,
	} {
		if got := s.unknown(text); len(got) != want {
			t.Errorf("%s: %q, want %d", text, got, want)
		}
	}
}

// unknown lists what a document says of the command line that it does not know.
func (s spoken) unknown(text string) (wrong []string) {
	for _, code := range inCode.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(code[1] + code[2]) {
			for _, m := range spokenTo.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
				wrong = append(wrong, s.misspoken(strings.Fields(m[1]))...)
			}
		}
	}
	for _, m := range flagAlone.FindAllStringSubmatch(text, -1) {
		if !s.flags[m[1]] {
			wrong = append(wrong, "no command has --"+m[1])
		}
	}
	return wrong
}

// misspoken looks for the command that words name, and for its flags.
func (s spoken) misspoken(words []string) (wrong []string) {
	node, named := s.parser.Model.Node, false
	for _, w := range words {
		if child := childOf(node, w); child != nil && !strings.HasPrefix(w, "-") {
			node, named = child, true
			continue
		}
		flag, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		switch {
		case !named && strings.HasPrefix(w, "/"): // the program is an argument itself
			return nil
		case !named && !strings.HasPrefix(w, "-"):
			return []string{"there is no command " + w}
		case strings.HasPrefix(w, "--") && !hasFlag(node, flag):
			wrong = append(wrong, node.Path()+" has no --"+flag)
		}
	}
	return wrong
}

func childOf(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// hasFlag looks in the command, in those around it, and in that which it stands for where none is named.
func hasFlag(n *kong.Node, name string) bool {
	if n.DefaultCmd != nil && hasFlag(n.DefaultCmd, name) {
		return true
	}
	for _, group := range n.AllFlags(false) {
		for _, f := range group {
			if f.Name == name {
				return true
			}
		}
	}
	return name == "help" || name == "version"
}

// deployed are the command lines that deployments run.
func deployed(t *testing.T) map[string][]string {
	t.Helper()
	_, image := readDockerfile(t)
	all := map[string][]string{"the image": image.exec(t, "CMD"), "the image's health check": image.exec(t, "HEALTHCHECK")[1:]}
	for name, s := range mustReadCompose(t).Services {
		if s.ours() {
			all["the service "+name], all["the health check of "+name] = s.Command, s.Healthcheck.Test[2:]
		}
	}
	for _, overlay := range overlays {
		_, objects := mustBuild(t, overlay)
		for _, o := range objects {
			for _, c := range o.Spec.Template.Spec.Containers {
				if o.Kind == "Deployment" {
					all[overlay+"'s "+o.String()] = c.Args
				}
			}
		}
	}
	unit, err := os.ReadFile(filepath.Join(deploy, "systemd", "hpplink.service"))
	if err != nil {
		t.Fatal(err)
	}
	all["the unit"] = strings.Fields(regexp.MustCompile(`(?m)^ExecStart=/usr/bin/hpplink (.*)$`).FindStringSubmatch(string(unit))[1])
	return all
}
