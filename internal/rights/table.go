package rights

import "fmt"

// Right is something about a person that a viewer may or may not see or change (R3).
type Right uint8

const (
	Name           Right = iota // name and work number
	PrivateNumbers              // mobile and home number
	Status
	Text       // text and profile, the names of programs and services included
	Line       // free, ringing or on the phone
	OtherParty // with whom
	Forwarding
	Times   // of appointments
	Subject // of appointments; of private ones nobody but the owner sees that there is one
	Own     // own profiles and settings
	rightCount
)

var rightNames = [rightCount]string{
	"name", "private_numbers", "status", "text", "line", "other_party", "forwarding", "times", "subject", "own",
}

// String returns the right's name in the API.
func (r Right) String() string { return rightNames[r] }

// Rights returns all rights in the order of the table.
func Rights() []Right {
	all := make([]Right, rightCount)
	for i := range all {
		all[i] = Right(i)
	}
	return all
}

// Access is how much of a right a level has.
type Access uint8

const (
	None Access = iota
	Read
	Write // and read
)

var accessNames = [...]string{"none", "read", "write"}

// String returns the word used in the API.
func (a Access) String() string { return accessNames[a] }

// MarshalText implements encoding.TextMarshaler.
func (a Access) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

const (
	no = None
	r  = Read
	rw = Write
)

// table is R3. No other place in the program says who may see or change what.
var table = [rightCount][levelCount]Access{
	//               blocked unknown external employee team assistant assistant+ self
	Name:           {no, r, r, r, r, r, r, rw},
	PrivateNumbers: {no, no, no, r, r, r, r, rw},
	Status:         {no, no, r, r, r, rw, rw, rw},
	Text:           {no, no, no, no, r, rw, rw, rw},
	Line:           {no, no, no, r, r, r, r, rw},
	OtherParty:     {no, no, no, no, no, r, r, r},
	Forwarding:     {no, no, no, no, r, rw, rw, rw},
	Times:          {no, no, no, no, r, r, r, r},
	Subject:        {no, no, no, no, no, r, rw, rw},
	Own:            {no, no, no, no, no, no, rw, rw},
}

// Of returns how much of a right a level has.
func Of(l Level, right Right) Access {
	if l >= levelCount || right >= rightCount {
		return None
	}
	return table[right][l]
}

// MayRead reports whether a level may see what the right covers.
func MayRead(l Level, right Right) bool { return Of(l, right) >= Read }

// MayWrite reports whether a level may change what the right covers.
func MayWrite(l Level, right Right) bool { return Of(l, right) == Write }

// Class is a group of levels that see the same of a presence; what is encoded for one serves all viewers of the
// class. It is worked out from the table.
type Class uint8

// seen are the rights that decide what a presence looks like.
var seen = [...]Right{Status, Text, Line, OtherParty, Times}

var (
	classes    [levelCount]Class
	classLevel []Level // one level for each class
)

func init() {
	for l := range levelCount {
		found := false
		for c, other := range classLevel {
			same := true
			for _, right := range seen {
				same = same && MayRead(l, right) == MayRead(other, right)
			}
			if same {
				classes[l], found = Class(c), true
			}
		}
		if !found {
			classes[l] = Class(len(classLevel))
			classLevel = append(classLevel, l)
		}
	}
	if len(classLevel) > MaxClasses {
		panic("rights: MaxClasses is too small for the table")
	}
}

// MaxClasses is a bound on the number of classes, for arrays.
const MaxClasses = 6

// Classes returns the number of classes that the table makes.
func Classes() int { return len(classLevel) }

// ClassOf returns the class of a level.
func ClassOf(l Level) Class { return classes[min(l, Self)] }

// SeesNothing reports whether the class sees nothing at all of a presence.
func (c Class) SeesNothing() bool {
	return !MayRead(classLevel[c], Status) && !MayRead(classLevel[c], Line)
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Access) UnmarshalText(text []byte) error {
	for i, name := range accessNames {
		if name == string(text) {
			*a = Access(i)
			return nil
		}
	}
	return fmt.Errorf("access %q is none of %q", text, accessNames)
}
