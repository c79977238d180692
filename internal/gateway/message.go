package gateway

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// explain says why there is no link: in the gateway's words when it has some.
func (e *exchange) explain(res *http.Response, content []byte) string {
	if res.StatusCode/100 == 3 {
		return e.clean(redirected(res))
	}
	if said := e.clean(dig(content)); said != "" {
		return said
	}
	return strings.TrimSpace(fmt.Sprintf("the gateway answered %d %s", res.StatusCode, http.StatusText(res.StatusCode)))
}

// redirected names the host only: a path or query may hold anything.
func redirected(res *http.Response) string {
	to, err := res.Location()
	if err != nil || to.Host == "" {
		return fmt.Sprintf("the gateway answered with a redirect (%d); check the gateway URL", res.StatusCode)
	}
	return fmt.Sprintf("the gateway answered with a redirect (%d) to %s://%s; check the gateway URL",
		res.StatusCode, to.Scheme, to.Host)
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)

// dig finds the words for people in an error body: in any of the families of
// JSON in use around the gateway, in an HTML page's title, or in plain text.
func dig(content []byte) string {
	content = bytes.TrimSpace(bytes.TrimPrefix(content, byteOrderMark))
	if len(content) == 0 {
		return ""
	}
	if strings.IndexByte(`{["`, content[0]) >= 0 {
		return digJSON(content)
	}
	if m := title.FindSubmatch(content); m != nil {
		return html.UnescapeString(string(m[1]))
	}
	if bytes.IndexByte(content, '<') >= 0 {
		return ""
	}
	return string(content)
}

func digJSON(content []byte) string {
	var v any
	err := json.Unmarshal(content, &v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		return ""
	}
	return words(v, 4)
}

// spoken lists where words are found, the most telling place first.
var spoken = []string{
	"gateway_response", "failure_information", "errormessage", "error_message",
	"message", "error", "errors",
}

func words(v any, depth int) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case []any:
		var all []string
		for _, item := range v {
			if said := words(item, depth-1); said != "" {
				all = append(all, said)
			}
		}
		return strings.Join(all, "; ")
	case map[string]any:
		if depth <= 0 {
			return ""
		}
		for _, name := range spoken {
			if said := words(v[name], depth-1); said != "" {
				return said
			}
		}
	}
	return ""
}
