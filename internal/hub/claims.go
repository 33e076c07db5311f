package hub

import (
	"slices"

	"github.com/doorlight/doorlight/presence"
)

// claimSet is a list of claims in which each name stands once. A long one is searched by an index: a calendar may bring
// hundreds of claims at once, and nobody else on the shard should wait for that.
type claimSet struct {
	list []presence.Claim
	at   map[presence.Ref]int // of list; nil: not made yet
}

// short lists are searched faster without an index.
const short = 24

// find returns where a claim stands in list, -1 if it does not.
func (s *claimSet) find(ref presence.Ref) int {
	if len(s.list) <= short {
		s.at = nil
		return slices.IndexFunc(s.list, func(c presence.Claim) bool { return c.Source == ref.Source && c.ID == ref.ID })
	}
	if s.at == nil {
		s.at = make(map[presence.Ref]int, len(s.list))
		for i := range s.list {
			s.at[s.list[i].Ref()] = i
		}
	}
	if i, ok := s.at[ref]; ok {
		return i
	}
	return -1
}

// put enters a claim, in place of one of the same name.
func (s *claimSet) put(c presence.Claim) {
	if i := s.find(c.Ref()); i >= 0 {
		s.list[i] = c
		return
	}
	if s.at != nil {
		s.at[c.Ref()] = len(s.list)
	}
	s.list = append(s.list, c)
}

// delete takes a claim out and reports whether it was there. The last one takes its place.
func (s *claimSet) delete(ref presence.Ref) bool {
	i := s.find(ref)
	if i < 0 {
		return false
	}
	last := len(s.list) - 1
	s.list[i] = s.list[last]
	if s.at != nil {
		s.at[s.list[i].Ref()] = i
		delete(s.at, ref)
	}
	s.list[last] = presence.Claim{}
	s.list = s.list[:last]
	return true
}
