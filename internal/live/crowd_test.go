package live

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// TestWhoComesBackBeforeTheWordOfARaisedRelationship: the office knows it already, and whoever listens to the office
// hears of it a moment later.
func TestWhoComesBackBeforeTheWordOfARaisedRelationship(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond}, "anna", "bert")
	s.relate("cora", "anna", rights.Unknown)
	w := s.client("cora", "anna", "bert")
	w.watch()
	w.drop()
	s.office.relate("cora", "anna", rights.Employee)
	w.watch()
	w.check()
	s.Office(office.Change{Levels: []string{"anna"}})
	s.set("bert", presence.Busy, "")
	w.next()
	w.check()
}

// TestACrowd has presences, relationships and connections change all at once, as the office, the hub and browsers do.
// Once it is quiet, everybody knows what a fresh snapshot would say.
func TestACrowd(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		s := open(t, secure, Config{Gather: time.Millisecond}, "marker")
		var owners, viewers []string
		for i := range 6 {
			owners = append(owners, fmt.Sprint("owner", i))
			s.office.people[owners[i]] = s.update(owners[i], presence.Available, "")
		}
		for i := range 8 {
			viewers = append(viewers, fmt.Sprint("viewer", i))
		}
		const each = 300
		var changing, watching sync.WaitGroup
		for _, id := range owners { // each person's changes come in order, by the shard that owns them
			changing.Go(func() {
				for n := range each {
					s.set(id, presence.Busy, fmt.Sprint(id, " ", n))
					if n%8 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		changing.Go(func() { // the office makes one change after the other
			for range each {
				s.relate(viewers[rand.IntN(len(viewers))], owners[rand.IntN(len(owners))], rights.Levels()[rand.IntN(len(rights.Levels()))])
				time.Sleep(time.Duration(rand.IntN(int(time.Millisecond))))
			}
		})
		for _, id := range viewers {
			w := s.client(id, append([]string{"marker"}, owners...)...)
			watching.Go(func() {
				defer w.drop()
				w.watch()
				for !s.over(w) {
					switch rand.IntN(40) {
					case 0: // the cable
						w.drop()
						w.watch()
					case 1: // another page
						w.ask()
					default:
						w.next()
					}
				}
				w.check()
			})
		}
		changing.Wait()
		s.set("marker", presence.Busy, "over")
		watching.Wait()
	})
}

// over reports whether a client knows that nothing will happen any more.
func (s *stream) over(w *watcher) bool {
	p, shown, _ := s.office.Presence("marker")
	view := rights.SeePresence(rights.ClassOf(rights.TeamColleague), "marker", &p, &shown)
	return p.Text == "over" && w.roster["marker"] == string(view.AppendJSON(nil))
}
