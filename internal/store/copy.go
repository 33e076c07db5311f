package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/doorlight/doorlight/presence"
)

// ErrNotEmpty is returned by Copy if something is in the destination already.
var ErrNotEmpty = errors.New("the destination is not empty")

// copyBatch is how many records become durable together while copying.
const copyBatch = 1000

// Copy copies everything from src into dst, which must be empty: that is how a backup is made and restored, and how an
// installation moves from one engine to the other. Sessions are left out, so that people sign in again; audit entries
// are numbered anew in the same order. progress, which may be nil, is called with the number of records done and about
// how many there are; the last call has them equal.
//
// src may be in use. The copy then has the organisation of one instant and each person's claims of one a little later;
// a calendar may have newer objects than its state says, which the next synchronisation puts right. After an error dst
// holds a part, and is of no use.
func Copy(ctx context.Context, dst, src Store, progress func(done, total int)) error {
	if err := checkEmpty(ctx, dst); err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	if err := copyAll(ctx, dst, src, progress); err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	return nil
}

func checkEmpty(ctx context.Context, s Store) error {
	o, err := s.LoadOffice(ctx)
	if err != nil {
		return err
	}
	meta, err := s.AllMeta(ctx)
	if err != nil {
		return err
	}
	n, err := s.Count(ctx)
	if err != nil {
		return err
	}
	if o.size() > 0 || len(meta) > 0 || n != (Counts{}) {
		return ErrNotEmpty
	}
	return nil
}

// size is the number of records.
func (o *Office) size() int {
	return len(o.Locations) + len(o.Groups) + len(o.Sections) + len(o.People) + len(o.WorkGroups) + len(o.MonitoringGroups) +
		len(o.Relationships) + len(o.Tokens) + len(o.Calendars) + len(o.Connectors) + len(o.Identities) + len(o.DirectoryGroups)
}

func copyAll(ctx context.Context, dst, src Store, progress func(done, total int)) error {
	o, err := src.LoadOffice(ctx)
	if err != nil {
		return err
	}
	meta, err := src.AllMeta(ctx)
	if err != nil {
		return err
	}
	n, err := src.Count(ctx)
	if err != nil {
		return err
	}
	done, total := 0, o.size()+len(meta)+n.Claims+n.Shown+n.CalendarObjects+n.Teams+n.Forwardings+n.SIPAccounts+n.Redirects+n.Audit
	count := func(n int) {
		done += n
		total = max(total, done) // more may have come meanwhile
		if progress != nil && n > 0 {
			progress(done, total)
		}
	}

	if err := copyOffice(ctx, dst, &o, count); err != nil {
		return err
	}
	if err := copyClaims(ctx, dst, src, count); err != nil {
		return err
	}
	for _, c := range o.Calendars {
		objects, err := src.CalendarObjects(ctx, c.ID)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(objects, copyBatch) {
			if err := dst.SyncCalendar(ctx, c, batch, nil, false); err != nil {
				return err
			}
			count(len(batch))
		}
	}
	if err := copyTeams(ctx, dst, src, count); err != nil {
		return err
	}
	if err := copyForwardings(ctx, dst, src, count); err != nil {
		return err
	}
	if err := copyTelephones(ctx, dst, src, &o, count); err != nil {
		return err
	}
	if err := copyAudit(ctx, dst, src, count); err != nil {
		return err
	}
	// Last, so that what does not know when it was set up is seen to be no installation.
	for key, value := range meta {
		if err := dst.PutMeta(ctx, key, value); err != nil {
			return err
		}
		count(1)
	}
	if progress != nil {
		progress(done, done) // less may have been left meanwhile
	}
	return nil
}

