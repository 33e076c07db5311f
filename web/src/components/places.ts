import type { Kind } from '../lib/connector'
import { administersAll, type Me } from '../lib/model'

/** The administration pages, for the navigation and for where it has no room. */
export const ADMIN_PLACES = [
  { to: '/admin/locations', name: 'locations', also: '/admin/scopes' },
  { to: '/admin/people', name: 'people' },
  { to: '/admin/groups', name: 'groups' },
  { to: '/admin/system/directories', name: 'system', also: '/admin/system' },
  { to: '/admin/audit', name: 'audit' },
] as const

export type AdminPlace = (typeof ADMIN_PLACES)[number]

/** The pages of the system settings, by what they are about. */
export const SYSTEM_PLACES = [
  {
    group: 'people',
    places: [
      { to: '/admin/system/directories', name: 'directories' },
      { to: '/admin/system/providers', name: 'providers' },
      { to: '/admin/system/provisioning', name: 'provisioning' },
    ],
  },
  {
    group: 'calendars',
    places: [
      { to: '/admin/system/exchange', name: 'exchange' },
      { to: '/admin/system/graph', name: 'graph' },
      { to: '/admin/system/domino', name: 'domino' },
    ],
  },
  { group: 'telephones', places: [{ to: '/admin/system/telephony', name: 'telephony' }] },
  {
    group: 'programs',
    places: [
      { to: '/admin/system/webhooks', name: 'webhooks' },
      { to: '/admin/system/tokens', name: 'tokens' },
    ],
  },
  { group: 'server', places: [{ to: '/admin/system/health', name: 'health' }] },
] as const

const TELEPHONY = {
  name: 'telephony',
  to: '/admin/system/telephony',
  one: '/admin/system/telephony/$connector',
} as const

/** Where outside systems of each kind are listed, where one of them is, and the name of both in the messages. */
export const CONNECTOR_PLACES = {
  ldap: { name: 'directories', to: '/admin/system/directories', one: '/admin/system/directories/$connector' },
  oidc: { name: 'providers', to: '/admin/system/providers', one: '/admin/system/providers/$connector' },
  scim: { name: 'provisioning', to: '/admin/system/provisioning', one: '/admin/system/provisioning/$connector' },
  webhook: { name: 'webhooks', to: '/admin/system/webhooks', one: '/admin/system/webhooks/$connector' },
  exchange: { name: 'exchange', to: '/admin/system/exchange', one: '/admin/system/exchange/$connector' },
  graph: { name: 'graph', to: '/admin/system/graph', one: '/admin/system/graph/$connector' },
  domino: { name: 'domino', to: '/admin/system/domino', one: '/admin/system/domino/$connector' },
  asterisk: TELEPHONY,
  csta: TELEPHONY,
  sip: TELEPHONY,
  sip_server: TELEPHONY,
} as const satisfies Record<Kind, { name: string; to: string; one: string }>

/** The pages that a role has. */
export const adminPlaces = (role: Me['role']) => ADMIN_PLACES.filter((p) => administersAll(role) || p.name !== 'system')

/** Whether a path is of a page, or of one below it. */
export function isAt(place: { to: string; also?: string }, path: string): boolean {
  const below = (to: string | undefined) => to !== undefined && (path === to || path.startsWith(`${to}/`))
  return below(place.to) || below(place.also)
}
