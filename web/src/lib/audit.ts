/** The audit log for people: which words an entry has, and what its detail says. Pure. */
import { addDays, type Day, instant } from './zone'

/** What is written in the log, as the packages below internal name it. */
export const ACTIONS = [
  'presence.choice',
  'agenda.decision',
  'favourites.put',
  'profiles.put',
  'settings.put',
  'settings.section',
  'settings.reset',
  'relationship.put',
  'calendar.add',
  'calendar.put',
  'calendar.delete',
  'calendar.connect',
  'teams.connect',
  'teams.disconnect',
  'forwarding.put',
  'telephone.add',
  'telephone.remove',
  'telephone.forget',
  'person.add',
  'person.put',
  'person.delete',
  'location.put',
  'location.duplicate',
  'location.delete',
  'group.put',
  'group.delete',
  'work_group.put',
  'work_group.delete',
  'monitoring_group.put',
  'monitoring_group.delete',
  'people.import',
  'people.sync',
  'link.invitation',
  'link.reset',
  'password.change',
  'password.link',
  'session.end',
  'connector.put',
  'connector.delete',
  'connector.token',
  'identity.put',
  'identity.delete',
  'sign-in.refused',
  'key.rotate',
  'token.put',
  'token.delete',
  'setup',
  'demo',
] as const
export type Action = (typeof ACTIONS)[number]

export type Fact = { path: string[]; value: unknown }
export type Difference = { path: string[]; before: unknown; after: unknown }

type Tree = Record<string, unknown>
const isTree = (v: unknown): v is Tree => typeof v === 'object' && v !== null && !Array.isArray(v)

/** What an entry's detail says: fields that changed, and what else stands there. */
export function detailOf(detail: unknown): { changed: Difference[]; facts: Fact[] } {
  if (!isTree(detail))
    return { changed: [], facts: detail === undefined || detail === null ? [] : [{ path: [], value: detail }] }
  const { before, after, ...others } = detail
  const facts = flat(others)
  if (before === undefined && after === undefined) return { changed: [], facts }
  const [a, b] = [new Map(entries(before)), new Map(entries(after))]
  const changed: Difference[] = []
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(key), b.get(key)]
    if (JSON.stringify(x?.value) !== JSON.stringify(y?.value))
      changed.push({ path: x?.path ?? y?.path ?? [], before: x?.value, after: y?.value })
  }
  return { changed, facts }
}

const entries = (v: unknown): [string, Fact][] => flat(v).map((f) => [f.path.join('\n'), f])

/** The leaves of nested values. Entries of lists that have a name, or are of a process, line or code, are told apart by it. */
function flat(v: unknown, path: string[] = []): Fact[] {
  if (isTree(v)) return Object.entries(v).flatMap(([k, x]) => flat(x, [...path, k]))
  if (Array.isArray(v) && v.length > 0) {
    const key = ['name', 'process', 'line', 'code'].find((k) => v.every((x) => isTree(x) && typeof x[k] === 'string'))
    if (key) return v.flatMap(({ [key]: name, ...x }: Tree) => flat(x, [...path, String(name)]))
  }
  return v === undefined || v === null || v === '' ? [] : [{ path, value: v }]
}

/** Who acted: a person, a token, an outside system, or the server itself. */
export function actorOf(actor: string): { kind: 'person' | 'token' | 'connector' | 'system'; id: string } {
  if (!actor) return { kind: 'system', id: '' }
  const [, kind, id = ''] = /^(token|connector)\/(.*)$/.exec(actor) ?? []
  return kind === 'token' || kind === 'connector' ? { kind, id } : { kind: 'person', id: actor }
}

/** What the log is asked for, as the address says it. Days are of the reader's time zone, and until is included. */
export type AuditFilter = {
  person?: string
  actor?: string
  /** How the action begins. */
  action?: string
  text?: string
  since?: Day
  until?: Day
}

/** The same as the server is asked. */
export function auditQuery({ since, until, ...others }: AuditFilter, zone: string) {
  return {
    ...others,
    since: since && instant(since, 0, zone).toISOString(),
    until: until && instant(addDays(until, 1), 0, zone).toISOString(),
  }
}
