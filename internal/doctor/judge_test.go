package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/doctor"
	"github.com/hpplink/hpplink/internal/merchant"
)

// lines are findings as people read them.
func lines(all []doctor.Finding) string {
	var text []string
	for _, f := range all {
		line := string(f.Level) + " " + f.Subject + ": " + f.Detail
		if f.Remedy != "" {
			line += " → " + f.Remedy
		}
		text = append(text, line)
	}
	return strings.Join(text, "\n")
}

func TestProcess(t *testing.T) {
	const mib = 1 << 20
	for want, p := range map[string]doctor.Process{
		"": {},
		"mend open files: the process may have 256 open files and connections, and may need 400 → raise it: ulimit -n 4096, LimitNOFILE=, ulimits: nofile": {OpenFiles: 256, Calls: 100},
		"fine open files: 1024 allowed, up to 400 needed": {OpenFiles: 1024, Calls: 100},
		"mend open files: the process may have 4096 open files and connections, and may need 10300 → raise it: ulimit -n 10300, LimitNOFILE=, ulimits: nofile": {OpenFiles: 4096, Calls: 10_000},
		"mend memory: the container may use 64.0 MiB, and a busy worker needs some 50 MiB and room for bursts → raise the limit to 128 MiB or more":            {Memory: 64 * mib},
		"note memory: the container may use 256.0 MiB, and Go does not know: it might be killed rather than tidy up → set GOMEMLIMIT=230MiB":                   {Memory: 256 * mib},
		"mend memory: GOMEMLIMIT is 512.0 MiB, more than the 256.0 MiB that the container may use: the process would be killed first → set GOMEMLIMIT=230MiB":  {Memory: 256 * mib, GoMemory: 512 * mib},
		"fine memory: 256.0 MiB allowed": {Memory: 256 * mib, GoMemory: 230 * mib},
	} {
		if got := lines(p.Examine()); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if p := doctor.ThisProcess(); p.OpenFiles == 0 {
		t.Errorf("%+v", p)
	}
}

func TestFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "in")
	for dir := folder; dir != filepath.Dir(os.TempDir()) && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(dir, os.TempDir()+"/") {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	with := func(name string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, open, wide := with("own", 0o600), with("open", 0o644), with("wide", 0o666)
	hidden := with("hidden/../hidden", 0o644)
	shut := filepath.Join(folder, "shut")
	if err := os.Mkdir(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, filepath.Join(shut, "hidden")); err != nil {
		t.Fatal(err)
	}
	const fine = "fine secrets: others can not read them"
	for _, test := range []struct {
		files doctor.Files
		want  string
	}{
		{doctor.Files{}, fine},
		{doctor.Files{Settings: own, Secrets: []doctor.Secret{{Name: "KEY", Path: own}}}, fine},
		{doctor.Files{Settings: open, Secrets: []doctor.Secret{{Name: "KEY", Path: filepath.Join(shut, "hidden")}}}, fine},
		{doctor.Files{Secrets: []doctor.Secret{{Name: "KEY", Path: open}}}, "mend secrets: others on this machine can read the file of KEY → chmod o-rwx " + open},
		{doctor.Files{Secrets: []doctor.Secret{{Name: "KEY", Path: open}}, Container: true}, "note secrets: others in this container can read the file of KEY → chmod o-rwx " + open},
		{doctor.Files{Settings: open, Inline: []string{"tokens[0].token"}},
			"mend secrets: others on this machine can read the settings file, which holds secrets: tokens[0].token → chmod o-rwx " + open},
		{doctor.Files{Settings: wide}, "mend secrets: others on this machine can change the settings file, and so where orders go → chmod o-w " + wide},
		{doctor.Files{Flags: []string{"A", "B", "C", "D", "E"}},
			"mend secrets: secrets stand on the command line, which all on this machine can read: A, B, C, … → give them as files: …_FILE"},
	} {
		if got := lines(test.files.Examine()); got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	m := []merchant.Profile{{ID: "M", Timeout: 15 * time.Second}}
	const grace = " → give it longer than that: terminationGracePeriodSeconds, stop_grace_period, TimeoutStopSec"
	for _, test := range []struct {
		times doctor.Times
		want  string
	}{
		{doctor.Times{Merchants: m, MaxAge: time.Hour}, ""},
		{doctor.Times{Merchants: m, MaxAge: time.Hour, Stop: 25 * time.Second}, "fine times: a process takes up to 25s to stop: give it longer (Docker's default is 10s)"},
		{doctor.Times{Merchants: m, MaxAge: 150 * time.Second, Stop: 2 * time.Minute}, "note times: a process takes up to 2m0s to stop" + grace},
	} {
		if got := lines(test.times.Examine()); got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}
