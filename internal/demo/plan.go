package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// Deed is what somebody does, or what happens to them.
type Deed uint8

const (
	Come       Deed = iota // their client starts, or is heard of again
	Leave                  // it ends
	Vanish                 // it is heard of no more, as when a cable is pulled
	Idle                   // they have not touched it for a while
	Lock                   // they lock it
	Touch                  // they are back at it
	Choose                 // they choose a presence; with By, an assistant does it for them
	Ring                   // their telephone rings
	Talk                   // they are on the telephone
	HangUp                 // they are not any more
	JoinTeams              // a call in Teams begins
	QuitTeams              // it ends
	Record                 // a program begins to use the microphone
	StopRecord             // it ends
	BadgeOut               // access control sees them go out of the building
	BadgeIn                // it sees them come in
	deedCount
)

// Step is one deed at its time.
type Step struct {
	At     time.Duration // since midnight
	Person string        // login, which is the person's ID as well
	Do     Deed

	Profile string          // Choose: its name; empty: Status and Text say it
	Status  presence.Status // Choose
	Text    string          // Choose: instead of the profile's, if not empty; Record: the program
	Until   time.Duration   // Choose: a timed choice; zero: without an end
	By      string          // Choose: the assistant
	Call    string          // of calls: tells them apart
	Line    presence.Line   // Ring, Talk, JoinTeams
}

// Appointment is an entry in the calendars of some people.
type Appointment struct {
	ID       string // the same every day, if it is Daily
	People   []string
	From, To time.Duration // since midnight
	Subject  string
	Category string
	URL      string
	ShowAs   presence.ShowAs
	Private  bool
	Daily    bool // stands there every day at the same time
}

// Plan is a day of the office. Steps are in the order of their times.
type Plan struct {
	Steps        []Step
	Appointments []Appointment
}

