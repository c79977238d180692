//go:build faults

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// clockVariable shifts the wall clock of one process by so many seconds.
const clockVariable = "HPPLINK_FAULTS_CLOCK"

// clockRows let a worker's wall clock be wrong. It decides when asynq brings a retry back.
var clockRows = []row{
	shiftedBy("the clock of one worker 60 s ahead", "60"),
	shiftedBy("the clock of one worker 60 s behind", "-60"),
}

func shiftedBy(name, seconds string) row {
	return row{
		name: name, holds: "", faults: "500=0.1x1,429=0.1x1:1s",
		start: func(_ *system, n int) string {
			if n > 0 {
				return ""
			}
			return clockVariable + "=" + seconds
		},
	}
}

// binary is the program to run with an environment. One whose clock is to be wrong is a build of its own, with a
// changed package time: Go reads the clock in a way that no library can be put in front of.
func binary(t *testing.T, env []string) string {
	t.Helper()
	if !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, clockVariable+"=") }) {
		return program
	}
	path, err := shiftedProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var shiftedProgram = sync.OnceValues(func() (string, error) {
	overlay, err := clockOverlay(filepath.Dir(program))
	if err != nil {
		return "", err
	}
	path := program + "-shifted"
	out, err := exec.Command("go", "build", "-tags", "faults", "-overlay", overlay, "-o", path, "../../cmd/hpplink").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the program with another clock: %w\n%s", err, out)
	}
	return path, nil
})

const (
	readsClock = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	shift      = `
// clockShift is read once; the monotonic clock stays as it is, as on a machine with a wrong wall clock.
var clockShift = func() (seconds int64) {
	text, _ := syscall.Getenv("` + clockVariable + `")
	sign := int64(1)
	for _, c := range text {
		if c == '-' {
			sign = -1
		} else {
			seconds = 10*seconds + int64(c-'0')
		}
	}
	return sign * seconds
}()
`
)

// clockOverlay writes a package time whose Now adds the shift, and returns the file that puts it into a build.
func clockOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	changed := strings.Replace(string(text), readsClock, readsClock+"\tsec += clockShift\n", 1)
	changed = strings.Replace(changed, "import (\n", "import (\n\t\"syscall\"\n", 1) + shift
	if strings.Count(changed, "clockShift") != 3 || !strings.Contains(changed, `"syscall"`) {
		return "", fmt.Errorf("this Go reads its clock in another way than expected: look at func Now in %s", original)
	}
	copied, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(copied, []byte(changed), 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, replace, 0o600)
}
