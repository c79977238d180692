package ledger

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/clock.lua
	clockLua string
	//go:embed lua/time.lua
	timeLua string
	//go:embed lua/keys.lua
	keysLua string
	//go:embed lua/keysaccept.lua
	keysAcceptLua string
	//go:embed lua/keysclaim.lua
	keysClaimLua string
	//go:embed lua/keysissue.lua
	keysIssueLua string
	//go:embed lua/each.lua
	eachLua string
	//go:embed lua/claimmany.lua
	claimManyLua string
	//go:embed lua/publish.lua
	publishLua string
	//go:embed lua/begin.lua
	beginLua string
	//go:embed lua/claimfull.lua
	claimFullLua string
	//go:embed lua/record.lua
	recordLua string
	//go:embed lua/accept.lua
	acceptLua string
	//go:embed lua/claim.lua
	claimLua string
	//go:embed lua/issue.lua
	issueLua string
	//go:embed lua/fail.lua
	failLua string
	//go:embed lua/release.lua
	releaseLua string
	//go:embed lua/replay.lua
	replayLua string
	//go:embed lua/discard.lua
	discardLua string
	//go:embed lua/due.lua
	dueLua string
	//go:embed lua/breaker.lua
	breakerLua string
	//go:embed lua/unhold.lua
	unholdLua string
	//go:embed lua/beat.lua
	beatLua string
	//go:embed lua/bury.lua
	buryLua string
	//go:embed lua/slots.lua
	slotsLua string
	//go:embed lua/gate.lua
	gateLua string
	//go:embed lua/retime.lua
	retimeLua string
	//go:embed lua/reject.lua
	rejectLua string
	//go:embed lua/refuse.lua
	refuseLua string
	//go:embed lua/defer.lua
	deferLua string
	//go:embed lua/hasten.lua
	hastenLua string
	//go:embed lua/batch.lua
	batchLua string
	//go:embed lua/openbatch.lua
	openBatchLua string
	//go:embed lua/sealbatch.lua
	sealBatchLua string
	//go:embed lua/closebatch.lua
	closeBatchLua string
	//go:embed lua/claimemail.lua
	claimEmailLua string
	//go:embed lua/emailed.lua
	emailedLua string
	//go:embed lua/replayemail.lua
	replayEmailLua string
	//go:embed lua/prunebatch.lua
	pruneBatchLua string
	//go:embed lua/cancel.lua
	cancelLua string
	//go:embed lua/end.lua
	endLua string
	//go:embed lua/publishoutbox.lua
	publishOutboxLua string
)

// scripts are the ledger's steps. Redis keeps them by their hash; after SCRIPT FLUSH or a
// restart they are sent again as soon as one is missing.
type scripts struct {
	claim, issue many

	accept, claimFull, fail, release, replay, discard, due, unhold, beat, bury, slots, gate, reject, refuse, later, hasten, openBatch, sealBatch, closeBatch, pruneBatch, cancel, claimEmail, emailed, replayEmail, retime, end, publishOutbox *redis.Script
}

// newScripts compiles the scripts around a clock. Tests pass one that can be shifted. Redis runs a script's whole text each
// time, definitions included, so those that run for every order hold no more than they need.
func newScripts(clock string) scripts {
	ofOrder := func(bodies ...string) *redis.Script {
		return redis.NewScript(keysLua + clock + timeLua + batchLua + recordLua + publishLua + beginLua + breakerLua + strings.Join(bodies, ""))
	}
	return scripts{
		accept:      redis.NewScript(keysAcceptLua + clock + batchLua + recordLua + beginLua + acceptLua),
		claim:       newMany(keysClaimLua+clock+eachLua+recordLua+breakerLua+claimLua+claimManyLua, Keys.ofClaims, 4),
		issue:       newMany(keysIssueLua+clock+timeLua+eachLua+batchLua+recordLua+publishLua+issueLua, Keys.ofIssues, 3),
		claimFull:   ofOrder(claimLua, claimFullLua),
		fail:        ofOrder(failLua),
		release:     ofOrder(releaseLua),
		replay:      ofOrder(replayLua),
		discard:     ofOrder(discardLua),
		due:         redis.NewScript(clock + dueLua),
		unhold:      redis.NewScript(clock + unholdLua),
		beat:        redis.NewScript(clock + beatLua),
		bury:        redis.NewScript(clock + buryLua),
		slots:       redis.NewScript(clock + slotsLua),
		gate:        redis.NewScript(clock + gateLua),
		reject:      redis.NewScript(clock + timeLua + rejectLua),
		refuse:      redis.NewScript(clock + timeLua + refuseLua),
		later:       redis.NewScript(deferLua),
		hasten:      redis.NewScript(clock + hastenLua),
		cancel:      ofOrder(cancelLua),
		retime:      ofOrder(retimeLua),
		end:         ofOrder(endLua),
		claimEmail:  ofOrder(claimEmailLua),
		emailed:     ofOrder(emailedLua),
		replayEmail: ofOrder(replayEmailLua),
		openBatch:   redis.NewScript(clock + timeLua + batchLua + openBatchLua),
		sealBatch:   redis.NewScript(clock + timeLua + batchLua + sealBatchLua),
		closeBatch:  redis.NewScript(clock + timeLua + batchLua + closeBatchLua),

		publishOutbox: redis.NewScript(publishOutboxLua),

		pruneBatch: redis.NewScript(batchLua + pruneBatchLua),
	}
}

// call is one run of a script that waits for its place in a pipeline.
type call struct {
	keys []string
	args []any
}

// runAll runs one script many times in one round trip, and sends its text again for those that found it missing. Each call has
// its own reply or error. Where the ledger is durable, sure has it return once the replicas have what was done; replies that not all have
// come with an error.
func (l *Ledger) runAll(ctx context.Context, s *redis.Script, calls []call, sure bool) ([]reply, []error) {
	cmds := make([]*redis.Cmd, len(calls))
	send := func(indexes []int, queue func(p redis.Pipeliner, c call) *redis.Cmd) error {
		return l.pipelined(ctx, sure && len(indexes) > 0, func(pipe redis.Pipeliner) {
			for _, i := range indexes {
				cmds[i] = queue(pipe, calls[i])
			}
		})
	}

	all := make([]int, len(calls))
	for i := range all {
		all[i] = i
	}
	unsure := send(all, func(p redis.Pipeliner, c call) *redis.Cmd { return s.EvalSha(ctx, p, c.keys, c.args...) })

	var missing []int
	for i, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if late := send(missing, func(p redis.Pipeliner, c call) *redis.Cmd { return s.Eval(ctx, p, c.keys, c.args...) }); late != nil {
			unsure = late
		}
	}

	replies, errs := make([]reply, len(calls)), make([]error, len(calls))
	for i, cmd := range cmds {
		if replies[i], errs[i] = parseReply(cmd); errs[i] == nil {
			errs[i] = unsure
		}
	}
	return replies, errs
}

// reply is what a script for one order answers: a word, and named values.
type reply struct {
	word   string
	values map[string]string
}

var errReply = errors.New("reply is not of the expected form")

func parseReply(cmd *redis.Cmd) (reply, error) {
	items, err := cmd.StringSlice()
	if err != nil {
		return reply{}, err
	}
	return replyOf(items)
}

func replyOf(items []string) (reply, error) {
	if len(items)%2 == 0 {
		return reply{}, fmt.Errorf("%w: %d items", errReply, len(items))
	}
	r := reply{word: items[0], values: make(map[string]string, len(items)/2)}
	for i := 1; i < len(items); i += 2 {
		r.values[items[i]] = items[i+1]
	}
	return r, nil
}
