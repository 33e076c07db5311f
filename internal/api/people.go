package api

import (
	"context"
	"slices"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
)

func (s *Server) getTeam(ctx context.Context, _ *empty) (*Out[Team], error) {
	c := callerOf(ctx)
	me := c.person.ID
	t := Team{Groups: []TeamGroup{}, Favourites: []string{}}
	ids := []string{me}
	for _, g := range s.office.Team(me) {
		t.Groups = append(t.Groups, TeamGroup{ID: g.ID, Name: g.Name, Kind: g.Kind, People: notNil(g.People)})
		ids = append(ids, g.People...)
	}
	for _, id := range c.person.Own.Favourites {
		if rights.MayRead(s.office.Level(me, id), rights.Name) {
			t.Favourites = append(t.Favourites, id)
			ids = append(ids, id)
		}
	}
	t.People = s.cards(me, slices.Compact(s.byName(ids)))
	return &Out[Team]{t}, nil
}

// byName returns people in the order of their names, as every list of people is.
func (s *Server) byName(ids []string) []string {
	return notNil(slices.SortedFunc(slices.Values(ids), s.office.CompareNames))
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) cards(viewer string, ids []string) []rights.Card {
	cards := make([]rights.Card, 0, len(ids))
	for _, id := range ids {
		if card, ok := s.card(viewer, id); ok {
			cards = append(cards, card)
		}
	}
	return cards
}

func (s *Server) getPeople(ctx context.Context, in *PeopleQuery) (*Out[People], error) {
	me := callerOf(ctx).person.ID
	found, next := s.office.Search(me, in.Q, in.After, in.Limit)
	ids := make([]string, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	return &Out[People]{People{People: s.cards(me, ids), Next: next}}, nil
}

func (s *Server) getPerson(ctx context.Context, in *PersonPath) (*Out[rights.Card], error) {
	p, c, _, err := s.subject(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	card, ok := s.card(c.person.ID, p.ID)
	if !ok {
		return nil, noPerson(in.Person)
	}
	return &Out[rights.Card]{card}, nil
}

// self is subject for what only the person themselves may do.
func (s *Server) self(ctx context.Context, id string) (*office.Person, caller, error) {
	p, c, l, err := s.subject(ctx, id)
	if err != nil {
		return nil, c, err
	}
	if l != rights.Self {
		return nil, c, fault.New(fault.Forbidden, "only %s may do this", p.Name)
	}
	return p, c, nil
}

func (s *Server) putFavourites(ctx context.Context, in *FavouritesInput) (*Out[Team], error) {
	p, c, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	var bad fault.Fields
	for i, id := range in.Body.Favourites {
		if id == p.ID || !rights.MayRead(s.office.Level(p.ID, id), rights.Name) {
			bad.Add(indexed("favourites", i), "there is no other person %q", id)
		}
		if slices.Contains(in.Body.Favourites[:i], id) {
			bad.Add(indexed("favourites", i), "%q is listed twice", id)
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	err = s.office.ChangeOwn(ctx, c.by(), "favourites.put", p.ID, func(_ *office.Person, o *policy.Own) error {
		o.Favourites = in.Body.Favourites
		return nil
	})
	if err != nil {
		return nil, err
	}
	fresh, _ := s.office.Person(p.ID)
	return s.getTeam(context.WithValue(ctx, callerKey{}, caller{person: fresh}), nil)
}

func (s *Server) getExport(ctx context.Context, in *PersonPath) (*Out[Export], error) {
	p, c, err := s.self(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	return s.export(ctx, p, c)
}
