// Package live is the stream by which browsers and programs watch people (A2). A connection names whom it watches, gets
// a snapshot and then every change; after a drop it resumes where it was. What one class of viewers may see of a
// person is encoded once and written to all of them; what is due to one connection within a few milliseconds goes out
// as one write. There are no queues: a connection that is slow is told the latest state when it is ready again, and
// dropped if it stays so. What may be seen is made by package rights.
package live
