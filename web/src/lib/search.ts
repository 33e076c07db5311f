import type { AuditFilter } from './audit'
import { ACCOUNT_REFUSALS, type AccountRefusal } from './calendar'
import { type Me, ROLES, STATUSES, type Status } from './model'
import { REFUSALS, type Refusal } from './provider'
import { type TelephoneKind, telephoneKind } from './telephony'
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
export type PersonsSearch = {
  q?: string
  location?: string
  group?: string
  role?: Me['role']
  blocked?: 'yes' | 'no'
  edit?: string
}

export const personsSearch = (s: Search): PersonsSearch => ({
  q: text(s.q),
  location: text(s.location),
  group: text(s.group),
  role: ROLES.find((r) => r === s.role),
  blocked: s.blocked === 'yes' || s.blocked === 'no' ? s.blocked : undefined,
  edit: text(s.edit),
})

/** job: work that is followed; dry: it only tells what it would do. */
export type JobSearch = { job?: string; dry?: 'yes' }

export const jobSearch = (s: Search): JobSearch => ({ job: text(s.job), dry: s.dry === 'yes' ? 'yes' : undefined })

/** Of which kind a new telephone system is. */
export type TelephoneSearch = { kind?: TelephoneKind }

export const telephoneSearch = (s: Search): TelephoneSearch => ({ kind: telephoneKind(s.kind) })

/** Why a sign-in provider did not let somebody in, and which one. The server leads here with both. */
export type RefusedSearch = { refused?: Refusal; provider?: string }

export function refusedSearch(s: Search): RefusedSearch {
  const refused = REFUSALS.find((r) => r === s.refused)
  return { refused, provider: refused && text(s.provider) }
}

/** Why an account was not connected, and with which application. The server leads here with both. */
export type AccountSearch = { refused?: AccountRefusal; connector?: string }

export function accountSearch(s: Search): AccountSearch {
  const refused = ACCOUNT_REFUSALS.find((r) => r === s.refused)
  return { refused, connector: refused && text(s.connector) }
}

/** code: that a program shows which wants to be let in. Codes are letters; the address may hold anything. */
export const deviceSearch = (s: Search): { code?: string } => ({ code: text(s.code)?.slice(0, 20) })

export const signInSearch = (s: Search): RefusedSearch & { to?: string } => ({
  ...refusedSearch(s),
  // Only places of this client: a link must not lead elsewhere after the sign-in.
  to: typeof s.to === 'string' && /^\/(?![/\\])/.test(s.to) ? s.to : undefined,
})

export const auditSearch = (s: Search): AuditFilter => ({
  person: text(s.person),
  actor: text(s.actor),
  action: text(s.action),
  text: text(s.text),
  since: isDay(s.since) ? s.since : undefined,
  until: isDay(s.until) ? s.until : undefined,
})

export const teamSearch = (s: Search): TeamSearch => ({
  q: text(s.q),
  status: [...STATUSES, 'on_the_phone' as const].find((x) => x === s.status),
})

export const agendaSearch = (s: Search): AgendaSearch => ({
  day: isDay(s.day) ? s.day : undefined,
  view: s.view === 'day' || s.view === 'week' ? s.view : undefined,
})
