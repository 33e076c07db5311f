package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/doorlight/doorlight/presence"
)

// Report is what a desktop client says of itself: that it runs, and what it measures. What is nil is as before.
type Report struct {
	ID            string             `json:"id"` // the same for as long as it runs
	Label         string             `json:"label,omitempty"`
	Activity      *presence.Activity `json:"activity,omitempty"`
	ActivitySince *time.Time         `json:"activity_since,omitempty"` // of the last input, or of the locking; nil: now
	Microphone    *[]string          `json:"microphone,omitempty"`     // processes of the table that record
}

// Profile is a profile that can be chosen.
type Profile struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Status presence.Status `json:"status"`
}

// Settings tell a desktop client what to measure: what does not count is not to be measured, nor told.
type Settings struct {
	Enabled       bool              `json:"presence_enabled"`       // presence management is on for the person
	LeaseSeconds  int               `json:"lease_seconds"`          // so long a client may be silent
	InactiveAfter int               `json:"inactive_after_seconds"` // without input; 0: it does not count
	Lock          bool              `json:"lock"`                   // locking counts
	Microphone    []string          `json:"microphone"`             // processes whose use of the microphone counts
	CalendarDays  int               `json:"calendar_days"`          // days of the calendars on this computer to hand over; 0: none
	Statuses      []presence.Status `json:"statuses"`               // that may be chosen
	Profiles      []Profile         `json:"profiles"`               // that may be chosen
}

// Message is what the server says on a stream; exactly one field is set.
type Message struct {
	People   []Presence // those watched that changed; at first all
	Settings *Settings  // what to measure
	Refused  string     // a report was refused, in words
	Alive    bool       // nothing but a sign of life
}

// Stream is a connection on which people are watched and on which a desktop client reports (A2). One goroutine may read and others write.
type Stream struct {
	conn *websocket.Conn
}

// silence is how long a stream may be silent: the server gives a sign of life at least every 75 s.
const silence = 90 * time.Second

// longestMessage bounds what is read at once, in bytes.
const longestMessage = 4 << 20

// Stream opens a stream.
func (c *Client) Stream(ctx context.Context) (*Stream, error) {
	h := http.Header{}
	c.dress(h)
	conn, a, err := websocket.Dial(ctx, c.Page("/api/v1/live"), &websocket.DialOptions{HTTPClient: &http.Client{Transport: c.cfg.HTTP.Transport, CheckRedirect: c.cfg.HTTP.CheckRedirect}, HTTPHeader: h})
	if err != nil {
		if a != nil && a.StatusCode >= 300 {
			text, _ := io.ReadAll(a.Body) // its beginning, as the library has it
			return nil, refusal(a, text)
		}
		return nil, reachable(err)
	}
	conn.SetReadLimit(longestMessage)
	return &Stream{conn}, nil
}

// say sends a message.
func (s *Stream) say(ctx context.Context, m any) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return ended(s.conn.Write(ctx, websocket.MessageText, text))
}

// Watch replaces the set of people that are watched.
func (s *Stream) Watch(ctx context.Context, people ...string) error {
	return s.say(ctx, map[string]any{"type": "watch", "people": people})
}

// Report says that a desktop client runs, and what it measures. The first has the connection count as that client.
func (s *Stream) Report(ctx context.Context, r Report) error {
	return s.say(ctx, struct {
		Type string `json:"type"`
		Report
	}{"client", r})
}

// End says that the client ends. The server takes that in and ends the stream: Next returns ErrEnded then.
func (s *Stream) End(ctx context.Context) error {
	return s.say(ctx, map[string]string{"type": "end"})
}

// ErrEnded is returned by Next when a stream ended because the client said that it ends.
var ErrEnded = errors.New("the stream has ended")

// Next returns what the server says next. It fails after a minute and a half of silence. After an error, also of ctx, the stream is of no use any more.
func (s *Stream) Next(ctx context.Context) (m Message, err error) {
	reading, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	for {
		_, text, err := s.conn.Read(reading)
		if err != nil {
			if ctx.Err() == nil && reading.Err() != nil {
				return m, errors.New("the server is silent")
			}
			return m, ended(err)
		}
		var x struct {
			Type   string     `json:"type"`
			People []Presence `json:"people"`
			Detail string     `json:"detail"`
		}
		if err := json.Unmarshal(text, &x); err != nil {
			return m, fmt.Errorf("the stream says what is no message of a Doorlight server: %w", err)
		}
		switch x.Type {
		case "snapshot", "changes", "resumed":
			return Message{People: x.People}, nil
		case "settings":
			var settings Settings
			if err := json.Unmarshal(text, &settings); err != nil {
				return m, fmt.Errorf("the stream says what are no settings of a Doorlight server: %w", err)
			}
			return Message{Settings: &settings}, nil
		case "refused":
			return Message{Refused: x.Detail}, nil
		case "alive":
			return Message{Alive: true}, nil
		} // of what newer servers say nothing needs to be understood
	}
}

// Close ends the connection without a word: the client counts as running for its lease.
func (s *Stream) Close() { s.conn.CloseNow() }

// closeSignedOut is the close code of a sign-in that has ended.
const closeSignedOut = 4401

// ended puts the end of a stream into words.
func ended(err error) error {
	if err == nil {
		return nil
	}
	switch code := websocket.CloseStatus(err); {
	case code == closeSignedOut:
		return fmt.Errorf("the stream was ended: %w", ErrSignedOut)
	case code == websocket.StatusNormalClosure:
		return ErrEnded
	case code == websocket.StatusGoingAway:
		return errors.New("the server is stopping")
	case code >= 0:
		return fmt.Errorf("the server ended the stream (%d)", code)
	}
	return fmt.Errorf("the connection broke: %w", err)
}
