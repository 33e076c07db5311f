package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/doorlight/doorlight/internal/store"
)

// The tables of the office. A table's put and its SELECT in LoadOffice name the same columns.
var (
	locations = newTable("location", "locations", 1, "id text, name text unique, time_zone text", "")
	groups    = newTable("group", "groups", 1, "id text, location_id text, name text unique", "")
	sections  = newTable("section", "sections", 2, "scope_id text, name text, value text",
		`EXISTS (SELECT 1 FROM locations WHERE locations.id = v.scope_id)
		OR EXISTS (SELECT 1 FROM groups WHERE groups.id = v.scope_id)`)
	people = newTable("person", "people", 1, `id text, location_id text, group_id text, login text unique, name text, email text,
		work_number text, mobile_number text, home_number text, voicemail text, time_zone text, language text, role text,
		vip boolean, blocked boolean, password_hash text, own text, created_ms bigint, lines text`, "")
	connectors             = newTable("connector", "connectors", 1, "id text, kind text, name text, enabled boolean, config text, secret bytea, checked_ms bigint, succeeded_ms bigint, error text, report text", "")
	directoryPeople        = newTable("person", "directory_people", 1, "person_id text, connector_id text, external_id text unique, blocked boolean, gone boolean", "")
	originOfPerson         = &table{record: "person", name: "directory_people", key: 1, columns: directoryPeople.columns}
	directoryGroups        = newTable("directory_group", "directory_groups", 1, "id text, connector_id text, name text unique, external_id text, work_group_id text, created_ms bigint", "")
	directoryGroupMembers  = newTable("directory_group", "directory_group_members", 2, "directory_group_id text, person_id text", "")
	membersOfDirectory     = &table{record: "directory_group", name: "directory_group_members", key: 1, columns: directoryGroupMembers.columns}
	administrators         = newTable("person", "administrators", 2, "person_id text, location_id text", "")
	locationsOfPerson      = &table{record: "person", name: "administrators", key: 1, columns: administrators.columns}
	workGroups             = newTable("work_group", "work_groups", 1, "id text, name text unique, level text", "")
	workGroupMembers       = newTable("work_group", "work_group_members", 2, "work_group_id text, person_id text", "")
	monitoringGroups       = newTable("monitoring_group", "monitoring_groups", 1, "id text, name text unique, observer_level text, member_level text", "")
	monitoringGroupMembers = newTable("monitoring_group", "monitoring_group_members", 3, "monitoring_group_id text, side text, person_id text", "")
	relationships          = newTable("relationship", "relationships", 2, "owner_id text, viewer_id text, level text", "")
	tokens                 = newTable("token", "tokens", 1, "id text, name text, origin text unique, scopes text, person_id text, hash bytea, created_ms bigint, expires_ms bigint", "")
	sessions               = newTable("session", "sessions", 1, "hash bytea, person_id text, label text, created_ms bigint, expires_ms bigint, address text, connector_id text, provider_session text, client boolean", "")
	identities             = newTable("identity", "identities", 2, "connector_id text, subject text, person_id text, created_ms bigint", "")
	links                  = newTable("link", "links", 1, "hash bytea, person_id text, kind text, created_ms bigint, expires_ms bigint", "")
	sessionsOfConnector    = &table{record: "session", name: "sessions", key: 1, columns: []Column{{"connector_id", "text"}}}
	linksOfPerson          = &table{record: "link", name: "links", key: 1, columns: []Column{{"person_id", "text"}}}
	calendars              = newTable("calendar", "calendars", 1, "id text, person_id text, kind text, name text, url text, username text, password bytea, state text, checked_ms bigint, succeeded_ms bigint, error text, problems text, connector_id text", "")
	membersOfWorkGroup     = &table{record: "work_group", name: "work_group_members", key: 1, columns: workGroupMembers.columns}
	membersOfMonitoring    = &table{record: "monitoring_group", name: "monitoring_group_members", key: 1, columns: monitoringGroupMembers.columns}
	sectionsOfScope        = &table{record: "section", name: "sections", key: 1, columns: sections.columns}
)

// LoadOffice implements store.Store.
func (s *Store) LoadOffice(ctx context.Context) (store.Office, error) {
	var o store.Office
	err := s.snapshot(ctx, func(tx *sql.Tx) error { return loadOffice(ctx, tx, &o) })
	if err != nil {
		return store.Office{}, fmt.Errorf("store: load office: %w", err)
	}
	return o, nil
}

