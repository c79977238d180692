//go:build faults

package faults

import (
	"fmt"
	"os"
	"strings"
)

// stateOf reads the letter of a process' state: T is stopped.
func stateOf(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, after, found := strings.Cut(string(b), ") ")
	if !found || after == "" {
		return "", fmt.Errorf("unreadable: %q", b)
	}
	return after[:1], nil
}
