package gateway

import (
	"net/http"
	"net/url"
	"sync"
)

const endpoint = "server-to-server-interface/hpp/generate/link"

// endpoints remembers what is the same in all requests to a gateway, for each
// gateway there was: they are as few as the settings name. It goes by the URL's
// content, so that profiles may change and be replaced.
type endpoints struct {
	mu     sync.RWMutex
	blanks map[url.URL]*http.Request
}

// find returns the gateway's request without what differs from call to call. It
// is shared: copy it before changing anything.
func (e *endpoints) find(gateway *url.URL) (*http.Request, error) {
	e.mu.RLock()
	blank := e.blanks[*gateway]
	e.mu.RUnlock()
	if blank != nil {
		return blank, nil
	}
	blank, err := http.NewRequest(http.MethodPost, gateway.JoinPath(endpoint).String(), nil)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.blanks == nil {
		e.blanks = make(map[url.URL]*http.Request)
	}
	e.blanks[*gateway] = blank
	return blank, nil
}