func loadOffice(ctx context.Context, tx *sql.Tx, o *store.Office) (err error) {
	o.Locations, err = list(ctx, tx, `SELECT id, name, time_zone FROM locations ORDER BY id`, nil,
		func(l *store.Location) []any { return []any{(*text)(&l.ID), (*text)(&l.Name), (*text)(&l.TimeZone)} })
	if err != nil {
		return err
	}
	o.Groups, err = list(ctx, tx, `SELECT id, location_id, name FROM groups ORDER BY id`, nil,
		func(g *store.Group) []any { return []any{(*text)(&g.ID), (*text)(&g.LocationID), (*text)(&g.Name)} })
	if err != nil {
		return err
	}
	o.Sections, err = list(ctx, tx, `SELECT scope_id, name, value FROM sections ORDER BY scope_id, name`, nil,
		func(v *store.Section) []any {
			return []any{(*text)(&v.ScopeID), (*text)(&v.Name), (*rawJSON)(&v.Value)}
		})
	if err != nil {
		return err
	}
	var same interner
	o.People, err = list(ctx, tx, `
		SELECT id, location_id, group_id, login, name, email, work_number, mobile_number, home_number, voicemail, time_zone,
			language, role, vip, blocked, password_hash, own, created_ms, lines
		FROM people ORDER BY id`, nil,
		func(p *store.Person) []any {
			return []any{(*text)(&p.ID), (*text)(&p.LocationID), (*text)(&p.GroupID), (*text)(&p.Login), (*text)(&p.Name),
				(*text)(&p.Email), (*text)(&p.WorkNumber), (*text)(&p.MobileNumber), (*text)(&p.HomeNumber),
				(*text)(&p.Voicemail), (*text)(&p.TimeZone), (*text)(&p.Language), (*text)(&p.Role), (*flag)(&p.VIP),
				(*flag)(&p.Blocked), (*text)(&p.PasswordHash), (*rawJSON)(&p.Own), (*instant)(&p.CreatedAt), (*lines)(&p.Lines)}
		})
	if err != nil {
		return err
	}
	for i := range o.People {
		p := &o.People[i]
		p.LocationID, p.GroupID = same.string(p.LocationID), same.string(p.GroupID)
		p.TimeZone, p.Language, p.Role = same.string(p.TimeZone), same.string(p.Language), same.string(p.Role)
	}
	type administers struct{ personID, locationID text }
	err = each(ctx, tx, `SELECT person_id, location_id FROM administrators ORDER BY person_id, location_id`, nil,
		func(a *administers) []any { return []any{&a.personID, &a.locationID} },
		func(a *administers) error {
			i, _ := slices.BinarySearchFunc(o.People, string(a.personID), func(p store.Person, id string) int { return strings.Compare(p.ID, id) })
			o.People[i].Administers = append(o.People[i].Administers, string(a.locationID))
			return nil
		})
	if err != nil {
		return err
	}
	type origin struct {
		personID text
		store.Origin
	}
	err = each(ctx, tx, `SELECT person_id, connector_id, external_id, blocked, gone FROM directory_people ORDER BY person_id`, nil,
		func(v *origin) []any {
			return []any{&v.personID, (*text)(&v.ConnectorID), (*text)(&v.ExternalID), (*flag)(&v.Blocked), (*flag)(&v.Gone)}
		},
		func(v *origin) error {
			i, _ := slices.BinarySearchFunc(o.People, string(v.personID), func(p store.Person, id string) int { return strings.Compare(p.ID, id) })
			v.ConnectorID = same.string(v.ConnectorID)
			o.People[i].Directory = v.Origin
			return nil
		})
	if err != nil {
		return err
	}
	o.Connectors, err = list(ctx, tx, `
		SELECT id, kind, name, enabled, config, secret, checked_ms, succeeded_ms, error, report FROM connectors ORDER BY id`, nil,
		func(c *store.Connector) []any {
			return []any{(*text)(&c.ID), (*text)(&c.Kind), (*text)(&c.Name), (*flag)(&c.Enabled), (*rawJSON)(&c.Config), &c.Secret,
				(*instant)(&c.CheckedAt), (*instant)(&c.SucceededAt), (*text)(&c.Error), (*rawJSON)(&c.Report)}
		})
	if err != nil {
		return err
	}
	o.Identities, err = list(ctx, tx, `SELECT connector_id, subject, person_id, created_ms FROM identities ORDER BY connector_id, subject`, nil,
		func(v *store.Identity) []any {
			return []any{(*text)(&v.ConnectorID), (*text)(&v.Subject), (*text)(&v.PersonID), (*instant)(&v.CreatedAt)}
		})
	if err != nil {
		return err
	}
	o.WorkGroups, err = list(ctx, tx, `SELECT id, name, level FROM work_groups ORDER BY id`, nil,
		func(g *store.WorkGroup) []any { return []any{(*text)(&g.ID), (*text)(&g.Name), (*text)(&g.Level)} })
	if err != nil {
		return err
	}
	type member struct{ groupID, side, personID text }
	workGroup := map[text]*store.WorkGroup{}
	for i := range o.WorkGroups {
		workGroup[text(o.WorkGroups[i].ID)] = &o.WorkGroups[i]
	}
	err = each(ctx, tx, `SELECT work_group_id, person_id FROM work_group_members ORDER BY work_group_id, person_id`, nil,
		func(m *member) []any { return []any{&m.groupID, &m.personID} },
		func(m *member) error {
			g := workGroup[m.groupID]
			g.Members = append(g.Members, string(m.personID))
			return nil
		})
	if err != nil {
		return err
	}
	o.DirectoryGroups, err = list(ctx, tx, `SELECT id, connector_id, name, external_id, work_group_id, created_ms FROM directory_groups ORDER BY id`, nil,
		func(g *store.DirectoryGroup) []any {
			return []any{(*text)(&g.ID), (*text)(&g.ConnectorID), (*text)(&g.Name), (*text)(&g.ExternalID), (*text)(&g.WorkGroupID), (*instant)(&g.CreatedAt)}
		})
	if err != nil {
		return err
	}
	directoryGroup := map[text]*store.DirectoryGroup{}
	for i := range o.DirectoryGroups {
		directoryGroup[text(o.DirectoryGroups[i].ID)] = &o.DirectoryGroups[i]
	}
	err = each(ctx, tx, `SELECT directory_group_id, person_id FROM directory_group_members ORDER BY directory_group_id, person_id`, nil,
		func(m *member) []any { return []any{&m.groupID, &m.personID} },
		func(m *member) error {
			g := directoryGroup[m.groupID]
			g.Members = append(g.Members, string(m.personID))
			return nil
		})
	if err != nil {
		return err
	}
	o.MonitoringGroups, err = list(ctx, tx, `SELECT id, name, observer_level, member_level FROM monitoring_groups ORDER BY id`, nil,
		func(g *store.MonitoringGroup) []any {
			return []any{(*text)(&g.ID), (*text)(&g.Name), (*text)(&g.ObserverLevel), (*text)(&g.MemberLevel)}
		})
	if err != nil {
		return err
	}
	monitoringGroup := map[text]*store.MonitoringGroup{}
	for i := range o.MonitoringGroups {
		monitoringGroup[text(o.MonitoringGroups[i].ID)] = &o.MonitoringGroups[i]
	}
	err = each(ctx, tx, `
		SELECT monitoring_group_id, side, person_id FROM monitoring_group_members
		ORDER BY monitoring_group_id, side, person_id`, nil,
		func(m *member) []any { return []any{&m.groupID, &m.side, &m.personID} },
		func(m *member) error {
			g := monitoringGroup[m.groupID]
			if m.side == observer {
				g.Observers = append(g.Observers, string(m.personID))
			} else {
				g.Members = append(g.Members, string(m.personID))
			}
			return nil
		})
	if err != nil {
		return err
	}
	o.Relationships, err = list(ctx, tx, `SELECT owner_id, viewer_id, level FROM relationships ORDER BY owner_id, viewer_id`, nil,
		func(r *store.Relationship) []any {
			return []any{(*text)(&r.OwnerID), (*text)(&r.ViewerID), (*text)(&r.Level)}
		})
	if err != nil {
		return err
	}
	o.Tokens, err = list(ctx, tx, `
		SELECT id, name, origin, scopes, person_id, hash, created_ms, expires_ms FROM tokens ORDER BY id`, nil,
		func(t *store.Token) []any {
			return []any{(*text)(&t.ID), (*text)(&t.Name), (*text)(&t.Origin), (*words)(&t.Scopes), (*text)(&t.PersonID),
				&t.Hash, (*instant)(&t.CreatedAt), (*instant)(&t.ExpiresAt)}
		})
	if err != nil {
		return err
	}
	o.Calendars, err = list(ctx, tx, `
		SELECT id, person_id, kind, name, url, username, password, state, checked_ms, succeeded_ms, error, problems, connector_id
		FROM calendars ORDER BY id`, nil,
		func(c *store.Calendar) []any {
			return []any{(*text)(&c.ID), (*text)(&c.PersonID), (*text)(&c.Kind), (*text)(&c.Name), (*text)(&c.URL),
				(*text)(&c.Username), &c.Password, (*text)(&c.State), (*instant)(&c.CheckedAt), (*instant)(&c.SucceededAt),
				(*text)(&c.Error), (*rawJSON)(&c.Problems), (*text)(&c.ConnectorID)}
		})
	return err
}

