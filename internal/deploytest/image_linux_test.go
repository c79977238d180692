package deploytest

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

// mostOfImage is the size that the image may have, uncompressed. It is to shrink with the program, and not to grow unseen.
const mostOfImage = 40_000_000

// TestImage builds what is in the image twice, at different places, and lives in it.
func TestImage(t *testing.T) {
	gw, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewTLSServer(gw.Handler())
	t.Cleanup(gateway.Close)
	t.Cleanup(gw.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem") // so that it is the image's certificates that make the gateway trusted
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gateway.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	root := buildImage(t, top, bundle)
	elsewhere := filepath.Join(t.TempDir(), "a", "clone of it")
	clone(t, elsewhere)
	again := buildImage(t, elsewhere, bundle)

	t.Run("the same bytes wherever it is built", func(t *testing.T) {
		first, second := contents(t, root), contents(t, again)
		if !maps.Equal(first, second) {
			t.Errorf("%v\n%v", first, second)
		}
	})
	t.Run("nothing but what is needed", func(t *testing.T) { checkContents(t, root) })
	t.Run("is told its version", func(t *testing.T) {
		if out, err := newRoom(t, root, nil, nil).command(t, "/usr/bin/hpplink", "--version").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "v1.2.3" {
			t.Errorf("%s %v", out, err)
		}
	})
	t.Run("works an order", func(t *testing.T) { liveInImage(t, root, gateway.URL) })
	t.Run("works an order as in docker-compose.yml", func(t *testing.T) { liveInCompose(t, root) })
}

// buildImage runs a tree's image.sh.
func buildImage(t *testing.T, tree, bundle string) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "image")
	cmd := exec.Command("sh", filepath.Join(tree, "deploy", "image.sh"), root, "v1.2.3")
	cmd.Env = append(os.Environ(), "CA_BUNDLE="+bundle)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("image.sh: %v\n%s", err, out)
	}
	return root
}

// clone copies what the Dockerfile copies, without what .dockerignore leaves out.
func clone(t *testing.T, to string) {
	t.Helper()
	build, _ := readDockerfile(t)
	for _, c := range build.all("COPY") {
		words := strings.Fields(c)
		for _, from := range words[:len(words)-1] {
			path := filepath.Join(to, filepath.Dir(from))
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("cp", "-R", filepath.Join(top, from), path).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
	}
	if out, err := exec.Command("find", to, "-name", "testdata", "-prune", "-exec", "rm", "-rf", "{}", "+").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// contents says of every file and folder all that becomes part of an image.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum := ""
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = fmt.Sprintf(" %x", sha256.Sum256(text))
		}
		all[strings.TrimPrefix(path, root)] = fmt.Sprint(info.Mode(), " ", info.ModTime().UTC().Unix(), sum)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func checkContents(t *testing.T, root string) {
	t.Helper()
	var files []string
	var size int64
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files, size = append(files, path), size+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/bin/hpplink"}
	if !slices.Equal(files, want) {
		t.Errorf("%q, want %q", files, want)
	}
	if t.Logf("%d bytes", size); size > mostOfImage {
		t.Errorf("%d bytes, want %d at most", size, mostOfImage)
	}
	if out, err := exec.Command("file", "-b", filepath.Join(root, "usr/bin/hpplink")).Output(); err == nil && !strings.Contains(string(out), "statically linked") {
		t.Errorf("the binary is %s", out)
	}
}
