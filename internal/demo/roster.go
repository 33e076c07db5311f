package demo

import (
	"fmt"
	"slices"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// Habit is how somebody's days usually go.
type Habit uint8

const (
	InOffice    Habit = iota
	Early             // comes before the others
	Late              // comes and goes after the others
	Mornings          // works until one, and signs out
	HomeOffice        // works from home
	NightShift        // from the evening to the morning
	AwayOnLeave       // on holiday, says the calendar
	AtFair            // out of office for some days, says the calendar
	NotYetHere        // has never started a client
)

// Team is what somebody works on; each is a work group.
type Team uint8

const (
	Board Team = iota
	Design
	Development
	Sales
	Support
	Finance
	Reception
	Operations
	DevelopmentWien
	ConsultingWien
	teamCount
)

var teamNames = [teamCount]string{
	"Geschäftsführung", "Produktdesign", "Entwicklung", "Vertrieb", "Kundendienst", "Finanzen und Personal", "Empfang",
	"IT-Betrieb", "Entwicklung Wien", "Beratung Wien",
}

// String returns the team's name.
func (t Team) String() string { return teamNames[t] }

// Places and configuration groups.
const (
	Berlin = "Berlin"
	Wien   = "Wien"

	groupService  = "Kundendienst" // Berlin; its activation and own profiles are individual
	groupSales    = "Vertrieb"     // Berlin; its relationships are individual: extend only
	groupExternal = "Externe"      // Wien; its relationships are individual: strangers by default
)

// Member is somebody of the office.
type Member struct {
	Login, Name string
	Place       string
	Group       string // configuration group in the place; empty: none
	Team        Team
	Habit       Habit
	Role        string // empty: user
	VIP         bool
	Focus       bool // has a profile of their own for work that needs quiet
	Language    string

	Work, Mobile, Home, Voicemail string
}

// Tie is what an owner makes of a viewer.
type Tie struct {
	Owner, Viewer string
	Level         rights.Level
}

// Roster is who there is. It is the same every time, and must not be changed.
type Roster struct {
	Members []Member
	Ties    []Tie // own choices of relationships
	index   map[string]int
}

// assists says whose presence an assistant takes care of.
var assists = []struct{ assistant, boss string }{
	{"miriam", "katharina"}, {"lukas", "stefan"}, {"lukas", "aylin"},
}

// people are the sixty. Names are invented; if somebody is called so, that is chance.
var people = []Member{
	{Login: "katharina", Name: "Dr. Katharina Lindner", Team: Board, VIP: true},
	{Login: "stefan", Name: "Stefan Hartwig", Team: Board},
	{Login: "aylin", Name: "Aylin Demir", Team: Board, Habit: Early},
	{Login: "miriam", Name: "Miriam Voss", Team: Board},
	{Login: "lukas", Name: "Lukas Brandt", Team: Board, Habit: Early},

	{Login: "anna", Name: "Anna Berger", Team: Design, Focus: true, Language: "de"},
	{Login: "jonas", Name: "Jonas Weidemann", Team: Design, Focus: true},
	{Login: "chiara", Name: "Chiara Bellini", Team: Design, Focus: true},
	{Login: "felix", Name: "Felix Oster", Team: Design, Habit: HomeOffice},
	{Login: "noemi", Name: "Noëmi Laurent", Team: Design, Habit: Mornings},
	{Login: "paul", Name: "Paul Sandvoss", Team: Design},

	{Login: "emre", Name: "Emre Kaplan", Team: Development, Focus: true},
	{Login: "svenja", Name: "Svenja Thormann", Team: Development, Focus: true, Habit: Late},
	{Login: "henrik", Name: "Henrik Dahl", Team: Development, Focus: true, Habit: HomeOffice},
	{Login: "olga", Name: "Olga Petrowa", Team: Development, Focus: true},
	{Login: "tim", Name: "Tim Reichelt", Team: Development, Habit: Late},
	{Login: "priya", Name: "Priya Raman", Team: Development, Focus: true},
	{Login: "marek", Name: "Marek Zieliński", Team: Development},
	{Login: "leonie", Name: "Leonie Fuchs", Team: Development, Habit: AwayOnLeave},
	{Login: "yusuf", Name: "Yusuf Aydın", Team: Development, Habit: HomeOffice},

	{Login: "carlos", Name: "Carlos Mendes", Team: Sales},
	{Login: "britta", Name: "Britta Sommerfeld", Team: Sales},
	{Login: "ole", Name: "Ole Hinrichs", Team: Sales, Habit: Early},
	{Login: "ines", Name: "Inés Carrasco", Team: Sales},
	{Login: "robert", Name: "Robert Kuhn", Team: Sales},
	{Login: "viktor", Name: "Viktor Engels", Team: Sales},
	{Login: "lena", Name: "Lena Morgenroth", Team: Sales, Habit: AtFair},
	{Login: "dominik", Name: "Dominik Pfaff", Team: Sales},

	{Login: "ute", Name: "Ute Kessler", Team: Support, Habit: Early},
	{Login: "mehmet", Name: "Mehmet Yıldız", Team: Support, Habit: Early},
	{Login: "sandra", Name: "Sandra Holm", Team: Support},
	{Login: "kai", Name: "Kai Lorenzen", Team: Support},
	{Login: "agnieszka", Name: "Agnieszka Wróbel", Team: Support},
	{Login: "daniel", Name: "Daniel Ritter", Team: Support, Habit: Late},
	{Login: "fatima", Name: "Fatima El Amrani", Team: Support},
	{Login: "bjoern", Name: "Björn Matthiesen", Team: Support, Habit: Late},

	{Login: "petra", Name: "Petra Schönfeld", Team: Finance, Habit: Early},
	{Login: "gerhard", Name: "Gerhard Mohn", Team: Finance},
	{Login: "nicole", Name: "Nicole Behrens", Team: Finance, Habit: Mornings},
	{Login: "andrej", Name: "Andrej Novák", Team: Finance},
	{Login: "heike", Name: "Heike Jansen", Team: Finance, Habit: AwayOnLeave},

	{Login: "sabine", Name: "Sabine Albrecht", Team: Reception, Habit: Early},
	{Login: "marco", Name: "Marco Ferrante", Team: Reception, Habit: Late},
	{Login: "elif", Name: "Elif Şahin", Team: Reception},

	{Login: "thomas", Name: "Thomas Krüger", Team: Operations, Role: office.RoleAdmin},
	{Login: "jana", Name: "Jana Vogt", Team: Operations, Focus: true},
	{Login: "igor", Name: "Igor Wassiljew", Team: Operations, Habit: NightShift},
	{Login: "ralf", Name: "Ralf Obermann", Team: Operations, Habit: NightShift},
	{Login: "mia", Name: "Mia Sander", Team: Operations, Habit: NotYetHere},

	{Login: "johanna", Name: "Johanna Gruber", Place: Wien, Team: DevelopmentWien, Focus: true, Role: office.RoleLocationAdmin},
	{Login: "florian", Name: "Florian Hofstätter", Place: Wien, Team: DevelopmentWien, Focus: true},
	{Login: "zsofia", Name: "Zsófia Kovács", Place: Wien, Team: DevelopmentWien, Habit: Late},
	{Login: "lorenz", Name: "Lorenz Prohaska", Place: Wien, Team: DevelopmentWien, Habit: HomeOffice},
	{Login: "milica", Name: "Milica Jovanović", Place: Wien, Team: DevelopmentWien, Focus: true},
	{Login: "benedikt", Name: "Benedikt Auer", Place: Wien, Team: DevelopmentWien, Habit: Early},

	{Login: "theresa", Name: "Theresa Wimmer", Place: Wien, Team: ConsultingWien},
	{Login: "matthias", Name: "Matthias Eder", Place: Wien, Team: ConsultingWien},
	{Login: "sophie", Name: "Sophie Lamarque", Place: Wien, Team: ConsultingWien, Habit: Mornings},
	{Login: "gregor", Name: "Gregor Steindl", Place: Wien, Group: groupExternal, Team: ConsultingWien},
	{Login: "hannah", Name: "Hannah Osei", Place: Wien, Group: groupExternal, Team: ConsultingWien},
}

// NewRoster returns the office.
func NewRoster() *Roster {
	r := &Roster{Members: slices.Clone(people), index: map[string]int{}}
	for i := range r.Members {
		m := &r.Members[i]
		r.index[m.Login] = i
		if m.Place == "" {
			m.Place = Berlin
		}
		switch m.Team {
		case Support:
			m.Group = groupService
		case Sales:
			m.Group = groupSales
		}
		m.number(i)
	}
	for _, a := range assists {
		level := rights.Assistant
		if r.Member(a.boss).VIP {
			level = rights.AssistantPlus
		}
		r.Ties = append(r.Ties, Tie{a.boss, a.assistant, level})
	}
	r.Ties = append(r.Ties,
		Tie{"katharina", "stefan", rights.TeamColleague},
		Tie{"katharina", "aylin", rights.TeamColleague},
		Tie{"katharina", "sabine", rights.TeamColleague},
		Tie{"carlos", "anna", rights.TeamColleague}, // Sales may only extend
		Tie{"emre", "viktor", rights.Blocked},
		Tie{"henrik", "robert", rights.Unknown},
		Tie{"olga", "jana", rights.Assistant},
	)
	return r
}

// number gives a member numbers that will never ring anywhere. Berlin and mobile ones are from the ranges that the
// Bundesnetzagentur keeps free for films and books (Mitteilung 148/2021). Austria keeps none free; no subscriber's
// number begins with 0 there, because that is the prefix for dialling to other places.
func (m *Member) number(i int) {
	m.Work = fmt.Sprintf("+49 30 23125 %03d", 100+i)
	m.Voicemail = fmt.Sprintf("+49 30 23125 %03d", 900+i)
	if m.Place == Wien {
		m.Work = fmt.Sprintf("+43 1 0000 %03d", 100+i)
		m.Voicemail = fmt.Sprintf("+43 1 0000 %03d", 900+i)
	}
	if i%5 != 3 { // not everybody has one
		m.Mobile = fmt.Sprintf("+49 171 39200 %02d", i)
	}
	if i%4 == 0 {
		m.Home = fmt.Sprintf("+49 30 23125 %03d", 600+i)
	}
}

// Member returns who has a login; nil if nobody has.
func (r *Roster) Member(login string) *Member {
	i, ok := r.index[login]
	if !ok {
		return nil
	}
	return &r.Members[i]
}

// In returns the logins of a team.
func (r *Roster) In(t Team) []string {
	var logins []string
	for i := range r.Members {
		if r.Members[i].Team == t {
			logins = append(logins, r.Members[i].Login)
		}
	}
	return logins
}

// Names of the profiles that the days use beside the shipped ones.
const (
	profileFocus    = "Focus"
	profileWorkshop = "Workshop"
	profileTeams    = "MS Teams"
	profileMic      = "MicSync"
)

// own returns the profiles that a member has made.
func (m *Member) own() []policy.Profile {
	keep := policy.Forwarding{Action: policy.ForwardKeep}
	var all []policy.Profile
	if m.Focus {
		all = append(all, policy.Profile{
			ID: "focus", Name: profileFocus, Status: presence.DoNotDisturb, Text: "Please write",
			Forwarding: policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetVoicemail},
		})
	}
	switch m.Team {
	case Design, ConsultingWien:
		all = append(all, policy.Profile{ID: "workshop", Name: profileWorkshop, Status: presence.Busy, Text: "In a workshop", Forwarding: keep})
	case Sales:
		all = append(all, policy.Profile{
			ID: "on-the-road", Name: "On the road", Status: presence.BeRightBack, Text: "On the road",
			Forwarding: policy.Forwarding{Action: policy.ForwardTo, Target: policy.TargetMobile},
		})
	}
	return all
}