// Words of monitoring_group_members.side.
const (
	observer = "observer"
	observed = "member"
)

// emptyDocument stands for a JSON text that was not given.
const emptyDocument = "{}"

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, c store.Changes) error {
	for _, t := range c.PutTokens {
		if slices.ContainsFunc(t.Scopes, func(scope string) bool { return clean(scope) != scope }) {
			return fmt.Errorf("store: update: token %s: a scope is not text", t.ID)
		}
	}
	err := s.update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		u := &updater{s: s, tx: tx}
		u.puts(ctx, &c)
		u.deletes(ctx, &c)
		u.audit(ctx, c.Audit)
		return u.err
	})
	if err != nil {
		return fmt.Errorf("store: update: %w", err)
	}
	if len(c.DeletePeople) > 0 {
		s.traces.Store(true)
	}
	if s.dialect.Erase != nil && s.traces.Load() {
		s.erase(context.WithoutCancel(ctx))
	}
	return nil
}

// erase has what was deleted leave the files. If that is not possible at the moment the next update tries again.
func (s *Store) erase(ctx context.Context) {
	if s.enter() != nil {
		return
	}
	defer s.leave()
	s.traces.Store(false)
	if done, err := s.dialect.Erase(ctx, s.write); err != nil || !done {
		s.traces.Store(true)
	}
}

