package cli

import (
	"context"

	"github.com/hpplink/hpplink/internal/ledger"
)

type failedReplayCommand struct{ failedChoice }

// Help gives examples.
func (failedReplayCommand) Help() string {
	return `Examples:
  hpplink failed replay INV-1 INV-2 --merchant-id M-1001
  hpplink failed replay --code gave_up --younger-than 1d --dry-run
  hpplink failed replay --all --yes
  hpplink failed list --json | grep 'insufficient' | hpplink failed replay --file -
  hpplink failed replay --email --code smtp_550 --younger-than 1d

Each gets a line: replayed, or gone (it has not failed, or not any more). An order is replayed at
most once, even if it fails again meanwhile. Interrupted, it is safe to run again.
Exit code 0: all are replayed; 1: some are not; 2: it is not clear which; 3: Redis is out of reach.`
}

// Run replays.
func (c *failedReplayCommand) Run(ctx context.Context, s Streams) error {
	step := failedStep{verb: "replay", past: "replayed", do: replay}
	if c.Email {
		step.do = replayEmail
	}
	return c.run(ctx, s, step)
}

func replayEmail(ctx context.Context, d desk, o ledger.FailedOrder) (int, error) {
	return o.Generation, d.door.ReplayMail(ctx, o.Key, o.Generation)
}

func replay(ctx context.Context, d desk, o ledger.FailedOrder) (int, error) {
	return d.door.Replay(ctx, o.Key, o.Generation)
}

type failedDiscardCommand struct{ failedChoice }

// Help gives examples.
func (failedDiscardCommand) Help() string {
	return `Examples:
  hpplink failed discard INV-1 --merchant-id M-1001 --yes
  hpplink failed discard --code rejected --older-than 90d --dry-run

What a discarded order held is dropped, and it can not be replayed any more; with --email, its link stays. Each gets a line:
discarded, or gone (it has not failed, or not any more).
Exit code 0: all are discarded; 1: some are not; 2: it is not clear which; 3: Redis is out of reach.`
}

// Run discards.
func (c *failedDiscardCommand) Run(ctx context.Context, s Streams) error {
	step := failedStep{verb: "discard", past: "discarded", asksAlways: true, do: discard}
	if c.Email {
		step.do = discardEmail
	}
	return c.run(ctx, s, step)
}

func discardEmail(ctx context.Context, d desk, o ledger.FailedOrder) (int, error) {
	return o.Generation, d.Ledger.DiscardEmail(ctx, o.Key, o.Generation)
}

func discard(ctx context.Context, d desk, o ledger.FailedOrder) (int, error) {
	return o.Generation, d.Ledger.Discard(ctx, o.Key, o.Generation)
}
