// Package report is what the commands notify and taskbar are told and print, for the tests that run them.
package report

import "github.com/doorlight/doorlight/client"

// View is what the command notify shows.
type View struct {
	Name      string          `json:"name"`
	Connected bool            `json:"connected"`
	Out       bool            `json:"out"`
	Muted     bool            `json:"muted"`
	Presence  client.Presence `json:"presence"`
	Settings  client.Settings `json:"settings"`
}

// Command is what the command notify is told; one field is set.
type Command struct {
	View  *View    `json:"view,omitempty"`  // show it
	Read  bool     `json:"read,omitempty"`  // print the menu that is open
	Click []string `json:"click,omitempty"` // choose an entry of the menu that is open, by the keys: the labels from the top down
	Close bool     `json:"close,omitempty"` // close the menu that is open
}

// Line is one thing that the command notify prints; one field is set.
type Line struct {
	Choice *client.Choice `json:"choice,omitempty"` // was chosen
	Did    string         `json:"did,omitempty"`    // what else was clicked
	Menu   []Entry        `json:"menu,omitempty"`   // that is open
	Closed bool           `json:"closed,omitempty"` // no menu is open any more
	Over   bool           `json:"over,omitempty"`   // the icon has ended
	Err    string         `json:"err,omitempty"`
}

// Entry is an entry of a menu as Windows has it.
type Entry struct {
	Label     string  `json:"label"` // with Windows' marks: && is an &
	Separator bool    `json:"separator,omitempty"`
	Disabled  bool    `json:"disabled,omitempty"`
	Checked   bool    `json:"checked,omitempty"`
	Selected  bool    `json:"selected,omitempty"` // by the keys or the mouse
	Sign      bool    `json:"sign,omitempty"`     // a picture is beside it
	Sub       []Entry `json:"sub,omitempty"`
}

// Icon is what the command taskbar prints when a program has changed its icon.
type Icon struct {
	What   string `json:"what"` // "add", "modify" or "delete"
	Tip    string `json:"tip"`
	Pixels []byte `json:"pixels,omitempty"` // blue, green, red and alpha, from the top left on; none: there is no picture
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
}