// updater applies changes within a transaction until one fails, and keeps that error.
type updater struct {
	s   *Store
	tx  *sql.Tx
	err error
}

// exec runs a statement for rows. If whole is set, a row that is left out is an error.
func (u *updater) exec(ctx context.Context, b bulk, whole bool, values []any) {
	if u.err != nil || len(values) == 0 {
		return
	}
	missing, err := b.exec(ctx, u.s, u.tx, values)
	if err == nil && whole && missing > 0 {
		err = fmt.Errorf("%s: %w", b.record, store.ErrNotFound)
	}
	u.err = err
}

// put inserts or replaces records, of which row makes the values.
func put[T any](ctx context.Context, u *updater, t *table, records []T, row func(r *T) []any) {
	values := make([]any, 0, len(records)*len(t.columns))
	for i := range records {
		values = append(values, row(&records[i])...)
	}
	u.exec(ctx, t.put(), t.where != "", values)
}

// remove deletes the rows of the given keys.
func remove[T any](ctx context.Context, u *updater, t *table, keys []T, values func(k *T) []any) {
	put := make([]any, 0, len(keys)*t.key)
	for i := range keys {
		put = append(put, values(&keys[i])...)
	}
	u.exec(ctx, t.remove(), false, put)
}

func (u *updater) puts(ctx context.Context, c *store.Changes) {
	put(ctx, u, locations, c.PutLocations, func(l *store.Location) []any { return []any{l.ID, l.Name, l.TimeZone} })
	put(ctx, u, groups, c.PutGroups, func(g *store.Group) []any { return []any{g.ID, g.LocationID, g.Name} })
	put(ctx, u, sections, c.PutSections, func(v *store.Section) []any {
		return []any{v.ScopeID, v.Name, document(v.Value, emptyDocument)}
	})
	put(ctx, u, people, c.PutPeople, func(p *store.Person) []any {
		return []any{p.ID, p.LocationID, orNull(p.GroupID), orNull(p.Login), p.Name, p.Email, p.WorkNumber, p.MobileNumber,
			p.HomeNumber, p.Voicemail, p.TimeZone, p.Language, p.Role, p.VIP, p.Blocked, p.PasswordHash,
			document(p.Own, emptyDocument), p.CreatedAt.UnixMilli(), linesText(p.Lines)}
	})
	remove(ctx, u, locationsOfPerson, c.PutPeople, func(p *store.Person) []any { return []any{p.ID} })
	var administered []any
	for _, p := range last(c.PutPeople, func(p *store.Person) string { return p.ID }) {
		for _, id := range p.Administers {
			administered = append(administered, p.ID, id)
		}
	}
	u.exec(ctx, administrators.put(), false, administered)

	remove(ctx, u, originOfPerson, c.PutPeople, func(p *store.Person) []any { return []any{p.ID} })
	var origins []any
	for _, p := range last(c.PutPeople, func(p *store.Person) string { return p.ID }) {
		if d := p.Directory; d != (store.Origin{}) {
			origins = append(origins, p.ID, d.ConnectorID, orNull(d.ExternalID), d.Blocked, d.Gone)
		}
	}
	u.exec(ctx, directoryPeople.put(), false, origins)
	put(ctx, u, connectors, c.PutConnectors, func(v *store.Connector) []any {
		return []any{v.ID, v.Kind, v.Name, v.Enabled, document(v.Config, emptyDocument), blob(v.Secret), millis(v.CheckedAt),
			millis(v.SucceededAt), v.Error, document(v.Report, nil)}
	})

	put(ctx, u, identities, c.PutIdentities, func(v *store.Identity) []any {
		return []any{v.ConnectorID, v.Subject, v.PersonID, v.CreatedAt.UnixMilli()}
	})

	put(ctx, u, workGroups, c.PutWorkGroups, func(g *store.WorkGroup) []any { return []any{g.ID, g.Name, g.Level} })
	remove(ctx, u, membersOfWorkGroup, c.PutWorkGroups, func(g *store.WorkGroup) []any { return []any{g.ID} })
	var members []any
	for _, g := range last(c.PutWorkGroups, func(g *store.WorkGroup) string { return g.ID }) {
		for _, id := range g.Members {
			members = append(members, g.ID, id)
		}
	}
	u.exec(ctx, workGroupMembers.put(), false, members)

	put(ctx, u, directoryGroups, c.PutDirectoryGroups, func(g *store.DirectoryGroup) []any {
		return []any{g.ID, g.ConnectorID, g.Name, g.ExternalID, orNull(g.WorkGroupID), g.CreatedAt.UnixMilli()}
	})
	remove(ctx, u, membersOfDirectory, c.PutDirectoryGroups, func(g *store.DirectoryGroup) []any { return []any{g.ID} })
	var inDirectory []any
	for _, g := range last(c.PutDirectoryGroups, func(g *store.DirectoryGroup) string { return g.ID }) {
		for _, id := range g.Members {
			inDirectory = append(inDirectory, g.ID, id)
		}
	}
	u.exec(ctx, directoryGroupMembers.put(), false, inDirectory)

	put(ctx, u, monitoringGroups, c.PutMonitoringGroups, func(g *store.MonitoringGroup) []any {
		return []any{g.ID, g.Name, g.ObserverLevel, g.MemberLevel}
	})
	remove(ctx, u, membersOfMonitoring, c.PutMonitoringGroups, func(g *store.MonitoringGroup) []any { return []any{g.ID} })
	var sides []any
	for _, g := range last(c.PutMonitoringGroups, func(g *store.MonitoringGroup) string { return g.ID }) {
		for _, id := range g.Observers {
			sides = append(sides, g.ID, observer, id)
		}
		for _, id := range g.Members {
			sides = append(sides, g.ID, observed, id)
		}
	}
	u.exec(ctx, monitoringGroupMembers.put(), false, sides)

	put(ctx, u, relationships, c.PutRelationships, func(r *store.Relationship) []any {
		return []any{r.OwnerID, r.ViewerID, r.Level}
	})
	put(ctx, u, tokens, c.PutTokens, func(t *store.Token) []any {
		scopes := "[]"
		if len(t.Scopes) > 0 {
			b, _ := json.Marshal(t.Scopes) // strings always can
			scopes = string(b)
		}
		return []any{t.ID, t.Name, orNull(t.Origin), scopes, orNull(t.PersonID), notNil(t.Hash), t.CreatedAt.UnixMilli(),
			millis(t.ExpiresAt)}
	})
	put(ctx, u, sessions, c.PutSessions, func(v *store.Session) []any {
		return []any{notNil(v.Hash), v.PersonID, v.Label, v.CreatedAt.UnixMilli(), v.ExpiresAt.UnixMilli(), v.Address,
			orNull(v.ConnectorID), orNull(v.ProviderSession), v.Client}
	})
	remove(ctx, u, linksOfPerson, c.PutLinks, func(v *store.Link) []any { return []any{v.PersonID} })
	put(ctx, u, links, c.PutLinks, func(v *store.Link) []any {
		return []any{notNil(v.Hash), v.PersonID, v.Kind, v.CreatedAt.UnixMilli(), v.ExpiresAt.UnixMilli()}
	})
	put(ctx, u, sipAccounts, c.PutSIPAccounts, func(a *store.SIPAccount) []any {
		return []any{a.User, a.PersonID, a.Name, notNil(a.Secret), a.CreatedAt.UnixMilli()}
	})
	put(ctx, u, calendars, c.PutCalendars, func(v *store.Calendar) []any {
		return []any{v.ID, v.PersonID, v.Kind, v.Name, v.URL, v.Username, blob(v.Password), v.State, millis(v.CheckedAt),
			millis(v.SucceededAt), v.Error, document(v.Problems, nil), orNull(v.ConnectorID)}
	})
}

