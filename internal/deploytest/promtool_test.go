package deploytest

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// deploy is the folder under test.
const deploy = "../../deploy"

// installed looks for a program of Debian's package prometheus, and installs the package once where it is missing.
var installed = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath("promtool"); err == nil {
		return path, nil
	}
	out, err := exec.Command("sh", filepath.Join(deploy, "install-prometheus.sh")).CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return exec.LookPath("promtool")
})

// promtool runs it, and returns what it printed.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := installed()
	if err != nil {
		t.Fatalf("promtool is missing and could not be installed: install the package prometheus, or run sh deploy/install-prometheus.sh: %v: %s", err, path)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

// passes fails the test unless promtool is content.
func passes(t *testing.T, args ...string) {
	t.Helper()
	if out, err := promtool(t, args...); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}
