package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/store"
)

func (in *AuditQuery) locations(*Server) []string  { return nil }
func (in *AuditFilter) locations(*Server) []string { return nil }

// query makes what the store is asked. Administrators of locations are told what concerns these.
func (f *AuditFilter) query(c caller) store.AuditQuery {
	q := store.AuditQuery{PersonID: f.Person, Actor: f.Actor, Action: f.Action, Text: f.Text, Since: f.Since, Until: f.Until}
	if !c.isAdmin() {
		q.Locations = append([]string{}, c.person.Administers...)
	}
	return q
}

func (s *Server) getAudit(ctx context.Context, in *AuditQuery) (*Out[Audit], error) {
	q := in.query(callerOf(ctx))
	q.Before, q.Limit = in.Before, in.Limit
	entries, err := s.store.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Out[Audit]{Audit{auditOut(entries, "")}}, nil
}

// mostAuditRows is more than a spreadsheet is good for.
const mostAuditRows = 100_000

func (s *Server) getAuditTable(ctx context.Context, in *AuditFilter) (*Table, error) {
	q := in.query(callerOf(ctx))
	q.Limit = mostAuditRows
	entries, err := s.store.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"id", "at", "actor", "actor_name", "address", "action", "person", "person_name", "location", "detail"}}
	for _, e := range entries {
		rows = append(rows, []string{
			strconv.FormatInt(e.ID, 10), e.At.Format(time.RFC3339Nano), e.Actor, s.nameOf(e.Actor), e.Address, e.Action, e.PersonID, s.nameOf(e.PersonID),
			s.office.LocationName(e.LocationID), string(e.Detail),
		})
	}
	return table("audit.csv", rows)
}

func (s *Server) nameOf(id string) string {
	if p, ok := s.office.Person(id); ok {
		return p.Name
	}
	return ""
}

// table writes rows for spreadsheets. What these would take for a formula is quoted (OWASP, CSV injection).
func table(name string, rows [][]string) (*Table, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true // RFC 4180
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return &Table{ContentType: "text/csv; charset=utf-8", Disposition: `attachment; filename="` + name + `"`, Body: b.Bytes()}, w.Error()
}

func (s *Server) getPersonAudit(ctx context.Context, in *PersonAuditQuery) (*Out[Audit], error) {
	p, _, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	entries, err := s.store.Audit(ctx, store.AuditQuery{PersonID: p.ID, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return &Out[Audit]{Audit{auditOut(entries, p.ID)}}, nil
}

// auditOut makes what is told of entries; to the person concerned not from where others acted.
func auditOut(entries []store.AuditEntry, concerned string) []AuditEntry {
	out := []AuditEntry{}
	for _, e := range entries {
		x := AuditEntry{ID: e.ID, At: e.At, Actor: e.Actor, Address: e.Address, Action: e.Action, Person: e.PersonID, Location: e.LocationID}
		if concerned != "" && e.Actor != concerned {
			x.Address = ""
		}
		if len(e.Detail) > 0 {
			x.Detail = e.Detail
		}
		out = append(out, x)
	}
	return out
}

func (in *RecordsQuery) locations(*Server) []string { return nil }

func (s *Server) getRecords(ctx context.Context, in *RecordsQuery) (*Out[Records], error) {
	c := callerOf(ctx)
	found, total, next := s.office.Records(in.Q, in.After, in.Limit, func(p *store.Person) bool {
		return c.administers(p.LocationID) && (in.Location == "" || p.LocationID == in.Location) && (in.Group == "" || p.GroupID == in.Group) &&
			(in.Role == "" || p.Role == in.Role) && (in.Blocked == "" || p.Blocked == (in.Blocked == "yes")) &&
			(in.Directory == "" || p.Directory.ConnectorID == in.Directory || in.Directory == "none" && p.Directory.ConnectorID == "")
	})
	out := Records{Records: []PersonRecord{}, Total: total, Next: next}
	for _, p := range found {
		out.Records = append(out.Records, c.recordOut(p.Person).Body)
	}
	return &Out[Records]{out}, nil
}

// auditAbout returns all entries about a person.
func (s *Server) auditAbout(ctx context.Context, id string) (all []store.AuditEntry, err error) {
	for q := (store.AuditQuery{PersonID: id, Limit: 1000}); ; {
		page, err := s.store.Audit(ctx, q)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < q.Limit {
			return all, nil
		}
		q.Before = page[len(page)-1].ID
	}
}

var errNotYours = fault.New(fault.Forbidden, "this is for the person and their administrators")

// ownOrGoverned is the person of a path for themselves, and for administrators who may change them.
func (s *Server) ownOrGoverned(ctx context.Context, id string) (personID string, c caller, err error) {
	c = callerOf(ctx)
	if id == "me" {
		id = c.person.ID
	}
	p, ok := s.office.Person(id)
	switch {
	case ok && c.person != nil && p.ID == c.person.ID:
		return p.ID, c, nil
	case ok && c.administers(p.LocationID) && c.mayGovern(p) == nil:
		return p.ID, c, nil
	case !ok || !rights.MayRead(s.office.Level(c.person.ID, p.ID), rights.Name):
		return "", c, noPerson(id)
	}
	return "", c, errNotYours
}
