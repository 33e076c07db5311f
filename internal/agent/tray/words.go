package tray

import (
	"fmt"
	"strings"
	"time"

	"github.com/doorlight/doorlight/presence"
)

// language is one that the menu speaks: en or de.
type language string

// speak returns the language of the first of these that it speaks, such as de, de_AT.UTF-8 or de-CH; else English.
func speak(wanted ...string) language {
	for _, w := range wanted {
		tag, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(w, "_", "-")), "-")
		tag, _, _ = strings.Cut(tag, ".")
		switch tag {
		case "de", "en":
			return language(tag)
		case "c", "posix":
			return "en"
		}
	}
	return "en"
}

// say is a text of the menu.
func (l language) say(key string, args ...any) string {
	text, ok := texts[l][key]
	if !ok {
		panic("tray: no text " + key)
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

func (l language) status(s presence.Status) string { return l.say("status." + s.String()) }

// shipped is the word for the reader: the name or text of a template that every office begins with in their language, as long as nobody has changed it, and
// anything else as it is (web/src/lib/shipped.ts).
func (l language) shipped(word string) string {
	if l == "de" {
		if w, ok := shippedInGerman[word]; ok {
			return w
		}
	}
	return word
}

var shippedInGerman = map[string]string{
	"Available": "Verfügbar", "Home office": "Homeoffice", "Be right back": "Bin gleich zurück", "Break": "Pause", "Appointment": "Termin",
	"Do not disturb": "Nicht stören", "On holiday": "Im Urlaub", "Off sick": "Krank", "Unavailable": "Abwesend",
	"On the phone (MS Teams)": "Am Telefon (MS Teams)",
}

// texts are those of the menu; the names of statuses and causes are the web client's.
var texts = map[language]map[string]string{
	"en": {
		"status.available": "Available", "status.be_right_back": "Be right back", "status.busy": "Busy",
		"status.do_not_disturb": "Do not disturb", "status.unavailable": "Unavailable", "status.logged_out": "Logged out",

		"cause.hand": "your choice", "cause.assistant": "chosen by an assistant", "cause.start": "program start", "cause.end": "program end",
		"cause.client": "no input", "cause.api": "another system", "cause.calendar": "calendar", "cause.teams": "MS Teams",
		"cause.microphone": "microphone in use", "cause.line": "telephone", "cause.mark": "decision in the agenda",

		"until": "until %s", "off": "No presence", "presence.off": "Presence is switched off for you",
		"out": "Not signed in", "waits": "Allow this computer in the browser; the code is %s",
		"lost": "Not connected since %s", "connecting": "Not connected yet", "lost.choice": "What cannot be told now cannot be chosen; it is tried again",
		"refused": "The server says: %s", "nothing": "Nothing may be chosen here",
		"change": "Change presence", "end": "Until", "end.open": "Until changed", "end.30": "30 minutes", "end.60": "1 hour", "end.120": "2 hours",
		"end.day": "End of the day", "end.tomorrow": "Tomorrow, 8:00", "end.other": "Another time…", "text": "Text…",
		"mute": "Do not count my microphone", "measured": "Measured here", "sent": "What was sent…",
		"input": "Input: %s", "lock": "Lock: %s", "microphone": "Microphone: %s", "uncounted": "does not count here", "muted": "does not count, by your wish",
		"waiting": "is about to be measured", "told": "Told to the server: %s", "told.none": "Told to the server: nobody records",
		"unmeasured": "cannot be measured here", "calendars": "Calendars: %s", "calendars.none": "none here that can be read",
		"handed": "%d appointments, handed over %s", "handed.one": "1 appointment, handed over %s",
		"open": "Open Doorlight", "signin": "Sign in…", "signout": "Sign out", "quit": "Quit Doorlight",
		"ask.text": "Text that goes with “%s”:", "ask.end": "Ends at, such as 15:30, or 24.12. 15:30:", "ask.server": "Address of your office's Doorlight server, such as https://presence.example.com:", "ask.noserver": "“%s” is no address of a server.",
		"ask.wrong": "“%s” is no time to come, such as 15:30.",
		"days":      "Sun Mon Tue Wed Thu Fri Sat", "date": "2 Jan",
	},
	"de": {
		"status.available": "Verfügbar", "status.be_right_back": "Bin gleich zurück", "status.busy": "Beschäftigt",
		"status.do_not_disturb": "Nicht stören", "status.unavailable": "Abwesend", "status.logged_out": "Abgemeldet",

		"cause.hand": "von Ihnen gewählt", "cause.assistant": "von einer Assistenz gewählt", "cause.start": "Programmstart", "cause.end": "Programmende",
		"cause.client": "keine Eingabe", "cause.api": "anderes System", "cause.calendar": "Kalender", "cause.teams": "MS Teams",
		"cause.microphone": "Mikrofon in Benutzung", "cause.line": "Telefon", "cause.mark": "Entscheidung in der Agenda",

		"until": "bis %s", "off": "Keine Präsenz", "presence.off": "Präsenz ist für Sie ausgeschaltet",
		"out": "Nicht angemeldet", "waits": "Erlauben Sie diesen Computer im Browser; der Code ist %s",
		"lost": "Nicht verbunden seit %s", "connecting": "Noch nicht verbunden", "lost.choice": "Ohne Verbindung lässt sich nichts wählen; es wird weiter versucht",
		"refused": "Der Server sagt: %s", "nothing": "Hier darf nichts gewählt werden",
		"change": "Präsenz ändern", "end": "Bis", "end.open": "Bis auf Weiteres", "end.30": "30 Minuten", "end.60": "1 Stunde", "end.120": "2 Stunden",
		"end.day": "Ende des Tages", "end.tomorrow": "Morgen, 8:00", "end.other": "Eigene Zeit …", "text": "Text …",
		"mute": "Mein Mikrofon nicht zählen", "measured": "Was hier gemessen wird", "sent": "Was gesendet wurde …",
		"input": "Eingabe: %s", "lock": "Sperre: %s", "microphone": "Mikrofon: %s", "uncounted": "zählt hier nicht", "muted": "zählt nicht, auf Ihren Wunsch",
		"waiting": "wird gleich gemessen", "told": "Dem Server gesagt: %s", "told.none": "Dem Server gesagt: niemand nimmt auf",
		"unmeasured": "lässt sich hier nicht messen", "calendars": "Kalender: %s", "calendars.none": "keiner hier, der gelesen werden kann",
		"handed": "%d Termine, übergeben %s", "handed.one": "1 Termin, übergeben %s",
		"open": "Doorlight öffnen", "signin": "Anmelden …", "signout": "Abmelden", "quit": "Doorlight beenden",
		"ask.text": "Text zu „%s“:", "ask.end": "Endet um, etwa 15:30 oder 24.12. 15:30:", "ask.server": "Adresse des Doorlight-Servers Ihres Büros, etwa https://presence.example.com:", "ask.noserver": "„%s“ ist keine Adresse eines Servers.",
		"ask.wrong": "„%s“ ist keine kommende Zeit, etwa 15:30.",
		"days":      "So Mo Di Mi Do Fr Sa", "date": "2.1.",
	},
}

// moment is the shortest that says when something was or will be, in the time zone of now: the time today, with the weekday within a week, else with the day.
func (l language) moment(at, now time.Time) string {
	at = at.In(now.Location())
	clock := at.Format("15:04")
	switch days := daysBetween(now, at); {
	case days == 0:
		return clock
	case days > -7 && days < 7:
		return strings.Fields(l.say("days"))[at.Weekday()] + " " + clock
	}
	return at.Format(l.say("date")) + " " + clock
}

// ending is when something ends; midnight belongs to the day before.
func (l language) ending(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Hour() == 0 && at.Minute() == 0 && at.After(now) && daysBetween(now, at) == 1 {
		return "24:00"
	}
	return l.moment(at, now)
}

// daysBetween counts the midnights from one to the other.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(to).Sub(day(from)) / (24 * time.Hour))
}
