import { STATUSES, type Status } from './model'
import { type Day, isDay } from './zone'

/** What the address says beside the path. Anything that makes no sense there is left out. */
export type Everywhere = { why?: string }
export type TeamSearch = { q?: string; status?: StatusFilter }
export type AgendaSearch = { day?: Day; view?: 'day' | 'week' }
export type StatusFilter = Status | 'on_the_phone'

type Search = Record<string, unknown>

const text = (v: unknown) => (v === undefined || v === '' ? undefined : String(v))

export const everywhere = (s: Search): Everywhere => ({ why: text(s.why) })

export const peopleSearch = (s: Search): { q?: string } => ({ q: text(s.q) })

/** edit: whose record is open; new: that of somebody who is not there yet. */
export type PersonsSearch = { q?: string; edit?: string }

export const personsSearch = (s: Search): PersonsSearch => ({ q: text(s.q), edit: text(s.edit) })

export const auditSearch = (s: Search): { person?: string } => ({ person: text(s.person) })

export const teamSearch = (s: Search): TeamSearch => ({
  q: text(s.q),
  status: [...STATUSES, 'on_the_phone' as const].find((x) => x === s.status),
})

export const agendaSearch = (s: Search): AgendaSearch => ({
  day: isDay(s.day) ? s.day : undefined,
  view: s.view === 'day' || s.view === 'week' ? s.view : undefined,
})