// deletes goes from what refers to others to what is referred to, so that a location and its people can go together.
func (u *updater) deletes(ctx context.Context, c *store.Changes) {
	id := func(id *string) []any { return []any{*id} }
	remove(ctx, u, calendars, c.DeleteCalendars, id)
	remove(ctx, u, sipAccounts, c.DeleteSIPAccounts, id)
	remove(ctx, u, redirectsOfConnector, c.DeleteRedirectsOf, id)
	remove(ctx, u, identities, c.DeleteIdentities, func(k *store.IdentityKey) []any { return []any{k.ConnectorID, k.Subject} })
	remove(ctx, u, directoryGroups, c.DeleteDirectoryGroups, id)
	remove(ctx, u, connectors, c.DeleteConnectors, id)
	remove(ctx, u, sessions, c.DeleteSessions, func(hash *[]byte) []any { return []any{notNil(*hash)} })
	remove(ctx, u, sessionsOfConnector, c.DeleteSessionsOf, id)
	remove(ctx, u, linksOfPerson, c.DeleteLinks, id)
	remove(ctx, u, tokens, c.DeleteTokens, id)
	remove(ctx, u, relationships, c.DeleteRelationships, func(k *store.RelationshipKey) []any {
		return []any{k.OwnerID, k.ViewerID}
	})
	remove(ctx, u, monitoringGroups, c.DeleteMonitoringGroups, id)
	remove(ctx, u, workGroups, c.DeleteWorkGroups, id)
	remove(ctx, u, people, c.DeletePeople, id)
	u.exec(ctx, forgetDetails, false, values(c.DeletePeople))
	u.exec(ctx, forgetAddresses, false, values(c.DeletePeople))
	remove(ctx, u, sections, c.DeleteSections, func(v *store.Section) []any { return []any{v.ScopeID, v.Name} })
	remove(ctx, u, sectionsOfScope, c.DeleteGroups, id)
	remove(ctx, u, groups, c.DeleteGroups, id)
	remove(ctx, u, sectionsOfScope, c.DeleteLocations, id)
	u.exec(ctx, sectionsOfGroupsIn, false, values(c.DeleteLocations))
	remove(ctx, u, locations, c.DeleteLocations, id)
}

