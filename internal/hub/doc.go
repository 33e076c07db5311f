// Package hub holds everybody's claims in memory, makes changes of them durable, and works out each presence when a
// claim or the time changes it. Shards own people, so that one person's changes are in order while many people's run
// side by side. What is published was durable before; what nobody could tell apart is not published. What the claims
// add up to is decided by package presence; who may see it, and the way to the watchers, are left to others.
package hub
