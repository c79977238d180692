package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/bench"
)

// build compiles a command of the repository.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("go", "build", "-o", path, "../"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestSmoke measures everything but what takes its time whatever the size, as small as it gets.
func TestSmoke(t *testing.T) {
	raw := filepath.Join(t.TempDir(), "raw.jsonl")
	cmd := exec.Command(build(t, "bench"), "--hpplink", build(t, "hpplink"), "--raw", raw,
		"--only", "drain,memory,lone,beside", "--rounds", "1", "--orders", "500", "--samples", "2", "--in-flight", "10", "--latency", "5ms")
	cmd.Env = append(os.Environ(), "HPPLINK_REDIS=redis://127.0.0.1:1", "HPPLINK_CONFIG=/nowhere") // as a developer may have set
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Drain: 500 orders, gateway 5ms, 10 in flight", "hpplink / plain", "{hpp}:results", "hpplink, by HTTP, gateway 5ms"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	seen := samples(t, raw)
	for _, want := range []string{"drain bare", "drain plain", "drain hpplink", "memory hpplink", "lone bare", "lone plain", "lone hpplink", "beside hpplink"} {
		if seen[want] == 0 {
			t.Errorf("nothing was recorded of %s", want)
		}
	}
}

// samples counts the raw ones by measurement and contender. The first line is about the machine.
func samples(t *testing.T, path string) map[string]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s bench.Sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		if s.Measurement != "" && len(s.Values) == 0 {
			t.Errorf("%s of %s: no values", s.Measurement, s.Contender)
		}
		seen[s.Measurement+" "+s.Contender]++
	}
	return seen
}
