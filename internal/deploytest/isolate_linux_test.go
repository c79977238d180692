package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// room is a folder that a program is to see as the whole file system.
type room struct {
	root   string
	mounts map[string]string // folders within it, and where what is in them comes from
	host   string            // its name there; "" for the machine's
}

// The ways into a room, read-only, as the user of the image: who is root becomes that user, and who is not is that user in a
// namespace of its own.
const (
	readOnly = `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"`
	asRoot   = ` && exec chroot --userspec=65532:65532 "$0" "$@"`
	asUser   = ` && exec unshare -U --map-user=65532 --map-group=65532 --root="$0" --wd=/ "$@"`
)

// enter returns a command in the room, or without argv one that only prepares it.
func (r room) enter(argv ...string) *exec.Cmd {
	script, flags, last := readOnly, []string{"-m", "-u"}, asRoot
	if os.Geteuid() != 0 {
		flags, last = append(flags, "-r"), asUser
	}
	for inside, outside := range r.mounts {
		script += ` && mount --bind '` + outside + `' "$0` + inside + `"`
	}
	if r.host != "" {
		script += ` && hostname ` + r.host
	}
	if len(argv) > 0 {
		script += last
	}
	return exec.Command("unshare", append(append(flags, "sh", "-c", script, r.root), argv...)...)
}

// roomsWork tries once whether this machine lets us.
var roomsWork = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	return room{root: folder}.enter().CombinedOutput()
})

// command returns a command that sees nothing but what is in the room, can write nowhere but in its mounts, and is not root. Its
// environment is empty. Signals reach the program itself.
func (r room) command(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	if out, err := roomsWork(); err != nil {
		t.Fatalf("this machine lets us not change the root folder: run the test as root, or allow user namespaces, with unshare of util-linux 2.38 or newer: %v %s", err, out)
	}
	cmd := r.enter(argv...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	return cmd
}

// newRoom makes a room of an image, with further files and mounts as a container engine adds them.
func newRoom(t *testing.T, image string, files, mounts map[string]string) room {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "-al", image, root).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for path := range mounts {
		if err := os.MkdirAll(filepath.Join(root, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.TrimSpace(text)+"\n"), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	return room{root: root, mounts: mounts}
}
