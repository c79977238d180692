package doctor_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/doctor"
)

// TestTold: what a test can hardly bring about in a real Redis.
func TestTold(t *testing.T) {
	everysec := map[string]string{"appendfsync": "everysec"}
	const room = "make room on its disk"
	for _, test := range []struct {
		info   string
		config map[string]string
		want   string // of all findings that are not fine, or the first that is
	}{
		{"", everysec, "fine persistence: append-only file, appendfsync everysec: a power failure loses the last second"},
		{"", map[string]string{"appendfsync": "always"}, "fine persistence: append-only file, appendfsync always: nothing that was accepted is lost"},
		{"", nil, "fine persistence: append-only file; Redis does not tell how often it goes to disk"},
		{"aof_last_write_status:err", everysec, "mend disk: Redis could not write its append-only file → look at the log of Redis, and " + room},
		{"aof_last_bgrewrite_status:err", everysec, "mend disk: Redis could not rewrite its append-only file, which grows → look at the log of Redis, and " + room},
		{"connected_slaves:1\nslave0:ip=10.0.0.5,port=6379,state=wait_bgsave,offset=0,lag=0", map[string]string{"min-replicas-to-write": "1"},
			"mend replicas: a replica of Redis, 10.0.0.5:6379, is wait_bgsave, and 0 s behind → look at its log and at the network between them"},
		{"connected_slaves:1\nslave0:ip=10.0.0.5,port=6379,state=online,offset=0,lag=60", map[string]string{"min-replicas-to-write": "1"},
			"mend replicas: a replica of Redis, 10.0.0.5:6379, is online, and 60 s behind → look at its log and at the network between them"},
		{"maxclients:10000\nconnected_clients:1\nrejected_connections:7", everysec, "note clients: Redis has turned connections away since its start: 7 → raise maxclients"},
		{"latest_fork_usec:1200000", everysec,
			"note speed: Redis stood still for 1.2s when it last forked, to write a file → turn transparent huge pages off, give it less memory, or a faster machine"},
		{"cmdstat_evalsha:calls=99,usec=990000,usec_per_call=10000.00", everysec, "fine persistence: append-only file, appendfsync everysec: a power failure loses the last second"},
		{"cmdstat_evalsha:calls=1000,usec=9000000,usec_per_call=9000.00", everysec,
			"note speed: scripts take Redis 9ms each, in which nothing else is answered: those of hpplink take some 0.1 ms → see who else uses this Redis (SLOWLOG GET), and give hpplink one of its own"},
	} {
		got := worst(doctor.Told(test.info, test.config))
		if got != test.want {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
	}
}

func worst(all []doctor.Finding) string {
	var bad []doctor.Finding
	for _, f := range all {
		if f.Level != doctor.Fine {
			bad = append(bad, f)
		}
	}
	if len(bad) == 0 {
		bad = all[:1]
	}
	return lines(bad)
}

func TestShut(t *testing.T) {
	for reason, want := range map[string]struct {
		text  string
		fault doctor.Fault
	}{
		"DENIED Redis is running in protected mode because …": {"mend redis: Redis at a:1 lets in its own machine alone (protected-mode) → give it a password: requirepass, or a user by ACL", doctor.Unusable},
		"ERR max number of clients reached":                   {"mend redis: Redis at a:1 takes no more connections → raise maxclients, or see who else is connected (CLIENT LIST)", doctor.Unreachable},
		"interrupted":                                         {"mend redis: Redis at a:1 does not answer (interrupted) → start it, or set --redis / HPPLINK_REDIS", doctor.Unreachable},
	} {
		all := doctor.Shut(reason)
		if got := lines(all); got != want.text || all[0].Fault != want.fault {
			t.Errorf("got\n%s %s\nwant\n%s %s", got, all[0].Fault, want.text, want.fault)
		}
	}
}

// TestJudged: the words of several versions of Redis.
func TestJudged(t *testing.T) {
	for said, want := range map[string]string{
		"": "fine rights: the user may do all",
		"NOPERM this user has no permissions to run the 'xadd' command":                      "mend rights: the user may not use commands",
		"NOPERM User monkey has no permissions to run the 'xadd' command":                    "mend rights: the user may not use commands",
		"NOPERM this user has no permissions to access one of the keys used as arguments":    "mend rights: the user may not use keys",
		"NOPERM No permissions to access a key":                                              "mend rights: the user may not use keys",
		"NOPERM No permissions to access a channel":                                          "mend rights: the user may not use channels",
		"NOPERM this user has no permissions to access one of the channels used as argument": "mend rights: the user may not use channels",
		"ERR unknown command 'XADD', with args beginning with: ":                             "mend rights: Redis does not know commands",
		"MOVED 7 10.0.0.5:6379": "fine rights: the user may do all",
	} {
		if got := lines(doctor.Judged(said)); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", said, got)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ends := func(days int) *x509.Certificate {
		return &x509.Certificate{NotAfter: now.Add(time.Duration(days)*24*time.Hour + time.Minute)}
	}
	shown := func(chain ...*x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: chain}
	}
	trusted := func(chains ...[]*x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: chains[0], VerifiedChains: chains}
	}
	const remedy = " → have it renewed, and see why it does not renew itself"
	for _, test := range []struct {
		state *tls.ConnectionState
		want  string
	}{
		{nil, ""},
		{shown(), ""},
		{shown(ends(90), ends(-1)), "fine certificate: the TLS certificate of it is valid until 2026-05-30"},
		{trusted([]*x509.Certificate{ends(90), ends(400)}), "fine certificate: the TLS certificate of it is valid until 2026-05-30"},
		{trusted([]*x509.Certificate{ends(20), ends(400)}), "note certificate: the TLS certificate of it ends on 2026-03-21, in 20 days" + remedy},
		{trusted([]*x509.Certificate{ends(90), ends(1)}), "mend certificate: the TLS certificate of it ends on 2026-03-02, in 1 day" + remedy},
		{trusted([]*x509.Certificate{ends(90), ends(1)}, []*x509.Certificate{ends(90), ends(200)}), "fine certificate: the TLS certificate of it is valid until 2026-05-30"},
	} {
		if got := lines(doctor.Expiry(test.state, now)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestClocks(t *testing.T) {
	for _, test := range []struct {
		skew, sure time.Duration
		want       doctor.Level
	}{
		{0, time.Millisecond, doctor.Fine},
		{999 * time.Millisecond, 0, doctor.Fine},
		{-2 * time.Second, time.Millisecond, doctor.Note},
		{2 * time.Second, 3 * time.Second, doctor.Fine}, // the answer took so long that nobody knows
		{-6 * time.Second, time.Millisecond, doctor.Mend},
	} {
		if f := doctor.Clocks(test.skew, test.sure); f.Level != test.want {
			t.Errorf("%v: %+v", test.skew, f)
		}
	}
}

func TestPlausible(t *testing.T) {
	for domain, want := range map[string]bool{
		"sakura.co.jp": true, "mail.Sakura.co.jp.": true, "testing.jp": true, "myexample.com": true,
		"localhost": false, "shop": false, "shop.test": false, "a.example": false, "EXAMPLE.com": false, "www.example.org": false, "printer.local": false,
	} {
		if doctor.Plausible(domain) != want {
			t.Errorf("%s: want %v", domain, want)
		}
	}
}
