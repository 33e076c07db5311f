package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
)

const (
	oneByOne     = 200 // addresses up to which each is asked for; for more the whole directory is read
	maxUserPages = 1_000
	userFields   = "id,mail,userPrincipalName"
)

// UserIDs finds users, as the application, and returns their object IDs by address in lower case. An address is that of a user if
// it is the user's mail or userPrincipalName; whose mail it is goes before whose name it is. Unknown ones are missing.
//
// Up to 200 addresses are asked for by name, twenty in a request. For more the directory is read, 999 users in a request, until all are
// found. Errors are of type *source.Error; nothing is returned beside one.
func (s *System) UserIDs(ctx context.Context, addresses []string) (map[string]string, error) {
	a, err := s.asker(nil)
	if err != nil {
		return nil, err
	}
	found := finder{wanted: make(map[string]hit, len(addresses))}
	for _, one := range addresses {
		if one = strings.ToLower(strings.TrimSpace(one)); one != "" {
			found.wanted[one] = hit{}
		}
	}
	if len(found.wanted) > oneByOne {
		err = s.readDirectory(ctx, a, &found)
	} else {
		err = s.findUsers(ctx, a, &found)
	}
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(found.wanted))
	for address, h := range found.wanted {
		if h.id != "" {
			ids[address] = h.id
		}
	}
	return ids, nil
}

// hit is who an address belongs to.
type hit struct {
	id   string // empty: nobody yet
	mail bool   // the address is the mail, so it stays with this one
}

type finder struct {
	wanted map[string]hit
	mails  int // that were found by mail
}

// take notes who is on a page of users.
func (f *finder) take(list []listed) {
	for _, one := range list {
		if !isGUID(one.ID) {
			continue
		}
		id := strings.ToLower(one.ID)
		if h, ok := f.wanted[strings.ToLower(one.Mail)]; ok && !h.mail {
			f.wanted[strings.ToLower(one.Mail)] = hit{id, true}
			f.mails++
		}
		if h, ok := f.wanted[strings.ToLower(one.Name)]; ok && h.id == "" {
			f.wanted[strings.ToLower(one.Name)] = hit{id: id}
		}
	}
}

// listed is a user in a list.
type listed struct {
	ID   string `json:"id"`
	Mail string `json:"mail"`
	Name string `json:"userPrincipalName"`
}

// userCall asks for who has an address.
func userCall(address string) call {
	quoted := strings.ReplaceAll(address, "'", "''") // OData 4.01 part 2, §5.1.1.14.1
	return call{method: http.MethodGet, path: "/users?$select=" + userFields + "&$top=5&$filter=" +
		url.QueryEscape(fmt.Sprintf("mail eq '%s' or userPrincipalName eq '%[1]s'", quoted))}
}

// findUsers asks for each address.
func (s *System) findUsers(ctx context.Context, a asker, f *finder) error {
	addresses := make([]string, 0, len(f.wanted))
	for one := range f.wanted {
		addresses = append(addresses, one)
	}
	for len(addresses) > 0 {
		n := min(len(addresses), maxBatch)
		calls := make([]call, n)
		for i, one := range addresses[:n] {
			calls[i] = userCall(one)
		}
		answers := make([]answer, 1)
		var err error
		if n == 1 {
			answers[0], err = a.ask(ctx, s.teams.directory, calls[0], false, maxAnswer)
		} else {
			answers, err = s.askManyWithin(ctx, s.teams.directory, calls)
		}
		if err != nil {
			return err
		}
		for _, got := range answers {
			if got.failure == nil && got.status == http.StatusBadRequest { // of an address that cannot be one
				s.log.Warn("graph: an address was refused", "source", "graph", "err", got.refusal())
				continue
			}
			if _, err := s.takeUsers(ctx, a, f, got); err != nil {
				return err
			}
		}
		addresses = addresses[n:]
	}
	return nil
}

// readDirectory reads page after page.
func (s *System) readDirectory(ctx context.Context, a asker, f *finder) error {
	path := "/users?$select=" + userFields + "&$top=999" // the most (graph/api/user-list)
	for range maxUserPages {
		got, err := a.ask(ctx, s.teams.directory, call{method: http.MethodGet, path: path}, false, maxPage)
		if err != nil {
			return err
		}
		next, err := s.takeUsers(ctx, a, f, got)
		if err != nil || next == "" || f.mails == len(f.wanted) {
			return err
		}
		if path, err = s.nextPage(next); err != nil {
			return &source.Error{Kind: source.Other, Text: "Microsoft 365 sends on to an address that is not its own for the rest of the directory.", Err: err}
		}
	}
	return &source.Error{Kind: source.TooLarge, Text: "The directory has more people than are read."}
}

// takeUsers takes a page, and returns where the next one is; empty: there is none.
func (s *System) takeUsers(ctx context.Context, a asker, f *finder, got answer) (next string, err error) {
	damaged := func(err error) error {
		s.log.Warn("graph: a list of people could not be read", "source", "graph", "err", err)
		return &source.Error{Kind: source.Unavailable, RetryAfter: s.t.backoff.After(0), Text: "Microsoft 365 gave an answer that is damaged.", Err: err}
	}
	if got.failure == nil && got.status == 0 {
		return "", damaged(errors.New("graph: an answer is missing in a batch"))
	}
	if err := a.settle(ctx, s.teams.directory, nil, "directory", &lookingUp, got); err != nil {
		return "", err
	}
	if err := f.parse(got.body, &next); err != nil {
		return "", damaged(err)
	}
	return next, nil
}

// parse takes a page as it came.
func (f *finder) parse(body []byte, next *string) error {
	var page struct {
		Value []listed `json:"value"`
		Next  string   `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return fmt.Errorf("graph: read a list of people: %w", err)
	}
	if page.Value == nil {
		return errors.New("graph: a list of people without a value")
	}
	f.take(page.Value)
	if next != nil {
		*next = page.Next
	}
	return nil
}
