package api

import (
	"context"
	"log/slog"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/provision"
)

// TestAJobThatPanics ends as failed; the server, and the other jobs, go on. What has ended does not pile up.
func TestAJobThatPanics(t *testing.T) {
	t.Parallel()
	j := newJobs(slog.New(slog.DiscardHandler))
	defer j.stop()
	one, err := j.begin("ada", func(context.Context, func(done, total int)) (provision.Report, error) { panic("no") })
	if err != nil {
		t.Fatal(err)
	}
	j.busy.Wait()
	if got, ok := j.of("ada", one.ID); !ok || got.State != jobFailed || got.Error == "" || got.Error == "no" {
		t.Errorf("it is %+v", got)
	}
	unusual, err := j.begin("ada", func(context.Context, func(done, total int)) (provision.Report, error) {
		return provision.Report{Blocked: 14}, fault.Wrap(fault.Conflict, provision.ErrUnusual, "so many")
	})
	if err != nil {
		t.Fatal(err)
	}
	j.busy.Wait()
	if got, ok := j.of("ada", unusual.ID); !ok || !got.Unusual || got.Report.Blocked != 14 || got.Error != "so many" {
		t.Errorf("it is %+v", got)
	}
	for i := range 3 * mostEnded {
		last, err := j.begin("ada", func(context.Context, func(done, total int)) (provision.Report, error) {
			return provision.Report{Added: i}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		j.busy.Wait()
		if got, ok := j.of("ada", last.ID); !ok || got.State != jobDone || got.Report.Added != i {
			t.Fatalf("job %d is %+v", i, got)
		}
	}
	if len(j.all) > mostEnded+1 {
		t.Errorf("%d jobs are remembered", len(j.all))
	}
}
