package doctor

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files are where settings and secrets come from.
type Files struct {
	Settings  string   // the settings file; "" for none
	Inline    []string // names of the secrets that stand in it
	Secrets   []Secret // that have files of their own
	Variables []string // names of those that stand in the environment
	Flags     []string // and on the command line
	Container bool     // this machine has no other users
}

// Secret is a secret in a file.
type Secret struct{ Name, Path string }

// Examine looks who could read them. It does not read any.
func (f Files) Examine() (all []Finding) {
	s := about(settingsGroup, "secrets")
	for _, secret := range f.Secrets {
		if open := reach(secret.Path); open != "" {
			all = append(all, f.judge(s.mend("chmod o-rwx "+secret.Path, "others on this machine can %s the file of %s", open, secret.Name)))
		}
	}
	switch open := reach(f.Settings); {
	case strings.Contains(open, "change"):
		all = append(all, f.judge(s.mend("chmod o-w "+f.Settings, "others on this machine can change the settings file, and so where orders go")))
	case open != "" && len(f.Inline) > 0:
		all = append(all, f.judge(s.mend("chmod o-rwx "+f.Settings, "others on this machine can read the settings file, which holds secrets: %s", few(f.Inline))))
	}
	if len(f.Flags) > 0 {
		all = append(all, f.judge(s.mend("give them as files: …_FILE", "secrets stand on the command line, which all on this machine can read: %s", few(f.Flags))))
	}
	if len(f.Variables) > 0 {
		all = append(all, s.note("give them as files: …_FILE, or {file: …} in the settings file", "secrets stand in the environment, where crash reports and child processes have them: %s", few(f.Variables)))
	}
	if len(all) == 0 {
		all = append(all, s.fine("others can not read them"))
	}
	return all
}

// judge takes what others on the machine could do less seriously where there are none: orchestrators mount secrets so that
// all in a container can read them.
func (f Files) judge(found Finding) Finding {
	if f.Container {
		found.Level, found.Detail = Note, strings.Replace(found.Detail, "on this machine", "in this container", 1)
	}
	return found
}

func few(names []string) string {
	if len(names) > 4 {
		names = append(names[:3:3], "…")
	}
	return strings.Join(names, ", ")
}

// reach says what everybody on the machine can do with a file: "read", "read and change", or "" for nothing.
func reach(path string) string {
	info, err := os.Stat(path)
	if path == "" || err != nil || !passable(path) {
		return ""
	}
	switch mode := info.Mode().Perm(); {
	case mode&0o002 != 0:
		return "read and change"
	case mode&0o004 != 0:
		return "read"
	}
	return ""
}

// passable reports whether everybody can go through all folders on the way to a file.
func passable(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return true
	}
	for folder := filepath.Dir(path); ; folder = filepath.Dir(folder) {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm()&fs.FileMode(0o001) == 0 {
			return false
		}
		if folder == filepath.Dir(folder) {
			return true
		}
	}
}