// copyOffice puts what is referred to before what refers to it.
func copyOffice(ctx context.Context, dst Store, o *Office, count func(int)) error {
	var changes []Changes
	var sizes []int
	add := func(n int, c Changes) { changes, sizes = append(changes, c), append(sizes, n) }
	for b := range slices.Chunk(o.Locations, copyBatch) {
		add(len(b), Changes{PutLocations: b})
	}
	for b := range slices.Chunk(o.Groups, copyBatch) {
		add(len(b), Changes{PutGroups: b})
	}
	for b := range slices.Chunk(o.Sections, copyBatch) {
		add(len(b), Changes{PutSections: b})
	}
	for b := range slices.Chunk(o.People, copyBatch) {
		add(len(b), Changes{PutPeople: b})
	}
	for b := range slices.Chunk(o.WorkGroups, copyBatch) {
		add(len(b), Changes{PutWorkGroups: b})
	}
	for b := range slices.Chunk(o.MonitoringGroups, copyBatch) {
		add(len(b), Changes{PutMonitoringGroups: b})
	}
	for b := range slices.Chunk(o.Relationships, copyBatch) {
		add(len(b), Changes{PutRelationships: b})
	}
	for b := range slices.Chunk(o.Tokens, copyBatch) {
		add(len(b), Changes{PutTokens: b})
	}
	for b := range slices.Chunk(o.Connectors, copyBatch) {
		add(len(b), Changes{PutConnectors: b})
	}
	for b := range slices.Chunk(o.Identities, copyBatch) {
		add(len(b), Changes{PutIdentities: b})
	}
	for b := range slices.Chunk(o.DirectoryGroups, copyBatch) {
		add(len(b), Changes{PutDirectoryGroups: b})
	}
	for b := range slices.Chunk(o.Calendars, copyBatch) {
		add(len(b), Changes{PutCalendars: b})
	}
	for i, c := range changes {
		if err := dst.Update(ctx, c); err != nil {
			return err
		}
		count(sizes[i])
	}
	return nil
}

func copyClaims(ctx context.Context, dst, src Store, count func(int)) error {
	var b ClaimBatch
	flush := func(least int) error {
		n := len(b.Puts) + len(b.Shown)
		if n < least {
			return nil
		}
		err := dst.WriteClaims(ctx, b)
		b = ClaimBatch{Puts: b.Puts[:0], Shown: b.Shown[:0]}
		count(n)
		return err
	}
	err := src.LoadClaims(ctx, func(personID string, c presence.Claim) error {
		b.Puts = append(b.Puts, PersonClaim{personID, c})
		return flush(copyBatch)
	})
	if err != nil {
		return err
	}
	err = src.LoadShown(ctx, func(personID string, s presence.Shown) error {
		b.Shown = append(b.Shown, PersonShown{personID, s})
		return flush(copyBatch)
	})
	if err != nil {
		return err
	}
	return flush(1)
}

func copyForwardings(ctx context.Context, dst, src Store, count func(int)) error {
	var batch []ForwardingRecord
	flush := func() error {
		err := dst.WriteForwardings(ctx, batch...)
		count(len(batch))
		batch = batch[:0]
		return err
	}
	err := src.LoadForwardings(ctx, func(r ForwardingRecord) error {
		if batch = append(batch, r); len(batch) < copyBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// copyTelephones leaves out what has come of people who came meanwhile.
func copyTelephones(ctx context.Context, dst, src Store, o *Office, count func(int)) error {
	known := map[string]bool{}
	for i := range o.People {
		known[o.People[i].ID] = true
	}
	var accounts []SIPAccount
	var redirects []Redirect
	flush := func(least int) error {
		n := len(accounts) + len(redirects)
		if n < least {
			return nil
		}
		err := errors.Join(dst.Update(ctx, Changes{PutSIPAccounts: accounts}), dst.WriteRedirects(ctx, redirects...))
		accounts, redirects = accounts[:0], redirects[:0]
		count(n)
		return err
	}
	if err := src.LoadSIPAccounts(ctx, func(a SIPAccount) error {
		if known[a.PersonID] {
			accounts = append(accounts, a)
		}
		return flush(copyBatch)
	}); err != nil {
		return err
	}
	if err := src.LoadRedirects(ctx, func(r Redirect) error {
		if known[r.PersonID] {
			redirects = append(redirects, r)
		}
		return flush(copyBatch)
	}); err != nil {
		return err
	}
	return flush(1)
}

func copyTeams(ctx context.Context, dst, src Store, count func(int)) error {
	var batch []TeamsRecord
	flush := func() error {
		err := dst.WriteTeams(ctx, batch, nil)
		count(len(batch))
		batch = batch[:0]
		return err
	}
	err := src.LoadTeams(ctx, func(r TeamsRecord) error {
		if batch = append(batch, r); len(batch) < copyBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func copyAudit(ctx context.Context, dst, src Store, count func(int)) error {
	for q := (AuditQuery{Ascending: true, Limit: copyBatch}); ; {
		entries, err := src.Audit(ctx, q)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := dst.Update(ctx, Changes{Audit: entries}); err != nil {
			return err
		}
		count(len(entries))
		if len(entries) < q.Limit {
			return nil
		}
		q.After = entries[len(entries)-1].ID
	}
}
