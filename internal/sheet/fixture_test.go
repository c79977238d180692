package sheet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/sheet"
)

// Each file in testdata has beside it, in a file that ends in .want, what reading it must
// give, cell by cell. HPPLINK_UPDATE=1 writes those files: read the difference before keeping it.
func TestFixtures(t *testing.T) {
	options := map[string]sheet.Options{"april.xlsx": {Sheet: "april"}}
	inputs, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range inputs {
		if strings.HasSuffix(path, ".want") || strings.HasSuffix(path, ".fods") {
			continue
		}
		seen++
		t.Run(filepath.Base(path), func(t *testing.T) {
			got := dump(path, options[filepath.Base(path)])
			if os.Getenv("HPPLINK_UPDATE") != "" {
				if err := os.WriteFile(path+".want", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if seen < 30 {
		t.Errorf("found %d fixtures only", seen)
	}
}
