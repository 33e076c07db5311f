package api

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
	"github.com/doorlight/doorlight/internal/store"
)

const (
	mostJobs  = 4                // at work at a time
	jobsStay  = time.Hour        // after their end, to be asked about
	jobAtMost = 30 * time.Minute // whatever it is
)

// mostEnded bounds the jobs that are remembered.
const mostEnded = 50

// jobs is work that takes longer than somebody waits for an answer. It goes with the server: what it had done stays.
type jobs struct {
	ctx  context.Context
	stop context.CancelFunc
	busy sync.WaitGroup
	log  *slog.Logger

	mu  sync.Mutex // guards what follows
	all map[string]*job
}

// job is one piece of work. It is guarded by jobs.mu.
type job struct {
	Job
	owner string // who may ask about it
	ended time.Time
}

func newJobs(log *slog.Logger) *jobs {
	ctx, stop := context.WithCancel(context.Background())
	return &jobs{ctx: ctx, stop: stop, log: log, all: map[string]*job{}}
}

// begin has do work, and returns the job as it begins.
func (j *jobs) begin(owner string, do func(ctx context.Context, progress func(done, total int)) (provision.Report, error)) (Job, error) {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx.Err() != nil {
		return Job{}, fault.New(fault.Unavailable, "the server is stopping")
	}
	working := 0
	for id, x := range j.all {
		if x.State == jobRunning {
			working++
		} else if now.Sub(x.ended) > jobsStay {
			delete(j.all, id)
		}
	}
	for len(j.all)-working >= mostEnded { // each may hold a thousand reasons
		oldest := ""
		for id, x := range j.all {
			if x.State != jobRunning && (oldest == "" || x.ended.Before(j.all[oldest].ended)) {
				oldest = id
			}
		}
		delete(j.all, oldest)
	}
	if working >= mostJobs {
		return Job{}, fault.New(fault.TooMany, "%d such jobs are at work already; wait for one to end", working)
	}
	x := &job{Job: Job{ID: office.NewID(), State: jobRunning}, owner: owner}
	j.all[x.ID] = x
	j.busy.Go(func() {
		ctx, cancel := context.WithTimeout(j.ctx, jobAtMost)
		defer cancel()
		rep, err := j.guarded(do)(ctx, func(done, total int) {
			j.mu.Lock()
			defer j.mu.Unlock()
			x.Done, x.Total = done, total
		})
		j.mu.Lock()
		defer j.mu.Unlock()
		x.State, x.Report, x.ended = jobDone, &rep, time.Now()
		if err != nil {
			x.State, x.Error, x.Unusual = jobFailed, fault.Public(err), errors.Is(err, provision.ErrUnusual)
		}
	})
	return x.Job, nil
}

// beside has do work that nobody asks about.
func (j *jobs) beside(do func(ctx context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx.Err() == nil {
		j.busy.Go(func() { do(j.ctx) })
	}
}

// guarded has a panic end its job, not the server.
func (j *jobs) guarded(do func(context.Context, func(done, total int)) (provision.Report, error)) func(context.Context, func(done, total int)) (provision.Report, error) {
	return func(ctx context.Context, progress func(done, total int)) (rep provision.Report, err error) {
		defer func() {
			if p := recover(); p != nil {
				j.log.ErrorContext(ctx, "a job panicked", "err", p, "stack", string(debug.Stack()))
				err = fault.New(fault.Internal, "panic")
			}
		}()
		return do(ctx, progress)
	}
}

// of returns a job of an owner.
func (j *jobs) of(owner, id string) (Job, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	x := j.all[id]
	if x == nil || x.owner != owner {
		return Job{}, false
	}
	return x.Job, true
}

// Close breaks off what is at work and waits for it. The HTTP server must have stopped.
func (s *Server) Close() {
	s.jobs.mu.Lock() // nothing begins from here on
	s.jobs.stop()
	s.jobs.mu.Unlock()
	s.jobs.busy.Wait()
}

// reading bounds how many lists are read at a time: each may take a hundred megabytes.
var reading = make(chan struct{}, 2)

func (s *Server) postImport(ctx context.Context, in *ImportInput) (*Out[Job], error) {
	select {
	case reading <- struct{}{}:
		defer func() { <-reading }()
	default:
		return nil, fault.New(fault.TooMany, "other lists are being read; try again in a moment")
	}
	records, refusals, err := provision.ReadCSV(in.Body.CSV)
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	run := provision.Run{By: c.by(), Action: "people.import", DryRun: in.Body.DryRun}
	run.Visible, run.Place = c.administers, provision.Place{Location: in.Body.Location, Group: in.Body.Group}
	if err := run.Check(s.office); err != nil {
		return nil, err
	}
	run.Permit = func(was, is *store.Person) error {
		c, err := s.still(c)
		if err != nil {
			return err
		}
		if was == nil {
			was = &store.Person{Role: office.RoleUser, LocationID: is.LocationID}
		}
		if !c.administers(was.LocationID) || !c.administers(is.LocationID) {
			return fault.New(fault.Forbidden, "this is for administrators of the location")
		}
		if c.person != nil && c.person.ID == was.ID && c.isAdmin() && (is.Blocked || is.Role != office.RoleAdmin) {
			return fault.Bad("role", "you cannot take the administration away from yourself")
		}
		if err := c.mayGovern(&office.Person{Person: *was}); err != nil {
			return err
		}
		return c.mayAppoint(was, is)
	}
	begun, err := s.jobs.begin(c.actor(), func(ctx context.Context, progress func(done, total int)) (provision.Report, error) {
		run.Progress = progress
		rep, err := run.Enter(ctx, s.office, records, refusals)
		if err != nil {
			s.log.ErrorContext(ctx, "an import was broken off", "err", err)
		}
		return rep, err
	})
	if err != nil {
		return nil, err
	}
	return &Out[Job]{begun}, nil
}

// still returns a caller with the rights of now: a job goes on for minutes.
func (s *Server) still(c caller) (caller, error) {
	gone := fault.New(fault.Forbidden, "whoever began this may not go on with it")
	if c.token != nil {
		t, ok := s.office.Token(c.token.Hash)
		if !ok {
			return c, gone
		}
		c.token = &t
	}
	if c.person != nil {
		p, ok := s.office.Person(c.person.ID)
		if !ok || p.Blocked {
			return c, gone
		}
		c.person = p
	}
	return c, nil
}

func (s *Server) getJob(ctx context.Context, in *JobPath) (*Out[Job], error) {
	j, ok := s.jobs.of(callerOf(ctx).actor(), in.Job)
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no job %q of yours", in.Job)
	}
	return &Out[Job]{j}, nil
}

func (in *ImportInput) locations(*Server) []string { return nil }
func (in *JobPath) locations(*Server) []string     { return nil }
