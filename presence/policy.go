package presence

import "time"

// Activation is what one automatic event does (P9). The zero value does nothing.
type Activation struct {
	On      bool
	Status  Status
	Profile string
	Text    string
}

// Policy is what the settings that apply to a person contribute to their presence. The zero value has no
// automatic activation and the standard rules.
type Policy struct {
	Off           bool          // presence management is switched off (P10)
	Rules         *RuleSet      // nil: Standard
	Start         Activation    // the first client starts
	End           Activation    // the last client ends
	Inactive      Activation    // no input on any client for InactiveAfter
	InactiveAfter time.Duration // zero: at once
	Locked        Activation    // every client locked or inactive, the last one locked
}

func (p *Policy) rules() *RuleSet {
	if p.Rules == nil {
		return standard
	}
	return p.Rules
}
