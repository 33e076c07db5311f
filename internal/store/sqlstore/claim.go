package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/presence"
)

// present holds for rows about people who exist, and go on to exist until the transaction ends.
const present = "EXISTS (SELECT 1 FROM people WHERE people.id = v.person_id" + keeping + ")"

var claims = newTable("claim", "claims", 3, `person_id text, source text, id text, status text, profile text, text text,
	from_ms bigint, until_ms bigint, lease_ms bigint, detail text`, present)

var shown = newTable("shown", "shown", 1, `person_id text, at_ms bigint, off boolean, status text, since_ms bigint,
	covered_status text, covered_since_ms bigint`, present)

// detail is what only some classes of source say about themselves. Most claims say none of it, which is stored as
// NULL. Measured on SQLite with every third claim having one, against a column for each field: a quarter more rows
// written per second, and half as many again read, before decoding.
type detail struct {
	ShowAs        presence.ShowAs    `json:"show_as,omitempty"`
	AllDay        bool               `json:"all_day,omitempty"`
	Call          string             `json:"call,omitempty"`
	LineState     presence.LineState `json:"line_state,omitempty"`
	LineReach     presence.Reach     `json:"line_reach,omitempty"`
	LineService   string             `json:"line_service,omitempty"`
	LineOther     string             `json:"line_other,omitempty"`
	Activity      presence.Activity  `json:"activity,omitempty"`
	ActivitySince *int64             `json:"activity_since_ms,omitempty"`
	Label         string             `json:"label,omitempty"`
	Mark          presence.Mark      `json:"mark,omitempty"`
	TargetSource  presence.Source    `json:"target_source,omitempty"`
	TargetID      string             `json:"target_id,omitempty"`
}

// detailOf returns the detail of a claim as an argument.
func detailOf(c *presence.Claim) (any, error) {
	d := detail{ShowAs: c.ShowAs, AllDay: c.AllDay, Call: clean(c.Call), LineState: c.Line.State, LineReach: c.Line.Reach,
		LineService: clean(c.Line.Service), LineOther: clean(c.Line.Other), Activity: c.Activity, Label: clean(c.Label),
		Mark: c.Mark, TargetSource: presence.Source(clean(string(c.Target.Source))), TargetID: clean(c.Target.ID)}
	if !c.ActivitySince.IsZero() {
		ms := c.ActivitySince.UnixMilli()
		d.ActivitySince = &ms
	}
	if d == (detail{}) {
		return nil, nil
	}
	b, err := json.Marshal(&d)
	return string(b), err
}

// addDetail sets the fields of a claim from the stored form of its detail.
func addDetail(c *presence.Claim, stored string) error {
	var d detail
	if err := json.Unmarshal([]byte(stored), &d); err != nil {
		return err
	}
	c.ShowAs, c.AllDay, c.Call = d.ShowAs, d.AllDay, d.Call
	c.Line = presence.Line{State: d.LineState, Reach: d.LineReach, Service: d.LineService, Other: d.LineOther}
	c.Activity, c.Label, c.Mark = d.Activity, d.Label, d.Mark
	c.Target = presence.Ref{Source: d.TargetSource, ID: d.TargetID}
	if d.ActivitySince != nil {
		c.ActivitySince = time.UnixMilli(*d.ActivitySince).UTC()
	}
	return nil
}

