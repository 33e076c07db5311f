package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	mostGroups = 10_000 // of one person
	mostLevels = 100    // of groups in groups
)

// inChain has Active Directory follow members at any depth ([MS-ADTS] §3.1.1.3.4.4.3, LDAP_MATCHING_RULE_TRANSITIVE_EVAL).
const inChain = "1.2.840.113556.1.4.1941"

// filterGroups finds groups that may hold people and groups.
func filterGroups(k Kind) string {
	if k == KindActiveDirectory {
		return "(objectClass=group)"
	}
	return "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
}

// graph knows which groups are in which. It is for one listing: asking for the groups of each person would take as many
// searches as there are people.
type graph struct {
	base    *ldap.DN
	parents map[string][]string // from the key of a member to the DNs of its groups
	read    map[string]bool     // keys of the groups whose own groups are known
	lookup  func(dn string) (parents []string, err error)
}

// groups reads all groups below GroupBase. It returns also where the server referred to.
func (d *Directory) groups(ctx context.Context, c, other *conn, k Kind) (_ *graph, referred []string, err error) {
	base, err := ldap.ParseDN(d.config.GroupBase)
	if err != nil {
		return nil, nil, err
	}
	g := &graph{base: base, parents: map[string][]string{}, read: map[string]bool{}, lookup: other.memberOf}
	referred, err = d.pages(ctx, c, ldap.SearchRequest{
		BaseDN: d.config.GroupBase, Scope: ldap.ScopeWholeSubtree, Filter: filterGroups(k), Attributes: []string{"member", "uniqueMember", "memberOf"},
	}, func(entries []*ldap.Entry) error {
		for _, e := range entries {
			for _, attribute := range []string{"member", "uniqueMember"} {
				members, err := other.values(e, attribute)
				if err != nil {
					return err
				}
				for _, m := range members {
					g.parents[key(m)] = append(g.parents[key(m)], e.DN)
				}
			}
			of, err := other.values(e, "memberOf")
			if err != nil {
				return err
			}
			g.parents[key(e.DN)] = append(g.parents[key(e.DN)], of...)
			g.read[key(e.DN)] = true
		}
		return nil
	})
	if err != nil {
		return nil, referred, explain(ctx, "list groups", d.whole(err))
	}
	return g, referred, nil
}

// memberOf reads which groups a group says to be in. One that the account may not read, or that another domain keeps,
// says nothing.
func (c *conn) memberOf(dn string) ([]string, error) {
	e, err := c.read(dn, "memberOf")
	switch {
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultReferral, ldap.LDAPResultInvalidDNSyntax):
		return nil, nil
	case err != nil:
		return nil, err
	case e == nil:
		return nil, nil
	}
	return c.values(e, "memberOf")
}

// of returns the groups of the entry dn, which says to be in those of memberOf.
func (g *graph) of(dn string, memberOf []string) ([]string, error) {
	s := newSet(g.base)
	frontier := s.add(append(slices.Clone(memberOf), g.parents[key(dn)]...), true)
	for level := 0; len(frontier) > 0; level++ {
		if level == mostLevels || s.full() {
			return nil, tooMany(dn)
		}
		var next []string
		for _, group := range frontier {
			if k := key(group); !g.read[k] { // not below GroupBase
				of, err := g.lookup(group)
				if err != nil {
					return nil, err
				}
				g.parents[k] = append(g.parents[k], of...)
				g.read[k] = true
			}
			next = append(next, g.parents[key(group)]...)
		}
		frontier = s.add(next, false)
	}
	return s.sorted(), nil
}

// tooMany is what a directory says that makes up groups without end.
func tooMany(dn string) error {
	return fmt.Errorf("%w: %s is in more than %d groups, or in groups of groups of more than %d levels", ErrIncomplete, clip(dn), mostGroups, mostLevels)
}

// groupsOf returns the groups of one entry, by searches.
func (d *Directory) groupsOf(ctx context.Context, c *conn, k Kind, dn string, memberOf []string) ([]string, error) {
	base, err := ldap.ParseDN(d.config.GroupBase)
	if err != nil {
		return nil, err
	}
	s := newSet(base)
	find := func(filter string) (found []*ldap.Entry, err error) {
		referred, err := d.pages(ctx, c, ldap.SearchRequest{
			BaseDN: d.config.GroupBase, Scope: ldap.ScopeWholeSubtree, Filter: "(&" + filterGroups(k) + filter + ")", Attributes: []string{"memberOf"},
		}, func(entries []*ldap.Entry) error { found = append(found, entries...); return nil })
		if err == nil {
			err = d.covered(referred, k)
		}
		return found, d.whole(err)
	}
	frontier := s.add(memberOf, true)
	if k == KindActiveDirectory {
		found, err := find("(member:" + inChain + ":=" + ldap.EscapeFilter(dn) + ")")
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			s.add([]string{e.DN}, false)
		}
		return s.sorted(), nil
	}
	members := append([]string{dn}, frontier...)
	for level := 0; len(members) > 0; level++ {
		if level == mostLevels || s.full() {
			return nil, tooMany(dn)
		}
		var next []string
		for chunk := range slices.Chunk(members, 50) {
			var filter strings.Builder
			for _, m := range chunk {
				m = ldap.EscapeFilter(m)
				filter.WriteString("(member=" + m + ")(uniqueMember=" + m + ")")
			}
			found, err := find("(|" + filter.String() + ")")
			if err != nil {
				return nil, err
			}
			for _, e := range found {
				next = append(next, s.add([]string{e.DN}, level == 0)...)
			}
		}
		for _, m := range members {
			if m == dn {
				continue
			}
			of, err := c.memberOf(m)
			if err != nil {
				return nil, err
			}
			next = append(next, s.add(of, false)...)
		}
		members = next
	}
	return s.sorted(), nil
}

// set collects the groups of somebody.
type set struct {
	base *ldap.DN
	seen map[string]bool   // keys
	kept map[string]string // from keys to DNs
}

func newSet(base *ldap.DN) *set {
	return &set{base: base, seen: map[string]bool{}, kept: map[string]string{}}
}

// add returns those that are new. Indirect ones count only below the base.
func (s *set) add(groups []string, direct bool) (fresh []string) {
	for _, g := range groups {
		k := key(g)
		if k == "" {
			continue
		}
		if s.kept[k] == "" && (direct || below(g, s.base)) {
			s.kept[k] = strings.ToValidUTF8(g, "\uFFFD")
		}
		if !s.seen[k] {
			s.seen[k] = true
			fresh = append(fresh, g)
		}
	}
	return fresh
}

func (s *set) full() bool       { return len(s.seen) > mostGroups }
func (s *set) sorted() []string { return slices.Sorted(maps.Values(s.kept)) }

// key is equal for DNs that differ in case, spaces and escapes only.
func key(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	for _, r := range parsed.RDNs {
		for _, a := range r.Attributes {
			a.Value = strings.ToLower(a.Value)
		}
	}
	return parsed.String()
}

// below reports whether dn is base or lies below it.
func below(dn string, base *ldap.DN) bool {
	parsed, err := ldap.ParseDN(dn)
	return err == nil && (base.EqualFold(parsed) || base.AncestorOfFold(parsed))
}
