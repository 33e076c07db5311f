/** The table of internal/rights/table.go, copied so that the mock hides what the server hides. */
import type { Appointment, Card, Explanation, Level, Presence, Right } from '../src/lib/model'

export type FullLevel = Level | 'self'
const order: FullLevel[] = [
  'blocked',
  'unknown',
  'external',
  'employee',
  'team_colleague',
  'assistant',
  'assistant_plus',
  'self',
]

const table: Record<Right, string> = {
  name: '-rrrrrrw',
  private_numbers: '---rrrrw',
  status: '--rrrwww',
  text: '----rwww',
  line: '---rrrrw',
  other_party: '-----rrr',
  forwarding: '----rwww',
  times: '----rrrw',
  subject: '-----rww',
  own: '------ww',
}

export const rightNames = Object.keys(table) as Right[]

export function access(level: FullLevel, right: Right): 'none' | 'read' | 'write' {
  const c = table[right][order.indexOf(level)]
  return c === 'w' ? 'write' : c === 'r' ? 'read' : 'none'
}

export const reads = (level: FullLevel, right: Right) => access(level, right) !== 'none'
export const writes = (level: FullLevel, right: Right) => access(level, right) === 'write'

export function seePresence(level: FullLevel, p: Presence): Presence {
  const v: Presence = { id: p.id }
  if (!reads(level, 'status')) return v
  if (p.off) return { ...v, off: true }
  v.status = p.status
  v.since = p.since
  if (reads(level, 'text')) Object.assign(v, { text: p.text, profile: p.profile, cause: p.cause })
  if (reads(level, 'times')) v.until = p.until
  if (reads(level, 'line') && p.line) {
    v.line = { state: p.line.state }
    if (reads(level, 'text')) Object.assign(v.line, { reach: p.line.reach, service: p.line.service })
    if (reads(level, 'other_party')) v.line.other = p.line.other
  }
  return v
}

export type Facts = Omit<Card, 'may' | 'relationship' | 'presence'>

export function seeCard(level: FullLevel, f: Facts, p: Presence): Card | undefined {
  if (level === 'blocked') return undefined
  const c: Card = {
    id: f.id,
    name: f.name,
    work_number: f.work_number,
    relationship: level,
    may: Object.fromEntries(rightNames.map((r) => [r, access(level, r)])),
    presence: seePresence(level, p),
  }
  if (reads(level, 'private_numbers')) {
    Object.assign(c, {
      mobile_number: f.mobile_number,
      home_number: f.home_number,
      email: f.email,
      location: f.location,
    })
  }
  return c
}

export function seeAppointment(level: FullLevel, a: Appointment): Appointment {
  const v: Appointment = {
    ref: a.ref,
    start: a.start,
    end: a.end,
    all_day: a.all_day,
    show_as: a.show_as,
    status: a.status,
    counts: false,
  }
  if (reads(level, 'text')) Object.assign(v, { profile: a.profile, counts: a.counts, dismissed: a.dismissed })
  if (reads(level, 'subject') && !a.private) Object.assign(v, { subject: a.subject, url: a.url })
  if (reads(level, 'own'))
    Object.assign(v, {
      private: a.private,
      calendar: a.calendar,
      reminder_minutes: a.reminder_minutes,
      seen_at: a.seen_at,
    })
  if (level === 'self') v.url = a.url
  return v
}

export function seeExplanation(level: FullLevel, e: Explanation): Explanation {
  if (level === 'self') return e
  return {
    ...e,
    presence: seePresence(level, e.presence),
    entries: e.entries.map((r) => ({
      ...r,
      ref: r.source,
      by: r.by_source,
      text: r.source === 'calendar' ? undefined : r.text,
    })),
    next: e.next.map((c) => ({
      ...c,
      presence: seePresence(level, c.presence),
      because: c.because.map((b) => b.split('#')[0] ?? b),
    })),
  }
}
