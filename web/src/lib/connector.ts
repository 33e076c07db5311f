/** Outside systems: how one is doing, and what a form of their settings sends. Pure. */
import type { Schemas } from './model'

export type Connector = Schemas['Connector']
export type Kind = Connector['kind']
export type ConnectorBody = Schemas['ConnectorBody']
export type LDAP = Schemas['LDAP']
export type Place = Schemas['Place']

export type State = 'running' | 'off' | 'failed' | 'never' | 'good'

/** When it last went well: an application may be used for Microsoft Teams only. */
export const lastGood = (c: Pick<Connector, 'succeeded_at' | 'teams'>): string | undefined =>
  c.succeeded_at ?? c.teams?.succeeded_at

export function stateOf(c: Pick<Connector, 'enabled' | 'running' | 'error' | 'succeeded_at' | 'teams'>): State {
  if (c.running) return 'running'
  if (!c.enabled) return 'off'
  if (c.error) return 'failed'
  return lastGood(c) ? 'good' : 'never'
}

/** The steps of checks that have words. */
export const STEPS = [
  'name',
  'connection',
  'encryption',
  'account',
  'base',
  'people',
  'attributes',
  'groups',
  'referrals',
  'discovery',
  'flow',
  'keys',
  'client',
  'logout',
  'call',
  'person',
  // Of systems that hold calendars.
  'autodiscover',
  'version',
  'sign_in',
  'access',
  'view',
  'calendar',
  'notifications',
  'throttling',
  'login',
  'graph',
  'token',
  'credential',
  'permissions',
  'directory',
  'mailbox',
  'server',
  'tls',
  'service',
  'mailfile',
  // Of Microsoft Teams.
  'read-permission',
  'write-permission',
  'user',
  'read',
  'write',
  'consent',
  // Of telephone systems.
  'session',
  'line',
  'lines',
  'calls',
  'forwarding',
  'rights',
  'ready',
  'connect',
  'answer',
  'state',
  'listen',
  'desk',
] as const

/** What a form holds of a connector: addresses as one text, and a password that nobody reads. */
export type Draft = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
  forget: boolean
  urls: string
  ldap: Omit<LDAP, 'urls'>
}

export const fresh = (location: string): Draft => ({
  name: '',
  enabled: true,
  secret: '',
  forget: false,
  urls: '',
  ldap: { base: '', server: 'auto', places: [{ location }], every_minutes: 60, sign_in: true },
})

export function draftOf(c: Connector): Draft {
  const { urls = [], ...ldap } = c.ldap ?? { base: '', server: 'auto' as const, places: [] }
  return { name: c.name, enabled: c.enabled, secret: '', forget: false, urls: urls.join('\n'), ldap }
}

/** What stands in a text, apart by spaces, commas or lines. */
export const lines = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((x) => x.trim())
    .filter(Boolean)

/** A place as it is sent: what is empty is absent. */
export const placeOf = (p: Place): Place => ({
  location: p.location,
  group: p.group || undefined,
  member: p.member?.trim() || undefined,
})

/** What is empty is absent, and a secret that is not entered stays as it is. */
export function bodyOf(d: Draft): ConnectorBody {
  const kept = Object.entries(d.ldap).flatMap(([k, v]) => {
    const said = typeof v === 'string' ? v.trim() : v
    return said === '' || said === false || said === undefined ? [] : [[k, said] as const]
  })
  const attributes = Object.entries(d.ldap.attributes ?? {}).flatMap(([k, v]) => (v.trim() ? [[k, v.trim()]] : []))
  const ldap = {
    ...Object.fromEntries(kept),
    base: d.ldap.base.trim(),
    urls: lines(d.urls),
    attributes: attributes.length ? Object.fromEntries(attributes) : undefined,
    places: d.ldap.places.map(placeOf),
  } as LDAP
  return { kind: 'ldap', name: d.name.trim(), enabled: d.enabled, secret: d.forget ? '' : d.secret || undefined, ldap }
}

/** What the server would say too (check in internal/connector/ldap.go), before anything is sent. */
export function missing(d: Draft): ('name' | 'ldap.urls' | 'ldap.base')[] {
  const all: ReturnType<typeof missing> = []
  if (!d.name.trim()) all.push('name')
  if (!lines(d.urls).length) all.push('ldap.urls')
  if (!d.ldap.base.trim()) all.push('ldap.base')
  return all
}

/** The place, from 1, that takes everybody before place i is asked; 0: none. */
export function reachedBefore(places: readonly Place[], i: number): number {
  return places.findIndex((p, n) => n < i && !p.member?.trim()) + 1
}

export const ATTRIBUTES = [
  'id',
  'login',
  'upn',
  'name',
  'email',
  'work_number',
  'mobile_number',
  'home_number',
] as const

/** The usual names of attributes (fill in internal/directory/config.go). */
export function usual(server: LDAP['server'], field: (typeof ATTRIBUTES)[number]): string {
  const names = {
    id: ['entryUUID', 'objectGUID'],
    login: ['uid', 'sAMAccountName'],
    upn: ['', 'userPrincipalName'],
    name: ['displayName', 'displayName'],
    email: ['mail', 'mail'],
    work_number: ['telephoneNumber', 'telephoneNumber'],
    mobile_number: ['mobile', 'mobile'],
    home_number: ['homePhone', 'homePhone'],
  }[field]
  const [open = '', active = ''] = names
  if (server === 'active_directory') return active
  if (server === 'openldap') return open
  return [...new Set([open, active])].filter(Boolean).join(' / ')
}

/** How many people a synchronisation that was refused would have blocked; 0 if it was not refused for that. */
export function unusual(job: { unusual?: boolean; report?: Schemas['Report'] }): number {
  return job.unusual ? (job.report?.blocked ?? 0) : 0
}
