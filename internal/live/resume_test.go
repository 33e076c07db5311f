package live

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/presence"
)

// TestWhatAClientHasFoldedIsWhatASnapshotWouldSay drops connections at random moments while presences, cards and
// relationships change.
func TestWhatAClientHasFoldedIsWhatASnapshotWouldSay(t *testing.T) {
	t.Parallel()
	s := open(t, false, Config{Gather: time.Millisecond})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		d := &drops{t: rt, s: s}
		for i := range 6 {
			d.owners = append(d.owners, fmt.Sprintf("o%d-%d", run, i))
			s.set(d.owners[i], presence.Available, "")
		}
		d.marker = fmt.Sprintf("m%d", run)
		s.set(d.marker, presence.Available, "")
		d.w = s.client(fmt.Sprintf("w%d", run), append([]string{d.marker}, d.owners...)...)
		d.w.watch()
		defer d.w.drop()
		rt.Repeat(map[string]func(*rapid.T){
			"set":    d.set,
			"hide":   d.hide,
			"card":   d.card,
			"relate": d.relate,
			"remove": d.remove,
			"sweep":  d.sweep,
			"drop":   d.drop,
			"cut":    d.cut,
			"follow": d.follow,
		})
		d.follow(rt)
	})
}

type drops struct {
	t      *rapid.T
	s      *stream
	w      *watcher
	owners []string
	marker string
	marks  int
}

func (d *drops) owner(t *rapid.T) string { return rapid.SampledFrom(d.owners).Draw(t, "owner") }

func (d *drops) present(id string) bool {
	_, _, ok := d.s.office.Presence(id)
	return ok
}

func (d *drops) set(t *rapid.T) {
	var list []hub.Update
	for range rapid.IntRange(1, 4).Draw(t, "n") {
		if id := d.owner(t); d.present(id) {
			list = append(list, d.s.update(id, presence.Busy, rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text")))
		}
	}
	d.s.publish(list...)
}

// hide changes what only some may see.
func (d *drops) hide(t *rapid.T) {
	id := d.owner(t)
	p, shown, ok := d.s.office.Presence(id)
	if !ok {
		return
	}
	p.Line.State = rapid.SampledFrom([]presence.LineState{presence.LineIdle, presence.LineOnThePhone}).Draw(t, "line")
	p.Line.Other = rapid.SampledFrom([]string{"", "+49 1", "+49 2"}).Draw(t, "other")
	d.s.publish(hub.Update{PersonID: id, Presence: p, Shown: shown})
}

func (d *drops) card(t *rapid.T) { d.s.Office(office.Change{Cards: []string{d.owner(t)}}) }

func (d *drops) relate(t *rapid.T) {
	d.s.relate(d.w.as, d.owner(t), rapid.SampledFrom(rights.Levels()).Draw(t, "level"))
}

func (d *drops) remove(t *rapid.T) {
	id := d.owner(t)
	if !d.present(id) || rapid.IntRange(0, 5).Draw(t, "seldom") > 0 {
		return
	}
	d.s.publish(hub.Update{PersonID: id, Gone: true})
	d.s.Office(office.Change{Removed: []string{id}, Cards: []string{id}, Levels: []string{id}})
}

func (d *drops) sweep(*rapid.T) {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.s.Broker.sweep()
}

// drop takes the connection down, sometimes has something happen, and comes back to resume.
func (d *drops) drop(t *rapid.T) {
	d.w.drop()
	for range rapid.IntRange(0, 3).Draw(t, "meanwhile") {
		rapid.SampledFrom([]func(*rapid.T){d.set, d.hide, d.card, d.sweep, d.relate}).Draw(t, "what")(t)
	}
	d.w.watch()
}

// cut drops the connection with frames on their way that are never read.
func (d *drops) cut(t *rapid.T) {
	d.set(t)
	d.set(t)
	d.w.drop()
	d.w.watch()
}

// follow reads up to the present and compares.
func (d *drops) follow(*rapid.T) {
	d.marks++
	text := fmt.Sprint("mark ", d.marks)
	d.s.set(d.marker, presence.Available, text)
	want, _ := d.s.office.view(d.w.as, d.marker)
	for d.w.roster[d.marker] != want {
		d.w.next()
	}
	d.w.check()
}
