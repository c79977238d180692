package deploytest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// top is the folder of the whole project.
const top = "../.."

// instruction is a line of a Dockerfile, with those that go on with it.
type instruction struct{ name, rest string }

// stage is what a Dockerfile does between one FROM and the next.
type stage struct {
	from  string
	lines []instruction
}

func parseDockerfile(text string) (stages []stage) {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, "")
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "":
		case name == "FROM":
			stages = append(stages, stage{from: rest})
		default:
			last := &stages[len(stages)-1]
			last.lines = append(last.lines, instruction{name, strings.TrimSpace(rest)})
		}
	}
	return stages
}

// all returns what stands behind each instruction of a name.
func (s stage) all(name string) (rest []string) {
	for _, l := range s.lines {
		if l.name == name {
			rest = append(rest, l.rest)
		}
	}
	return rest
}

// exec returns the words of an instruction in the form that needs no shell.
func (s stage) exec(t *testing.T, name string) (words []string) {
	t.Helper()
	all := s.all(name)
	if len(all) != 1 {
		t.Fatalf("%s is there %d times", name, len(all))
	}
	list := all[0][max(0, strings.Index(all[0], "[")):]
	if err := json.Unmarshal([]byte(list), &words); err != nil {
		t.Fatalf("%s %s: it is no list of words, and there is no shell in the image: %v", name, all[0], err)
	}
	return words
}

func readDockerfile(t *testing.T) (build, final stage) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := parseDockerfile(string(text))
	if len(stages) != 2 {
		t.Fatalf("%d stages: one is to build, one is the image", len(stages))
	}
	return stages[0], stages[1]
}

// TestDockerfileBuildsByTheScript: image.sh is what other tests run, so the Dockerfile is to add nothing to what that makes.
func TestDockerfileBuildsByTheScript(t *testing.T) {
	build, final := readDockerfile(t)
	run := build.all("RUN")
	if len(run) != 2 || !strings.HasSuffix(run[0], " go mod download") || !strings.HasSuffix(run[1], ` sh deploy/image.sh /image "$VERSION"`) {
		t.Errorf("RUN: %q", run)
	}
	if copied := final.all("COPY"); !slices.Equal(copied, []string{"--from=build /image/ /"}) {
		t.Errorf("the image gets: %q", copied)
	}
	if added := final.all("ADD"); final.from != "scratch" || len(added) > 0 || len(final.all("RUN")) > 0 {
		t.Errorf("the image is of %s, with %q", final.from, added)
	}
	if user := final.all("USER"); !slices.Equal(user, []string{"65532:65532"}) {
		t.Errorf("USER %q", user)
	}
}

// TestDockerfileHasEnoughGo: the compiler's image is pinned, and not older than go.mod wants.
func TestDockerfileHasEnoughGo(t *testing.T) {
	build, _ := readDockerfile(t)
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := func(in, pattern string) (n [3]int) {
		m := regexp.MustCompile(pattern).FindStringSubmatch(in)
		if m == nil {
			t.Fatalf("%q has no version", in)
		}
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		return n
	}
	has, wants := version(build.from, `golang:(\d+)\.(\d+)\.(\d+)-`), version(string(mod), `(?m)^go (\d+)\.(\d+)\.(\d+)$`)
	if slices.Compare(has[:], wants[:]) < 0 {
		t.Errorf("go.mod wants %v, the image builds with %v", wants, has)
	}
}

// TestDockerignore: what the build copies is let in, and nothing else, least of all the history or anybody's secrets.
func TestDockerignore(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	lines := strings.Split(regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(text), ""), "\n")
	if lines[0] != "*" {
		t.Fatalf("it begins with %q: all that is not named is to stay out", lines[0])
	}
	for _, l := range lines {
		if name, ok := strings.CutPrefix(l, "!"); ok {
			allowed = append(allowed, name)
		}
	}
	build, _ := readDockerfile(t)
	var copied []string
	for _, c := range build.all("COPY") {
		words := strings.Fields(c)
		copied = append(copied, words[:len(words)-1]...)
	}
	slices.Sort(copied)
	slices.Sort(allowed)
	if !slices.Equal(copied, allowed) {
		t.Errorf("copied: %q\nlet in: %q", copied, allowed)
	}
	for _, name := range copied {
		if _, err := os.Stat(filepath.Join(top, name)); err != nil {
			t.Error(err)
		}
	}
}
