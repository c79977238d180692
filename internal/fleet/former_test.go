package fleet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// former returns a binary of the version before, and what it is: HPPLINK_FORMER names a binary or a revision. At full size it is the
// previous commit where nothing is named. Where there is none, and small, the program takes the place of itself, as in a restart
// for other settings.
func former(t *testing.T) (binary, what string) {
	t.Helper()
	revision := os.Getenv("HPPLINK_FORMER")
	if info, err := os.Stat(revision); err == nil && !info.IsDir() {
		path, err := filepath.Abs(revision)
		if err != nil {
			t.Fatal(err)
		}
		return path, "the binary " + filepath.Base(path)
	}
	named := revision != ""
	if !named && !full {
		return program, "this program itself: the previous commit takes HPPLINK_FLEET=full, or HPPLINK_FORMER"
	}
	if !named {
		revision = "HEAD~1"
	}
	binary, err := compileRevision(t, revision)
	if err != nil && named {
		t.Fatalf("HPPLINK_FORMER: %v", err)
	}
	if err != nil {
		return program, "this program itself, since there is no previous commit here: " + err.Error()
	}
	return binary, "revision " + revision
}

// compileRevision builds the program of a revision in a folder of its own.
func compileRevision(t *testing.T, revision string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "tree.tar")
	git := exec.Command("git", "archive", "--output", archive, revision)
	git.Dir = "../.."
	if out, err := git.CombinedOutput(); err != nil {
		return "", &noRevisionError{revision, string(out), err}
	}
	tree, binary := filepath.Join(dir, "tree"), filepath.Join(dir, "hpplink-former")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", err
	}
	if out, err := exec.Command("tar", "-x", "-f", archive, "-C", tree).CombinedOutput(); err != nil {
		return "", &noRevisionError{revision, string(out), err}
	}
	return binary, compile(tree, binary)
}

// noRevisionError says that a revision is not to be had.
type noRevisionError struct {
	revision, said string
	err            error
}

func (e *noRevisionError) Error() string { return e.revision + ": " + e.err.Error() + ": " + e.said }
func (e *noRevisionError) Unwrap() error { return e.err }
