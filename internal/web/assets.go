package web

import (
	"crypto/sha256"
	"embed"
	"io/fs"
	"net/http"
	"path"
)

//go:embed assets
var assets embed.FS

// serveAssets serves what pages load. They are the same for everybody, the page before the login among them.
func (s *Site) serveAssets() {
	err := fs.WalkDir(assets, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := assets.ReadFile(name)
		s.open("GET /"+name, serveFile(name, data))
		return err
	})
	if err != nil {
		panic(err) // a file that was embedded is not there: no test would pass
	}
}

// serveFile serves a file that changes only with the program: browsers ask each time whether it did.
func serveFile(name string, data []byte) http.HandlerFunc {
	tag := etag(data)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kinds[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(data) // the browser has gone
	}
}

// kinds are set by us: what Go derives them from depends on the machine.
var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".map":   "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + encoding.EncodeToString(sum[:12]) + `"`
}
