// Package provision brings people from outside lists into the organisation: it reads the lists, compares them with the
// people who are there, and makes the difference so, in pieces, with a report for each row that is refused. What a person
// is and may be is decided by package office; how a list is fetched is left to others.
package provision
