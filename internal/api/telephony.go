package api

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephony"
)

// Switchboard gives the server what serves telephone lines; it is called before it is used.
func (s *Server) Switchboard(b *switchboard.Switchboard) { s.switchboard = b }

// Forwarding is how a telephone line is forwarded. Targets are numbers as they are dialled; absent: not forwarded so.
type Forwarding struct {
	DoNotDisturb bool   `json:"do_not_disturb,omitempty"`
	All          string `json:"all,omitempty" maxLength:"40" doc:"Every call, at once."`
	Internal     string `json:"internal,omitempty" maxLength:"40" doc:"Calls from inside, at once."`
	External     string `json:"external,omitempty" maxLength:"40" doc:"Calls from outside, at once."`
	Busy         string `json:"busy,omitempty" maxLength:"40" doc:"When it is busy."`
	NoAnswer     string `json:"no_answer,omitempty" maxLength:"40" doc:"When nobody answers."`
}

// LineForwarding is Forwarding as a telephone system reports it.
type LineForwarding struct {
	Forwarding
	OneNumber string `json:"one_number,omitempty" doc:"Of the One Number Service, which has calls ring elsewhere: it is ended by off, and never set."`
}

func forwardingOut(f telephony.Forwarding) *LineForwarding {
	return &LineForwarding{Forwarding{f.DoNotDisturb, f.All, f.Internal, f.External, f.Busy, f.NoAnswer}, f.OneNumber}
}

// PersonLine is a telephone line of a person. Colleagues who may only read see where it is, and how it is forwarded.
type PersonLine struct {
	Connector  string              `json:"connector" doc:"ID of the telephone system."`
	System     string              `json:"system" doc:"Its name."`
	Line       string              `json:"line" doc:"Its number, or its address, as the system knows it."`
	Can        []telephony.Ability `json:"can" enum:"do_not_disturb,all,internal,external,busy,no_answer,one_number" doc:"How it can be forwarded. Nothing: not at all."`
	Reported   *LineForwarding     `json:"reported,omitempty" doc:"How it is forwarded. Absent: that is not known."`
	ReportedAt *time.Time          `json:"reported_at,omitempty" doc:"When the system said so."`
	Follows    bool                `json:"follows,omitempty" doc:"It is forwarded as presence asks for."`
	Wanted     *LineForwarding     `json:"wanted,omitempty" doc:"How it is to be forwarded. Absent: as it is."`
	Settled    bool                `json:"settled,omitempty" doc:"It is as it is to be."`
	Refusal    string              `json:"refusal,omitempty" doc:"Why it is not forwarded as presence asks for, in words."`
	Problem    string              `json:"problem,omitempty" doc:"Why it could not be read, or set, in words."`
}

// PersonLines are the telephone lines of a person, the main one first.
type PersonLines struct {
	Lines []PersonLine `json:"lines"`
	Codes []DialCode   `json:"codes,omitempty" doc:"What may be dialled at them to choose a presence; told to who may forward them."`
}

// DialCode is a feature code, and what it chooses.
type DialCode struct {
	Code string `json:"code"`
	Name string `json:"name" doc:"Of the template."`
}

// ForwardingInput forwards a line by hand (F4).
type ForwardingInput struct {
	PersonPath
	Body struct {
		Connector string `json:"connector,omitempty" maxLength:"64" doc:"Of the line. Absent: the main one of those that can be forwarded."`
		Line      string `json:"line,omitempty" maxLength:"120" doc:"Likewise."`
		Forwarding
	}
}

// readAgain is how old a reading of a line may be that people are shown, and readWithin how long the telephone system may take for another.
const (
	readAgain  = 15 * time.Second
	readWithin = 5 * time.Second
)

func (s *Server) getPersonLines(ctx context.Context, in *PersonPath) (*Out[PersonLines], error) {
	p, _, l, err := s.subjectWith(ctx, in.Person, rights.Forwarding, false)
	if err != nil {
		return nil, err
	}
	return &Out[PersonLines]{s.personLines(ctx, p.ID, rights.MayWrite(l, rights.Forwarding))}, nil
}

