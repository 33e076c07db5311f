// Package rights decides what one person may see of, and do for, another. The table of rights is data and stands
// in one place; everything about a person that leaves the server is made here, as a View, an Agenda or an
// Explanation, so that whoever encodes cannot leak: there is nothing else to encode. The package is pure; who is
// what to whom is given to it by the office.
package rights
