package tray

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/presence"
)

// slot is an entry of a menu that can be hidden, but neither removed nor moved: those of Windows, as the library has them, stand in the order in which they
// were made.
type slot interface {
	SetTitle(string)
	SetIcon([]byte)
	Enable()
	Disable()
	Check()
	Uncheck()
	Show()
	Hide()
}

// maker makes slots at the end of a menu; above is nil for the menu itself.
type maker interface {
	entry(above slot, x item, clicked func()) slot
	separator(above slot)
}

// topOrder is the order of all entries there may ever be at the top, and changeOrder that of the choices; a profile is known there by its position.
var (
	topOrder = []string{"name", "state", "why", "waits", "problem", "unable", "rule-choice", "change", "end", "text", "mute", "measured", "sent", "rule-end",
		"open", "signin", "signout", "quit"}
	changeOrder = func() (keys []string) {
		for _, s := range presence.Statuses() {
			keys = append(keys, "status-"+s.String())
		}
		return append(keys, "rule")
	}()
)

// pool shows menus in slots, which it makes once and uses again: however long the client runs, there are no more than the longest menu needed.
type pool struct {
	make    maker
	clicked func(action)

	mu    sync.Mutex // guards what follows
	slots map[string]*pooled
}

// pooled is a slot with what it shows.
type pooled struct {
	slot  slot // nil: a separator
	shown item
	on    bool // it is visible
}

// show shows a menu. Only what is another than before is touched.
func (p *pool) show(items []item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots == nil {
		p.slots = map[string]*pooled{}
	}
	p.level(items, "", nil)
}

func (p *pool) level(items []item, above string, parent slot) {
	byKey := map[string]item{}
	var order []string
	switch above {
	case "":
		order = slices.Clone(topOrder)
	case "/change":
		order = slices.Clone(changeOrder)
	}
	profiles := 0
	for _, x := range items {
		key := x.key
		if strings.HasPrefix(key, "profile-") {
			key = "profile-" + strconv.Itoa(profiles)
			profiles++
		}
		if byKey[key] = x; !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	used := map[string]bool{}
	for _, key := range order {
		path := above + "/" + key
		x, there := byKey[key]
		used[path] = there
		had := p.slots[path]
		if had == nil {
			had = &pooled{}
			p.slots[path] = had
			if x.separator || strings.HasPrefix(key, "rule") {
				p.make.separator(parent)
				continue
			}
			had.shown, had.on = x, true
			had.slot = p.make.entry(parent, x, func() { p.click(path) })
			fresh(had.slot, x)
		}
		if had.slot == nil {
			continue
		}
		p.update(had, x, there)
		if there && len(x.sub) > 0 {
			p.level(x.sub, path, had.slot)
		}
	}
	for path, had := range p.slots { // those of earlier menus
		if dir, _, ok := cutLast(path); ok && dir == above && !used[path] && had.slot != nil && had.on {
			had.on = false
			had.slot.Hide()
		}
	}
}

func cutLast(path string) (dir, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// fresh dresses a new slot as far as it was not made that way.
func fresh(s slot, x item) {
	if x.off {
		s.Disable()
	}
	if x.sign != signUnknown {
		s.SetIcon(asICO(x.sign))
	}
}

func (p *pool) update(had *pooled, x item, there bool) {
	was, s := had.shown, had.slot
	if !there {
		if had.on {
			had.on = false
			s.Hide()
		}
		return
	}
	had.shown = x
	if was.label != x.label {
		s.SetTitle(labelled(x))
	}
	if was.off != x.off {
		if x.off {
			s.Disable()
		} else {
			s.Enable()
		}
	}
	if was.checked != x.checked {
		if x.checked {
			s.Check()
		} else {
			s.Uncheck()
		}
	}
	if was.sign != x.sign && x.sign != signUnknown {
		s.SetIcon(asICO(x.sign))
	}
	if !had.on {
		had.on = true
		s.Show()
	}
}

// labelled is the label as Windows has it, where an & marks a key.
func labelled(x item) string { return strings.ReplaceAll(x.label, "&", "&&") }

func (p *pool) click(path string) {
	p.mu.Lock()
	had := p.slots[path]
	x, on := had.shown, had.on
	p.mu.Unlock()
	if on && !x.off && x.action.verb != nothing {
		p.clicked(x.action)
	}
}
