/** How the parts of the server are doing, for people. Pure. */
import type { Kind } from './connector'
import type { Schemas } from './model'
import { TELEPHONE_KINDS } from './telephony'

export type Health = Schemas['Health']
export type Part = Schemas['Part']
export type PartState = Part['state']

const URGENCY: PartState[] = ['failing', 'waiting', 'ok', 'off']

/** What fails comes first, what is switched off last; otherwise as the server lists them. */
export const ordered = (parts: readonly Part[]): Part[] =>
  parts.toSorted((a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state))

export const failing = (h: Pick<Health, 'parts'> | undefined): number =>
  h?.parts.filter((p) => p.state === 'failing').length ?? 0

export type Lag = { unit: 'seconds' | 'minutes' | 'hours' | 'days'; count: number }

/** How far behind something is, in the largest unit of which there are two; of the smallest one is enough. */
export function lagOf(seconds: number): Lag {
  if (seconds < 60) return { unit: 'seconds', count: Math.max(0, Math.round(seconds)) }
  if (seconds < 120 * 60) return { unit: 'minutes', count: Math.round(seconds / 60) }
  if (seconds < 48 * 3600) return { unit: 'hours', count: Math.round(seconds / 3600) }
  return { unit: 'days', count: Math.round(seconds / 86_400) }
}

/** The kind of connector that a part is of; undefined: it is a part of the server itself. */
export function connectorKind(p: Part): Kind | undefined {
  if (p.id && p.kind === 'teams') return 'graph'
  return p.id
    ? (['ldap', 'oidc', 'scim', 'webhook', 'exchange', 'graph', 'domino', ...TELEPHONE_KINDS] as const).find(
        (k) => k === p.kind,
      )
    : undefined
}

/** When the end of a certificate is worth a word (soonExpired in internal/api/health.go). */
const SOON = 14 * 86_400_000

export function certificateEnd(expires: string, now: Date): 'expired' | 'soon' | 'good' {
  const left = new Date(expires).getTime() - now.getTime()
  return left <= 0 ? 'expired' : left < SOON ? 'soon' : 'good'
}
