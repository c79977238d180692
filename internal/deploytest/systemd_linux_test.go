package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/merchant"
)

// mostExposed is what "systemd-analyze security" may say of the unit: of 100, most units that do nothing about it have 96.
const mostExposed = 15

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatalf("systemd-analyze is missing: install the package systemd (it need not run): %v", err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

// unit copies the unit, with the program at a place where there is one and with a change, and returns its path.
func unit(t *testing.T, old, changed string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "hpplink.service"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hpplink.service")
	written := strings.NewReplacer("ExecStart=/usr/bin/hpplink ", "ExecStart="+program+" ", old, changed).Replace(string(text))
	if written == string(text) || old != "" && !strings.Contains(string(text), old) {
		t.Fatalf("the unit has no %q", old)
	}
	if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnit has systemd read the unit.
func TestUnit(t *testing.T) {
	if out, err := analyze(t, "verify", unit(t, "\n[Install]", "\n[Install]")); err != nil || out != "" {
		t.Errorf("%v %s", err, out)
	}
	for old, broken := range map[string]string{"ProtectClock=yes": "ProtectClocks=yes", "TimeoutStopSec=110": "TimeoutStopSec=soon"} {
		if out, _ := analyze(t, "verify", unit(t, old, broken)); out == "" {
			t.Errorf("%s is not noticed", broken)
		}
	}
}

// TestUnitIsHardened: little is left to whoever takes the process over, and less hardening is noticed.
func TestUnitIsHardened(t *testing.T) {
	exposed := func(path string) int {
		out, err := analyze(t, "security", "--offline=yes", path)
		m := regexp.MustCompile(`Overall exposure level for \S+: (\d+)\.(\d)`).FindStringSubmatch(out)
		if err != nil || m == nil {
			t.Fatal(err, out)
		}
		n, _ := strconv.Atoi(m[1] + m[2])
		return n
	}
	if n := exposed(unit(t, "\n[Install]", "\n[Install]")); n > mostExposed {
		t.Errorf("%d, want %d at most", n, mostExposed)
	}
	if n := exposed(unit(t, "SystemCallFilter=", "#")); n <= mostExposed {
		t.Errorf("without a filter of system calls: %d", n)
	}
}

// TestUnitEndsInTime: the process is not killed while it finishes, and comes back unless its settings are wrong.
func TestUnitEndsInTime(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "hpplink.service"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal("no TimeoutStopSec")
	}
	seconds, _ := strconv.Atoi(string(m[1]))
	if has, needs := time.Duration(seconds)*time.Second, app.LongestStop(merchant.DefaultTimeout, true); has < needs {
		t.Errorf("SIGKILL comes after %v, and it may need %v", has, needs)
	}
	for _, line := range []string{"\nRestart=on-failure\n", "\nRestartPreventExitStatus=2\n", "\nStartLimitIntervalSec=0\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("there is no %s", strings.TrimSpace(line))
		}
	}
}

// TestUnitsSecrets: each is a credential, and each credential is used.
func TestUnitsSecrets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(deploy, "systemd", "hpplink.service"))
	if err != nil {
		t.Fatal(err)
	}
	loaded, used := map[string]bool{}, 0
	for _, m := range regexp.MustCompile(`(?m)^LoadCredential=([\w-]+):/etc/hpplink/secrets/([\w-]+)$`).FindAllStringSubmatch(string(text), -1) {
		loaded[m[1]] = m[1] == m[2]
	}
	for _, m := range regexp.MustCompile(`(?m)^Environment=HPPLINK_\w+_FILE=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		if used++; !loaded[strings.TrimPrefix(m[1], "%d/")] {
			t.Errorf("%s is loaded from nowhere", m[1])
		}
	}
	if used != len(loaded) || used == 0 {
		t.Errorf("%d credentials, %d used", len(loaded), used)
	}
}