// personLines tells of a person's lines, read anew where that was long ago; whole says that the viewer may know why they are as they are.
func (s *Server) personLines(ctx context.Context, personID string, whole bool) PersonLines {
	out := PersonLines{Lines: []PersonLine{}}
	if s.switchboard == nil {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	lines := s.switchboard.Lines(personID)
	var reading sync.WaitGroup
	for i := range lines {
		if l := &lines[i]; len(l.Can.Forwarding) > 0 && time.Since(l.ReportedAt) > readAgain {
			reading.Go(func() { s.switchboard.Read(ctx, personID, l.ConnectorID, l.Line) }) // how that went is told below
		}
	}
	reading.Wait()
	for _, l := range s.switchboard.Lines(personID) {
		out.Lines = append(out.Lines, s.lineOut(&l, callerOf(ctx).person.ID, whole))
	}
	if p, ok := s.office.Person(personID); ok && whole && len(out.Lines) > 0 {
		for _, c := range p.Settings.Telephony.Codes {
			if t := p.Settings.Telephony.Coded(p.Settings, c.Code); t != nil {
				out.Codes = append(out.Codes, DialCode{c.Code, t.Name})
			}
		}
	}
	return out
}

func (s *Server) lineOut(l *switchboard.Status, viewer string, whole bool) PersonLine {
	x := PersonLine{Connector: l.ConnectorID, System: l.System, Line: l.Line, Can: notNil(l.Can.Forwarding)}
	if l.Reported != nil {
		x.Reported, x.ReportedAt = forwardingOut(*l.Reported), known(&l.ReportedAt)
	}
	if !whole {
		return x
	}
	x.Follows, x.Settled, x.Refusal, x.Problem = l.Forwards, l.Settled, s.switchboard.RefusalFor(l, viewer), l.Problem
	if l.Reported != nil && *l.Reported != l.Wanted {
		x.Wanted = forwardingOut(l.Wanted)
	}
	return x
}

func (s *Server) putForwarding(ctx context.Context, in *ForwardingInput) (*Out[PersonLines], error) {
	p, c, _, err := s.subjectWith(ctx, in.Person, rights.Forwarding, true)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	var bad fault.Fields
	for field, number := range map[string]string{"all": b.All, "internal": b.Internal, "external": b.External, "busy": b.Busy, "no_answer": b.NoAnswer} {
		policy.CheckNumber(field, number, &bad)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	var lines []switchboard.Status
	if s.switchboard != nil {
		lines = s.switchboard.Lines(p.ID)
	}
	i := slices.IndexFunc(lines, func(l switchboard.Status) bool {
		return (b.Connector == "" || b.Connector == l.ConnectorID) && (b.Line == "" || b.Line == l.Line) && (b.Connector != "" || len(l.Can.Forwarding) > 0)
	})
	if i < 0 {
		return nil, fault.New(fault.NotFound, "%s has no line %s", p.Name, cmp.Or(b.Line, "that can be forwarded"))
	}
	l := &lines[i]
	ctx, cancel := context.WithTimeout(ctx, 3*readWithin)
	defer cancel()
	f := telephony.Forwarding{DoNotDisturb: b.DoNotDisturb, All: b.All, Internal: b.Internal, External: b.External, Busy: b.Busy, NoAnswer: b.NoAnswer}
	if err := s.switchboard.Set(ctx, c.person.ID, p.ID, l.ConnectorID, l.Line, f); err != nil {
		return nil, err
	}
	if err := s.office.Note(ctx, c.by(), "forwarding.put", p.ID, map[string]any{"connector": l.ConnectorID, "line": l.Line, "off": f.Off()}); err != nil {
		return nil, err
	}
	return &Out[PersonLines]{s.personLines(ctx, p.ID, true)}, nil
}

// ConnectorLines is how the lines of a telephone system are doing.
type ConnectorLines struct {
	Lines     int         `json:"lines" doc:"Those that people have."`
	Heard     int         `json:"heard" doc:"Those of them of which the system tells what they do."`
	Follow    int         `json:"follow" doc:"Those that are forwarded as presence asks for."`
	Forwarded int         `json:"forwarded" doc:"Those that are forwarded now since presence asked for it."`
	Failing   []OwnedLine `json:"failing" doc:"Those that could not be read or set, or are not forwarded as presence asks for, at most 100."`
	More      int         `json:"more,omitempty" doc:"How many more there are."`
}

// OwnedLine is a line with whose it is.
type OwnedLine struct {
	Person string `json:"person,omitempty" doc:"Absent: nobody's any more, and to be set back."`
	Name   string `json:"name,omitempty" doc:"Of the person."`
	PersonLine
}

func (s *Server) getConnectorLines(ctx context.Context, in *ConnectorPath) (*Out[ConnectorLines], error) {
	if _, err := s.connectors.Get(in.Connector); err != nil {
		return nil, err
	}
	out := ConnectorLines{Failing: []OwnedLine{}}
	if s.switchboard == nil {
		return &Out[ConnectorLines]{out}, nil
	}
	viewer := "" // a token that speaks for nobody sees of nobody
	if p := callerOf(ctx).person; p != nil {
		viewer = p.ID
	}
	st := s.switchboard.SystemStatus(in.Connector)
	out.Lines, out.Heard, out.Follow, out.Forwarded, out.More = st.Lines, st.Heard, st.Follow, st.Forwarded, st.More
	for _, l := range st.Failing {
		x := OwnedLine{Person: l.PersonID, PersonLine: s.lineOut(&l, viewer, true)}
		if p, ok := s.office.Person(l.PersonID); ok {
			x.Name = p.Name
		}
		out.Failing = append(out.Failing, x)
	}
	return &Out[ConnectorLines]{out}, nil
}