// forgetDetails leaves of the audit entries about people who did what and when.
var forgetDetails = bulk{record: "audit", columns: people.columns[:1], key: 1,
	text: "UPDATE audit SET detail = NULL WHERE detail IS NOT NULL AND person_id IN (SELECT v.id FROM v)"}

// forgetAddresses leaves of the audit entries of what people did no trace of where they were.
var forgetAddresses = bulk{record: "audit", columns: people.columns[:1], key: 1,
	text: "UPDATE audit SET address = '' WHERE address <> '' AND actor IN (SELECT v.id FROM v)"}

// sectionsOfGroupsIn deletes the sections of the groups of locations.
var sectionsOfGroupsIn = bulk{record: "section", columns: locations.columns[:1], key: 1, removes: true,
	text: "DELETE FROM sections WHERE scope_id IN (SELECT groups.id FROM groups JOIN v ON groups.location_id = v.id)"}

func values(ids []string) []any {
	all := make([]any, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}

// last returns the records without those that a later one of the same ID replaces.
func last[T any](records []T, id func(*T) string) []*T {
	at := map[string]int{}
	for i := range records {
		at[clean(id(&records[i]))] = i
	}
	var kept []*T
	for i := range records {
		if at[clean(id(&records[i]))] == i {
			kept = append(kept, &records[i])
		}
	}
	return kept
}

// blob is b, and NULL for nil.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// notNil is b for a column that is never NULL.
func notNil(b []byte) any {
	if b == nil {
		return []byte{}
	}
	return b
}
