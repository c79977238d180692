package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
)

// taskPath splits a path of asynqmon's API that ends with a task's id, and perhaps with what is to be done with the task.
var taskPath = regexp.MustCompile(`^(` + dashboardRoot + `/api/queues/[^/]+/(?:[a-z]+_)?tasks/)([^/]+?)(:(?:run|archive|cancel))?$`)

// withTaskID puts our tasks' ids into asynqmon's requests as they are: its page takes some of the percent-encoding of the order's
// key out of them, and its server the rest, and then no task has such an id. Ids of others stay as they came.
func withTaskID(r *http.Request) *http.Request {
	parts := taskPath.FindStringSubmatch(r.URL.EscapedPath())
	if parts == nil {
		return r
	}
	id := encoded(parts[2])
	if _, ours := ledger.KeyOfTask(id); !ours {
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = parts[1]+id+parts[3], ""
	whole := *r
	whole.URL = &u
	return &whole
}

// encoded completes what a browser left out: it percent-encodes less in a path than a key has encoded.
func encoded(id string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:%"
	var b strings.Builder
	for i := range len(id) {
		if strings.IndexByte(plain, id[i]) >= 0 {
			b.WriteByte(id[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", id[i])
		}
	}
	return b.String()
}