func at(hour, minute int) time.Duration {
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// Day works out a day. It depends on nothing but its arguments; negative days are the past.
func (r *Roster) Day(seed uint64, day int) Plan {
	p := planner{
		roster: r, day: day, rng: rand.New(rand.NewPCG(seed, uint64(int64(day)))),
		diaries: make([]diary, len(r.Members)),
	}
	p.standUps()
	p.shifts()
	p.noon()
	p.lunches()
	p.assistants()
	p.meetings()
	p.visits()
	p.private()
	p.quiet()
	p.dropOut()
	p.breaks()
	p.liveCalls()
	p.calls()
	p.pauses()
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return p.plan
}

// planner puts a day together. What is entered first has its time; what comes later looks for time that is left.
type planner struct {
	roster   *Roster
	day      int
	rng      *rand.Rand
	diaries  []diary // of the members
	plan     Plan
	lastCall int
}

type span struct{ from, to time.Duration }

// diary is what a member's day holds so far. The zero value is for somebody who does not come.
type diary struct {
	span
	home  bool // works from home
	taken []span
}

// free reports whether somebody is there and has nothing else to do, with a little time before and after.
func (d *diary) free(s span) bool {
	const between = time.Minute
	return s.from >= d.from+between && s.to <= d.to-between && !slices.ContainsFunc(d.taken, func(t span) bool {
		return s.from < t.to+between && t.from < s.to+between
	})
}

func (d *diary) take(s span) { d.taken = append(d.taken, s) }

func (d *diary) there() bool { return d.to > d.from }

func (p *planner) diary(login string) *diary { return &p.diaries[p.roster.index[login]] }

func (p *planner) step(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

// between returns a time between two, to the second.
func (p *planner) between(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return (from + time.Duration(p.rng.Int64N(int64(to-from)))).Truncate(time.Second)
}

func (p *planner) chance(percent int) bool { return p.rng.IntN(100) < percent }

// slot looks for a time that is left in all diaries, and takes it.
func (p *planner) slot(length, from, to, grid time.Duration, logins ...string) (span, bool) {
	for range 12 {
		begin := p.between(from, to-length).Truncate(grid)
		s := span{begin, begin + length}
		if begin >= from && !slices.ContainsFunc(logins, func(l string) bool { return !p.diary(l).free(s) }) {
			for _, l := range logins {
				p.diary(l).take(s)
			}
			return s, true
		}
	}
	return span{}, false
}

// present returns those who come today, in an order that differs every time.
func (p *planner) present(keep func(*Member) bool) []string {
	var logins []string
	for i := range p.roster.Members {
		if m := &p.roster.Members[i]; p.diaries[i].there() && keep(m) {
			logins = append(logins, m.Login)
		}
	}
	p.rng.Shuffle(len(logins), func(i, j int) { logins[i], logins[j] = logins[j], logins[i] })
	return logins
}

func anybody(*Member) bool { return true }

func in(teams ...Team) func(*Member) bool {
	return func(m *Member) bool { return slices.Contains(teams, m.Team) }
}

func byDay(m *Member) bool { return m.Habit != NightShift }

// standUps enters what recurs: it stands in calendars whether people come or not.
func (p *planner) standUps() {
	for _, x := range []struct {
		team    Team
		from    time.Duration
		minutes int
		subject string
		teams   bool
	}{
		{Board, at(10, 30), 30, "Lage", false},
		{Design, at(9, 30), 15, "Stand-up Produktdesign", false},
		{Development, at(10, 15), 15, "Stand-up Entwicklung", true},
		{Sales, at(9, 0), 30, "Pipeline", false},
		{Support, at(8, 45), 15, "Übergabe Kundendienst", false},
		{Operations, at(9, 15), 15, "Changes und Störungen", false},
		{DevelopmentWien, at(9, 45), 15, "Stand-up Wien", true},
		{ConsultingWien, at(14, 0), 30, "Projektrunde", true},
	} {
		var people []string
		for _, l := range p.roster.In(x.team) {
			if h := p.roster.Member(l).Habit; h != NightShift && h != NotYetHere {
				people = append(people, l)
			}
		}
		a := Appointment{
			ID: fmt.Sprintf("standup-%d", x.team), People: people, From: x.from, To: x.from + time.Duration(x.minutes)*time.Minute,
			Subject: x.subject, Daily: true,
		}
		if x.teams {
			a.URL = "https://meet.example.com/" + a.ID
		}
		p.plan.Appointments = append(p.plan.Appointments, a)
	}
}

// attend has those come who can: in a room with the computer locked, or in Teams.
func (p *planner) attend(a *Appointment) {
	for _, l := range a.People {
		d := p.diary(l)
		if !d.there() || a.From < d.from || a.To > d.to {
			continue
		}
		begin, end := a.From+p.between(-40*time.Second, 90*time.Second), a.To+p.between(-3*time.Minute, time.Minute)
		if a.URL != "" {
			call := p.call()
			line := presence.Line{State: presence.LineOnThePhone, Reach: presence.Internal, Service: "MS Teams", Other: a.Subject}
			if a.Private {
				line.Other = ""
			}
			p.step(Step{At: begin, Person: l, Do: JoinTeams, Call: call, Line: line})
			p.step(Step{At: end, Person: l, Do: QuitTeams, Call: call})
			continue
		}
		p.step(Step{At: begin, Person: l, Do: Lock})
		p.step(Step{At: end, Person: l, Do: Touch})
	}
}

func (p *planner) call() string {
	p.lastCall++
	return fmt.Sprintf("%d-%d", p.day, p.lastCall)
}

// shifts says who comes when. Two or three are off sick.
func (p *planner) shifts() {
	var well []string
	for i := range p.roster.Members {
		if m := &p.roster.Members[i]; m.Habit == InOffice && m.Team != Board && m.Role == "" && m.Login != "anna" && m.Login != "jonas" {
			well = append(well, m.Login)
		}
	}
	p.rng.Shuffle(len(well), func(i, j int) { well[i], well[j] = well[j], well[i] })
	sick := well[:2+p.rng.IntN(2)]
	for i := range p.roster.Members {
		m, d := &p.roster.Members[i], &p.diaries[i]
		if slices.Contains(sick, m.Login) {
			p.step(Step{At: p.between(at(6, 40), at(7, 50)), Person: m.Login, Do: Choose, Profile: "Off sick"})
			continue
		}
		d.home = m.Habit == HomeOffice
		switch m.Habit {
		case InOffice:
			d.span = span{p.between(at(7, 45), at(9, 5)), p.between(at(16, 40), at(18, 20))}
			d.home = m.Team != Reception && m.Team != Board && p.chance(12)
		case HomeOffice:
			d.span = span{p.between(at(7, 30), at(8, 50)), p.between(at(16, 30), at(18, 0))}
		case Early:
			d.span = span{p.between(at(6, 15), at(7, 10)), p.between(at(15, 30), at(16, 20))}
		case Late:
			d.span = span{p.between(at(9, 20), at(10, 0)), p.between(at(18, 40), at(19, 40))}
		case Mornings:
			d.span = span{p.between(at(7, 50), at(8, 20)), p.between(at(13, 0), at(13, 25))}
		case NightShift:
			p.night(m.Login)
			continue
		default:
			continue
		}
		p.step(Step{At: d.from, Person: m.Login, Do: Come})
		switch {
		case d.home:
			p.step(Step{At: d.from + 30*time.Second, Person: m.Login, Do: Choose, Profile: "Home office"})
		case m.Habit == Mornings: // signs out on the way home
			p.step(Step{At: d.to + time.Minute, Person: m.Login, Do: Choose, Status: presence.LoggedOut})
		}
		p.step(Step{At: d.to, Person: m.Login, Do: Leave})
	}
	for i := range p.plan.Appointments {
		a := &p.plan.Appointments[i]
		for _, l := range a.People {
			p.diary(l).take(span{a.From, a.To})
		}
		p.attend(a)
	}
}

// night is the shift that looks after the machines when the others sleep. In a day it is there from midnight to the
// morning and again in the evening, in turns at its desk, on its rounds, and at work that must not be disturbed.
func (p *planner) night(login string) {
	second := login == "ralf" // does by turns what the other does not
	for _, s := range []span{{0, at(6, 50)}, {at(19, 10), at(24, 0)}} {
		p.step(Step{At: s.from, Person: login, Do: Come})
		i := 0
		for t := s.from + 5*time.Minute; t+45*time.Minute < s.to; t += 40 * time.Minute {
			if i++; (i%2 == 0) != second {
				p.step(Step{At: t, Person: login, Do: Choose, Status: presence.Busy, Text: "Backup", Until: t + 25*time.Minute})
				continue
			}
			p.step(Step{At: t, Person: login, Do: Choose, Profile: "Break", Text: "On the round", Until: t + 20*time.Minute})
			p.step(Step{At: t + time.Minute, Person: login, Do: Lock})
			p.step(Step{At: t + 18*time.Minute, Person: login, Do: Touch})
		}
		if s.to < at(24, 0) {
			p.step(Step{At: s.to, Person: login, Do: Leave})
		}
	}
}

// noon keeps some at work while the others eat, so that the office never looks deserted.
func (p *planner) noon() {
	for i, l := range p.present(func(m *Member) bool { return m.Focus }) {
		if i >= 3 {
			break
		}
		begin := at(11, 20) + time.Duration(i)*40*time.Minute
		if s, ok := p.slot(time.Hour, begin, begin+70*time.Minute, 5*time.Minute, l); ok {
			p.step(Step{At: s.from, Person: l, Do: Choose, Profile: profileFocus, Until: s.to})
		}
	}
	for i := range 2 {
		begin := at(11, 30) + time.Duration(i)*time.Hour
		s := span{begin, begin + 75*time.Minute}
		var people []string
		for _, l := range p.present(in(Sales, Finance, Development, ConsultingWien)) {
			if len(people) < 3 && p.diary(l).free(s) {
				people = append(people, l)
				p.diary(l).take(s)
			}
		}
		if len(people) > 0 {
			a := Appointment{ID: fmt.Sprintf("noon-%d-%d", p.day, i), People: people, From: s.from, To: s.to, Subject: "Mittagsrunde"}
			p.enter(a)
			p.attend(&a)
		}
	}
}

// lunches: most say until when, some just go, and access control sees some of them go out.
func (p *planner) lunches() {
	for _, l := range p.present(byDay) {
		d := p.diary(l)
		if d.to < at(14, 0) {
			continue
		}
		length := time.Duration(25+p.rng.IntN(25)) * time.Minute
		s, ok := p.slot(length, at(11, 40), at(13, 40), time.Second, l)
		if !ok {
			continue
		}
		p.step(Step{At: s.from + 20*time.Second, Person: l, Do: Lock})
		p.step(Step{At: s.to - 15*time.Second, Person: l, Do: Touch})
		switch {
		case p.chance(55):
			until := (s.to + 5*time.Minute).Truncate(5 * time.Minute)
			p.step(Step{At: s.from, Person: l, Do: Choose, Profile: "Break", Text: "Lunch", Until: until})
			if p.chance(40) { // back before time
				d.take(span{s.to, until})
				p.step(Step{At: s.to, Person: l, Do: Choose, Profile: p.usual(d)})
			} else {
				d.take(span{s.to, until})
			}
		case !d.home && p.chance(60):
			p.step(Step{At: s.from + 3*time.Minute, Person: l, Do: BadgeOut, Status: presence.Unavailable, Text: "Out of the building"})
			p.step(Step{At: s.to - 2*time.Minute, Person: l, Do: BadgeIn})
		}
	}
}

// usual is what somebody chooses who is at work again.
func (p *planner) usual(d *diary) string {
	if d.home {
		return "Home office"
	}
	return "Available"
}

// assistants set for their bosses what the bosses forget.
func (p *planner) assistants() {
	occasions := []struct {
		status presence.Status
		text   string
	}{
		{presence.DoNotDisturb, "Aufsichtsrat"}, {presence.Busy, "Interview"}, {presence.Busy, "Bewerbungsgespräch"},
		{presence.DoNotDisturb, "Quartalszahlen"}, {presence.Busy, "Presse am Telefon"},
	}
	for _, a := range assists {
		if !p.diary(a.boss).there() || !p.diary(a.assistant).there() {
			continue
		}
		for _, window := range []span{{at(9, 10), at(11, 30)}, {at(13, 45), at(15, 20)}} {
			length := time.Duration(25+5*p.rng.IntN(6)) * time.Minute
			s, ok := p.slot(length, window.from, window.to, 5*time.Minute, a.boss)
			if !ok {
				continue
			}
			o := occasions[p.rng.IntN(len(occasions))]
			p.step(Step{At: s.from + 10*time.Second, Person: a.boss, Do: Choose, Status: o.status, Text: o.text, Until: s.to, By: a.assistant})
		}
	}
}

var subjects = []string{
	"Budget 2. Halbjahr", "Abnahme Relaunch", "Produktstrategie", "Retrospektive", "Jour fixe", "Projekt Leuchtturm", "Angebot Hafen Logistik",
	"Sicherheitsaudit", "Einarbeitung", "Usability-Test", "Roadmap", "Messevorbereitung", "Vertragsentwurf", "Datenschutz", "Sprint Review",
	"Umzug 3. Stock", "Kundenworkshop", "Architekturrunde", "Weihnachtsfeier", "Onboarding",
}

// meetings of people from anywhere, on the quarter hour.
func (p *planner) meetings() {
	teams := []func(*Member) bool{
		anybody, in(Board, Finance), in(Design, Development), in(Sales, ConsultingWien), in(Development, DevelopmentWien),
		in(Design, Sales), in(Support, Operations), in(Finance, Operations), in(Board, Sales), anybody,
	}
	n := 0
	for round := range 3 {
		for _, team := range teams {
			candidates := p.present(func(m *Member) bool { return byDay(m) && team(m) })
			length := []time.Duration{30, 30, 45, 60, 60, 90}[p.rng.IntN(6)] * time.Minute
			window := []span{{at(9, 0), at(12, 0)}, {at(11, 0), at(15, 30)}, {at(13, 0), at(17, 15)}}[round]
			begin := p.between(window.from, window.to-length).Truncate(15 * time.Minute)
			s := span{begin, begin + length}
			want := 2 + p.rng.IntN(4)
			var people []string
			for _, l := range candidates {
				if len(people) < want && p.diary(l).free(s) {
					people = append(people, l)
				}
			}
			if len(people) < 2 {
				continue
			}
			for _, l := range people {
				p.diary(l).take(s)
			}
			n++
			a := Appointment{
				ID: fmt.Sprintf("meeting-%d-%d", p.day, n), People: people, From: s.from, To: s.to, Subject: subjects[p.rng.IntN(len(subjects))],
			}
			if p.chance(45) {
				a.URL = "https://meet.example.com/" + a.ID
			}
			if a.URL == "" && p.chance(25) && slices.ContainsFunc(people, func(l string) bool { return p.roster.Member(l).Team == Design }) {
				a.Category = profileWorkshop
			}
			p.plan.Appointments = append(p.plan.Appointments, a)
			p.attend(&a)
			if n%6 == 0 { // somebody goes early and says so (the appointment no longer counts)
				d := p.diary(people[0])
				p.step(Step{At: s.to - length/3, Person: people[0], Do: Choose, Profile: p.usual(d)})
			}
		}
	}
	// Placeholders that may come to something.
	for i, l := range p.present(byDay) {
		if i >= 5 {
			break
		}
		if s, ok := p.slot(45*time.Minute, at(9, 0), at(16, 30), 15*time.Minute, l); ok {
			p.enter(Appointment{
				ID: fmt.Sprintf("maybe-%d-%d", p.day, i), People: []string{l}, From: s.from, To: s.to,
				Subject: "Platzhalter: " + subjects[p.rng.IntN(len(subjects))], ShowAs: presence.ShowTentative,
			})
		}
	}
	// What is in the calendar for information only.
	for i, l := range p.present(byDay) {
		if i < 6 {
			p.enter(Appointment{
				ID: fmt.Sprintf("info-%d-%d", p.day, i), People: []string{l}, From: at(16, 0), To: at(16, 30), Subject: "Kuchen in der Küche", ShowAs: presence.ShowFree,
			})
		}
	}
}

func (p *planner) enter(a Appointment) { p.plan.Appointments = append(p.plan.Appointments, a) }

// visits are appointments elsewhere.
func (p *planner) visits() {
	places := []string{"Kundentermin Potsdam", "Kundentermin Spandau", "Begehung Werk 2", "Termin beim Notar", "Besuch Hafen Logistik"}
	for i, l := range p.present(in(Sales, ConsultingWien, Board)) {
		if i >= 4 {
			break
		}
		length := time.Duration(90+15*p.rng.IntN(5)) * time.Minute
		s, ok := p.slot(length, at(9, 0), at(17, 0), 15*time.Minute, l)
		if !ok {
			continue
		}
		p.enter(Appointment{
			ID: fmt.Sprintf("visit-%d-%d", p.day, i), People: []string{l}, From: s.from, To: s.to, Subject: places[p.rng.IntN(len(places))], ShowAs: presence.ShowOutOfOffice,
		})
		p.step(Step{At: s.from + time.Minute, Person: l, Do: Lock})
		p.step(Step{At: s.from + 4*time.Minute, Person: l, Do: BadgeOut, Status: presence.Unavailable, Text: "Out of the building"})
		p.step(Step{At: s.to - 2*time.Minute, Person: l, Do: BadgeIn})
		p.step(Step{At: s.to, Person: l, Do: Touch})
	}
}

// private appointments, whose subject nobody learns.
func (p *planner) private() {
	for i, l := range p.present(byDay) {
		if i >= 3 {
			break
		}
		if s, ok := p.slot(50*time.Minute, at(8, 30), at(16, 30), 10*time.Minute, l); ok {
			p.enter(Appointment{
				ID: fmt.Sprintf("private-%d-%d", p.day, i), People: []string{l}, From: s.from, To: s.to, Subject: "Zahnarzt", Private: true, ShowAs: presence.ShowOutOfOffice,
			})
			p.step(Step{At: s.from, Person: l, Do: Lock})
			p.step(Step{At: s.to, Person: l, Do: Touch})
		}
	}
}

// quiet is time to think: some have it in the calendar, with the category that is the name of their profile, others
// choose it.
func (p *planner) quiet() {
	for i, l := range p.present(func(m *Member) bool { return m.Focus }) {
		window := []span{{at(8, 30), at(11, 45)}, {at(10, 30), at(14, 30)}, {at(13, 30), at(17, 30)}}[i%3]
		length := time.Duration(45+15*p.rng.IntN(4)) * time.Minute
		s, ok := p.slot(length, window.from, window.to, 5*time.Minute, l)
		if !ok {
			continue
		}
		d := p.diary(l)
		switch i % 4 {
		case 0, 2:
			p.enter(Appointment{
				ID: fmt.Sprintf("focus-%d-%d", p.day, i), People: []string{l}, From: s.from, To: s.to, Subject: "Konzentriert arbeiten", Category: profileFocus,
			})
		case 1:
			p.step(Step{At: s.from, Person: l, Do: Choose, Profile: profileFocus, Until: s.to})
		case 3:
			p.step(Step{At: s.from, Person: l, Do: Choose, Profile: profileFocus})
			p.step(Step{At: s.to, Person: l, Do: Choose, Profile: p.usual(d)})
		}
	}
}

// dropOut is somebody whose connection breaks for a while.
func (p *planner) dropOut() {
	for _, l := range p.present(func(m *Member) bool { return m.Habit == HomeOffice }) {
		if s, ok := p.slot(at(0, 25), at(9, 0), at(16, 0), time.Second, l); ok {
			p.step(Step{At: s.from, Person: l, Do: Vanish})
			p.step(Step{At: s.to, Person: l, Do: Come})
			return
		}
	}
}

// breaks are short; most people say when they will be back.
func (p *planner) breaks() {
	for _, l := range p.present(byDay) {
		for _, window := range []span{{at(8, 30), at(11, 30)}, {at(14, 0), at(16, 30)}} {
			length := time.Duration(8+p.rng.IntN(8)) * time.Minute
			s, ok := p.slot(length, window.from, window.to, time.Second, l)
			if !ok {
				continue
			}
			if p.chance(50) {
				text := []string{"", "Kaffee", "Frische Luft", "Post"}[p.rng.IntN(4)]
				p.step(Step{At: s.from, Person: l, Do: Choose, Profile: "Break", Text: text, Until: s.to})
			}
			p.step(Step{At: s.from + 8*time.Second, Person: l, Do: Lock})
			p.step(Step{At: s.to - 5*time.Second, Person: l, Do: Touch})
		}
	}
}

// liveCalls are in Teams and in programs that use the microphone, without an appointment.
func (p *planner) liveCalls() {
	programs := []string{"Zoom", "Cisco Webex", "Slack"}
	for i, l := range p.present(byDay) {
		if i%2 == 1 && p.roster.Member(l).Team != Sales {
			continue
		}
		length := time.Duration(6+p.rng.IntN(25)) * time.Minute
		s, ok := p.slot(length, at(8, 15), at(18, 30), time.Second, l)
		if !ok {
			continue
		}
		call := p.call()
		if i%3 == 0 {
			p.step(Step{At: s.from, Person: l, Do: Record, Call: call, Text: programs[p.rng.IntN(len(programs))]})
			p.step(Step{At: s.to, Person: l, Do: StopRecord, Call: call})
			continue
		}
		reach, other := p.other(l)
		p.step(Step{At: s.from, Person: l, Do: JoinTeams, Call: call, Line: presence.Line{
			State: presence.LineOnThePhone, Reach: reach, Service: "MS Teams", Other: other,
		}})
		p.step(Step{At: s.to, Person: l, Do: QuitTeams, Call: call})
	}
}

// callers are outside; their numbers are from the ranges that are kept free for films, as those of the members.
var callers = []string{
	"+49 40 66969 214", "+49 69 90009 731", "+49 221 4710 582", "+49 89 99998 145", "+49 40 66969 870", "+49 69 90009 306",
	"Hafen Logistik, Fr. Wagner", "Stadtwerke Nord, Hr. Opitz", "Druckerei Falk", "Praxis Dr. Sommer", "Kanzlei Busch und Partner", "+49 89 99998 663",
}

func (p *planner) other(login string) (presence.Reach, string) {
	if p.chance(50) {
		m := &p.roster.Members[p.rng.IntN(len(p.roster.Members))]
		if m.Login != login {
			return presence.Internal, m.Name
		}
	}
	return presence.External, callers[p.rng.IntN(len(callers))]
}

// calls are on the telephone: some teams live on it.
func (p *planner) calls() {
	for _, l := range p.present(byDay) {
		m := p.roster.Member(l)
		calls, longest := 9, 9*time.Minute
		switch m.Team {
		case Support:
			calls, longest = 34, 8*time.Minute
		case Reception:
			calls, longest = 36, 3*time.Minute
		case Sales:
			calls, longest = 18, 11*time.Minute
		case Operations:
			calls = 12
		}
		for range calls {
			length := p.between(45*time.Second, longest)
			if p.chance(35) && p.internal(l, length) {
				continue
			}
			if s, ok := p.slot(length, at(7, 0), at(19, 30), time.Second, l); ok {
				p.telephone(l, s, presence.External, callers[p.rng.IntN(len(callers))], p.chance(70))
			}
		}
	}
}

// internal has somebody call a colleague.
func (p *planner) internal(l string, length time.Duration) bool {
	m := &p.roster.Members[p.rng.IntN(len(p.roster.Members))]
	if m.Login == l || m.Habit == NightShift || !p.diary(m.Login).there() {
		return false
	}
	s, ok := p.slot(length, at(7, 0), at(19, 30), time.Second, l, m.Login)
	if ok {
		p.telephone(l, s, presence.Internal, m.Name, false)
		p.telephone(m.Login, s, presence.Internal, p.roster.Member(l).Name, true)
	}
	return ok
}

// telephone makes the steps of one end of a call.
func (p *planner) telephone(l string, s span, reach presence.Reach, other string, incoming bool) {
	call := p.call()
	line := presence.Line{State: presence.LineOnThePhone, Reach: reach, Other: other}
	begin := s.from
	if incoming {
		ringing := line
		ringing.State = presence.LineRinging
		p.step(Step{At: begin, Person: l, Do: Ring, Call: call, Line: ringing})
		begin += p.between(3*time.Second, 16*time.Second)
		if reach == presence.External && p.chance(12) { // nobody answers
			p.step(Step{At: begin + 12*time.Second, Person: l, Do: HangUp, Call: call})
			return
		}
	}
	p.step(Step{At: begin, Person: l, Do: Talk, Call: call, Line: line})
	p.step(Step{At: s.to, Person: l, Do: HangUp, Call: call})
}

// untouched is how long a computer has not been touched when it says so.
const untouched = 10 * time.Minute

// pauses are what is left: away from the desk without a word.
func (p *planner) pauses() {
	for _, l := range p.present(byDay) {
		for range 3 {
			length := time.Duration(13+p.rng.IntN(12)) * time.Minute
			if s, ok := p.slot(length, at(7, 0), at(19, 30), time.Second, l); ok {
				p.step(Step{At: s.from + untouched, Person: l, Do: Idle})
				p.step(Step{At: s.to, Person: l, Do: Touch})
			}
		}
		for range 2 {
			length := time.Duration(3+p.rng.IntN(8)) * time.Minute
			if s, ok := p.slot(length, at(7, 0), at(19, 30), time.Second, l); ok {
				p.step(Step{At: s.from, Person: l, Do: Lock})
				p.step(Step{At: s.to, Person: l, Do: Touch})
			}
		}
	}
}