// WriteClaims implements store.Store.
func (s *Store) WriteClaims(ctx context.Context, b store.ClaimBatch) error {
	puts := make([]any, 0, len(b.Puts)*len(claims.columns))
	for i := range b.Puts {
		c := &b.Puts[i].Claim
		detail, err := detailOf(c)
		if err != nil {
			return fmt.Errorf("store: write claim %s: %w", c.Ref(), err)
		}
		until := c.Until
		if !until.IsZero() && until.Before(c.From) {
			until = c.From // it holds at no time, either way
		}
		puts = append(puts, b.Puts[i].PersonID, string(c.Source), c.ID, c.Status.String(), c.Profile, c.Text,
			c.From.UnixMilli(), millis(until), millis(c.Lease), detail)
	}
	deletes := make([]any, 0, len(b.Deletes)*claims.key)
	for i := range b.Deletes {
		r := &b.Deletes[i]
		deletes = append(deletes, r.PersonID, string(r.Ref.Source), r.Ref.ID)
	}
	seen := make([]any, 0, len(b.Shown)*len(shown.columns))
	for i := range b.Shown {
		v := &b.Shown[i].Shown
		var covered, coveredSince any
		if status, since, ok := v.Covered(); ok {
			covered, coveredSince = status.String(), millis(since)
		}
		seen = append(seen, b.Shown[i].PersonID, millis(v.At), v.Off, v.Status.String(), millis(v.Since), covered, coveredSince)
	}
	s.putClaims.prepare(ctx, s, len(b.Puts))
	s.deleteClaims.prepare(ctx, s, len(b.Deletes))
	s.putShown.prepare(ctx, s, len(b.Shown))
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := s.putClaims.exec(ctx, s, tx, puts); err != nil {
			return err
		}
		if _, err := s.deleteClaims.exec(ctx, s, tx, deletes); err != nil {
			return err
		}
		_, err := s.putShown.exec(ctx, s, tx, seen)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: write claims: %w", err)
	}
	return nil
}

// storedClaim is a row of claims.
type storedClaim struct {
	personID text
	c        presence.Claim
	detail   text
}

// LoadClaims implements store.Store.
func (s *Store) LoadClaims(ctx context.Context, f func(personID string, c presence.Claim) error) error {
	var same interner
	var person string
	err := eachOf(ctx, s, `
		SELECT person_id, source, id, status, profile, text, from_ms, until_ms, lease_ms, detail
		FROM claims ORDER BY person_id, source, id`, nil,
		func(v *storedClaim) []any {
			return []any{&v.personID, (*text)(&v.c.Source), (*text)(&v.c.ID), (*status)(&v.c.Status), (*text)(&v.c.Profile),
				(*text)(&v.c.Text), (*instant)(&v.c.From), (*instant)(&v.c.Until), (*instant)(&v.c.Lease), &v.detail}
		},
		func(v *storedClaim) error {
			if v.detail != "" {
				if err := addDetail(&v.c, string(v.detail)); err != nil {
					return fmt.Errorf("claim %s of %s: %w", v.c.Ref(), v.personID, err)
				}
			}
			if person != string(v.personID) {
				person = string(v.personID)
			}
			v.c.Source, v.c.Profile = presence.Source(same.string(string(v.c.Source))), same.string(v.c.Profile)
			return f(person, v.c)
		})
	if err != nil {
		return fmt.Errorf("store: load claims: %w", err)
	}
	return nil
}

// LoadShown implements store.Store.
func (s *Store) LoadShown(ctx context.Context, f func(personID string, v presence.Shown) error) error {
	type row struct {
		personID     text
		shown        presence.Shown
		covered      text
		coveredSince instant
	}
	err := eachOf(ctx, s, `
		SELECT person_id, at_ms, off, status, since_ms, covered_status, covered_since_ms FROM shown ORDER BY person_id`, nil,
		func(v *row) []any {
			return []any{&v.personID, (*instant)(&v.shown.At), (*flag)(&v.shown.Off), (*status)(&v.shown.Status),
				(*instant)(&v.shown.Since), &v.covered, &v.coveredSince}
		},
		func(v *row) error {
			if v.covered != "" {
				covered, err := presence.ParseStatus(string(v.covered))
				if err != nil {
					return fmt.Errorf("%s: %w", v.personID, err)
				}
				v.shown = v.shown.WithCovered(covered, time.Time(v.coveredSince))
			}
			return f(string(v.personID), v.shown)
		})
	if err != nil {
		return fmt.Errorf("store: load shown: %w", err)
	}
	return nil
}

// interner lets equal strings share memory: most claims of an office come from few sources and name few profiles.
type interner struct{ known map[string]string }

func (n *interner) string(s string) string {
	if known, ok := n.known[s]; ok {
		return known
	}
	if n.known == nil {
		n.known = map[string]string{}
	}
	if len(n.known) < 4096 {
		n.known[s] = s
	}
	return s
}
