package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced code block of the README.
type block struct {
	section, language, text string
	line                    int
}

var fence = regexp.MustCompile("^```([a-z]*)$")

// readmeBlocks reads the code blocks below a heading of the second level.
func readmeBlocks(t *testing.T, section string) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	in, open := false, false
	for i, line := range strings.Split(string(text), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open && m == nil:
			blocks[len(blocks)-1].text += line + "\n"
		case open:
			open = false
		case strings.HasPrefix(line, "## "):
			in = line == "## "+section
		case in && m != nil:
			open = true
			blocks = append(blocks, block{section: section, language: m[1], line: i + 1})
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("README.md has no code in a section %q", section)
	}
	return blocks
}

// readme is where the README's code runs: beside a running hpplink, in a folder of its own.
type readme struct {
	*system
	web    string
	folder string
	env    []string
}

func startReadme(t *testing.T) *readme {
	t.Helper()
	s := startSystem(t, 0)
	r := &readme{system: s, web: freeAddress(t), folder: t.TempDir()}
	start(t, append(s.workerEnv(), "HPPLINK_LISTEN="+r.web), "run")
	s.awaitHTTP(t, r.web)
	bin := filepath.Join(r.folder, "bin")
	client, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(s.base.Redis.Addr(), ":")
	r.file(t, "bin/redis-cli", fmt.Sprintf("#!/bin/sh\nexec %s -h %s -p %s \"$@\"\n", client, host, port))
	r.env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "HPPLINK_REDIS="+s.redisURL, "HPPLINK_MERCHANT_ID=M-1001")
	return r
}

func (r *readme) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// command makes a program of a block. It skips the test where its runtime is not on this machine.
func (r *readme) command(t *testing.T, b block) *exec.Cmd {
	t.Helper()
	text := strings.NewReplacer("127.0.0.1:8080", r.web, "127.0.0.1:6379", r.base.Redis.Addr()).Replace(b.text)
	run := map[string][]string{
		"sh": {"sh", "-eu", "block.sh"}, "python": {"python3", "block.py"}, "js": {"node", "block.mjs"}, "php": {"php", "block.php"},
		"java": {"java", "Send.java"}, "go": {"./block"},
	}[b.language]
	switch b.language {
	case "go":
		r.compile(t, text)
	case "python":
		r.file(t, "block.py", pythonStore+text)
	default:
		if run == nil {
			t.Fatalf("README.md:%d: nobody knows how to run a block of %q", b.line, b.language)
		}
		r.file(t, run[len(run)-1], text)
	}
	if _, err := exec.LookPath(run[0]); err != nil && b.language != "go" {
		t.Skipf("README.md:%d is not run: there is no %s on this machine", b.line, run[0])
	}
	cmd := exec.Command(run[0], run[1:]...)
	cmd.Dir, cmd.Env = r.folder, r.env
	return cmd
}

// What the README leaves to the reader: store, and a program around Go's statements.
const (
	pythonStore = "def store(event):\n    print(event['id'], event['data'], flush=True)\n\n"

	goProgram = `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

var (
	_ = json.NewDecoder
	_ = http.Post
	_ = asynq.NewClient
	_ = redis.NewClient
	_ = time.Second
)

func store(event map[string]any) error {
	_, err := fmt.Println(event["id"], event["data"])
	return err
}

func run(ctx context.Context) error {
%s
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`
)

func (r *readme) compile(t *testing.T, statements string) {
	t.Helper()
	source := r.file(t, "block.go", fmt.Sprintf(goProgram, statements))
	if out, err := exec.Command("go", "build", "-o", filepath.Join(r.folder, "block"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
