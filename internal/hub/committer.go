package hub

import (
	"context"
	"log/slog"

	"github.com/doorlight/doorlight/internal/store"
)

// committer makes batches durable, as many together as wait: while one write is on its way the next ones gather.
type committer struct {
	store Claims
	log   *slog.Logger
	queue chan commit
}

type commit struct {
	batch store.ClaimBatch
	done  chan error
}

func newCommitter(st Claims, log *slog.Logger) *committer {
	return &committer{store: st, log: log, queue: make(chan commit, 64)}
}

// write hands a batch over; the answer comes through the channel. Each shard has one batch under way at most, so the
// queue has room.
func (c *committer) write(b store.ClaimBatch) chan error {
	done := make(chan error, 1)
	c.queue <- commit{b, done}
	return done
}

// run writes until ctx ends and nothing is left.
func (c *committer) run(ctx context.Context) {
	for {
		select {
		case first := <-c.queue:
			c.together(ctx, first)
		case <-ctx.Done():
			return
		}
	}
}

func (c *committer) together(ctx context.Context, first commit) {
	all := []commit{first}
	for more := true; more; {
		select {
		case next := <-c.queue:
			all = append(all, next)
		default:
			more = false
		}
	}
	batch := first.batch
	if len(all) > 1 {
		batch = store.ClaimBatch{}
		for _, x := range all {
			batch.Puts = append(batch.Puts, x.batch.Puts...)
			batch.Deletes = append(batch.Deletes, x.batch.Deletes...)
			batch.Shown = append(batch.Shown, x.batch.Shown...)
		}
	}
	err := c.store.WriteClaims(ctx, batch)
	if err != nil {
		c.log.Error("claims could not be stored", "err", err, "claims", len(batch.Puts)+len(batch.Deletes))
	}
	for _, x := range all {
		x.done <- err
	}
}
