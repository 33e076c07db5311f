import type { Presence } from './model'

/** What is known of people's presence now. Never changed in place. */
export type Roster = ReadonlyMap<string, Presence>

/** What the server says on the live stream. */
export type Snapshot = { type: 'snapshot'; epoch: string; seq: number; position: string; people: Presence[] }
export type Changes = {
  type: 'changes' | 'resumed'
  epoch?: string
  seq: number
  position: string
  people?: Presence[]
  gone?: string[]
  stale?: string[]
}
export type RosterEvent = Snapshot | Changes

/** Fold one server event into the roster. Pure: the socket lives in live.ts. */
export function applyEvent(roster: Roster, ev: RosterEvent): Roster {
  switch (ev.type) {
    case 'snapshot':
      return new Map(ev.people.map((p) => [p.id, keep(roster, p)]))
    case 'changes':
    case 'resumed': {
      if (!ev.people?.length && !ev.gone?.length) return roster
      const next = new Map(roster)
      for (const p of ev.people ?? []) next.set(p.id, keep(roster, p))
      for (const id of ev.gone ?? []) next.delete(id)
      return next
    }
    default:
      ev satisfies never // a new event type does not compile until handled here
      return roster
  }
}

/** An equal presence stays the same object, so that a snapshot after a reconnect renders nothing again. */
function keep(roster: Roster, p: Presence): Presence {
  const known = roster.get(p.id)
  return known && samePresence(known, p) ? known : p
}

export function samePresence(a: Presence, b: Presence): boolean {
  return (
    a.id === b.id &&
    a.off === b.off &&
    a.status === b.status &&
    a.text === b.text &&
    a.profile === b.profile &&
    a.since === b.since &&
    a.until === b.until &&
    a.cause === b.cause &&
    a.line?.state === b.line?.state &&
    a.line?.reach === b.line?.reach &&
    a.line?.service === b.line?.service &&
    a.line?.other === b.line?.other
  )
}

/** IDs whose presence differs between two rosters: only their rows render again. */
export function changedIDs(before: Roster, after: Roster): string[] {
  const ids: string[] = []
  for (const [id, p] of after) if (before.get(id) !== p) ids.push(id)
  for (const id of before.keys()) if (!after.has(id)) ids.push(id)
  return ids
}
