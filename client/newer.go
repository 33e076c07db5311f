package client

import (
	"encoding/json"

	"github.com/doorlight/doorlight/presence"
)

// Servers may be newer than their clients, and know statuses that these do not. Such a status is taken as one that may not be seen, and is not offered.

// known returns the status of a word; nil: there is none, or it is not known.
func known(word *string) *presence.Status {
	if word == nil {
		return nil
	}
	s, err := presence.ParseStatus(*word)
	if err != nil {
		return nil
	}
	return &s
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Presence) UnmarshalJSON(text []byte) error {
	type plain Presence
	x := struct {
		*plain
		Status *string `json:"status"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(text, &x); err != nil {
		return err
	}
	p.Status = known(x.Status)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Settings) UnmarshalJSON(text []byte) error {
	type plain Settings
	x := struct {
		*plain
		Statuses []string `json:"statuses"`
		Profiles []struct {
			ID     string  `json:"id"`
			Name   string  `json:"name"`
			Status *string `json:"status"`
		} `json:"profiles"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(text, &x); err != nil {
		return err
	}
	s.Statuses, s.Profiles = nil, nil
	for _, word := range x.Statuses {
		if status := known(&word); status != nil {
			s.Statuses = append(s.Statuses, *status)
		}
	}
	for _, p := range x.Profiles {
		if status := known(p.Status); status != nil {
			s.Profiles = append(s.Profiles, Profile{ID: p.ID, Name: p.Name, Status: *status})
		}
	}
	return nil
}
