// Package policy holds the settings of locations and configuration groups and what they mean for a person: which
// profiles are offered, what happens automatically, what a user may change (P6 to P11, C2). It is pure: it is given
// the stored sections and the person's own settings. Storing them and telling those concerned is left to the office.
package policy
