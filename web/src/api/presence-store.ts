import { useCallback, useSyncExternalStore } from 'react'
import type { Presence } from '../lib/model'
import { applyEvent, changedIDs, type Roster, type RosterEvent } from '../lib/roster'

/**
 * Live presence outside of React: each row subscribes to one person, so a change of one renders one row. Who shows
 * counts of everybody subscribes to the whole roster.
 */
export class PresenceStore {
  private roster: Roster = new Map()
  private readonly byPerson = new Map<string, Set<() => void>>()
  private readonly all = new Set<() => void>()

  current = (): Roster => this.roster
  get = (id: string): Presence | undefined => this.roster.get(id)

  apply(ev: RosterEvent): void {
    this.replace(applyEvent(this.roster, ev))
  }

  /** The answer to the own choice comes by REST, often before the live stream says so too. */
  put(p: Presence): void {
    this.replace(new Map(this.roster).set(p.id, p))
  }

  clear(): void {
    this.replace(new Map())
  }

  private replace(next: Roster): void {
    const before = this.roster
    if (next === before) return
    const ids = changedIDs(before, next)
    this.roster = next
    if (!ids.length) return
    for (const id of ids) for (const tell of this.byPerson.get(id) ?? []) tell()
    for (const tell of this.all) tell()
  }

  subscribe(id: string, tell: () => void): () => void {
    const set = this.byPerson.get(id) ?? new Set()
    this.byPerson.set(id, set.add(tell))
    return () => {
      set.delete(tell)
      if (!set.size) this.byPerson.delete(id)
    }
  }

  subscribeAll = (tell: () => void): (() => void) => {
    this.all.add(tell)
    return () => this.all.delete(tell)
  }
}

export const presences = new PresenceStore()

/** One person's presence: live, or as their card had it when the live stream has said nothing yet. */
export function usePresence(id: string, fallback?: Presence): Presence | undefined {
  const subscribe = useCallback((tell: () => void) => presences.subscribe(id, tell), [id])
  return useSyncExternalStore(subscribe, () => presences.get(id)) ?? fallback
}

/** The whole roster, for counts and filters. */
export function useRoster(): Roster {
  return useSyncExternalStore(presences.subscribeAll, presences.current)
}
