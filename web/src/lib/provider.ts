/** Sign-in providers: what a form of one sends, and why one does not let somebody in. Pure. */
import { type Connector, type ConnectorBody, lines } from './connector'
import type { Schemas } from './model'

export type OIDC = Schemas['OIDC']

/** What a form holds of a provider: scopes as one text, and a secret that nobody reads. */
export type ProviderDraft = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
  forget: boolean
  scopes: string
  oidc: Omit<OIDC, 'scopes'>
}

export const MATCHES = ['login', 'email', 'directory'] as const satisfies OIDC['match'][]

export const freshProvider: ProviderDraft = {
  name: '',
  enabled: true,
  secret: '',
  forget: false,
  scopes: '',
  oidc: { issuer: '', client_id: '', match: 'login' },
}

export function providerDraft(c: Connector): ProviderDraft {
  const { scopes = [], ...oidc }: OIDC = c.oidc ?? freshProvider.oidc
  return { name: c.name, enabled: c.enabled, secret: '', forget: false, scopes: scopes.join(' '), oidc }
}

/** The claim that is compared if none is entered (claim in internal/connector/oidc.go). */
export const usualClaim = (match: OIDC['match']) =>
  ({ login: 'preferred_username', email: 'email', directory: 'sub' })[match]

const claimOf = (o: Pick<OIDC, 'match' | 'claim'>) => o.claim?.trim() || usualClaim(o.match)

/** Whether it is an email address that is compared, which may be anybody's unless it was verified. */
export const comparesEmail = (o: Pick<OIDC, 'match' | 'claim'>) => claimOf(o) === 'email'

/** What does not apply is not sent: it must not be in force by itself when something else is chosen later. */
export function providerBody(d: ProviderDraft): ConnectorBody {
  const { oidc } = d
  const scopes = lines(d.scopes)
  const directory = oidc.match === 'directory'
  return {
    kind: 'oidc',
    name: d.name.trim(),
    enabled: d.enabled,
    secret: d.forget ? '' : d.secret || undefined,
    oidc: {
      issuer: oidc.issuer.trim(),
      client_id: oidc.client_id.trim(),
      scopes: scopes.length ? scopes : undefined,
      match: oidc.match,
      claim: oidc.claim?.trim() || undefined,
      directory: directory ? oidc.directory : undefined,
      unverified_email: (comparesEmail(oidc) && oidc.unverified_email) || undefined,
      administrators: (!directory && oidc.administrators) || undefined,
      session_hours: oidc.session_hours || undefined,
    },
  }
}

/** Why somebody is not let in (the Refused constants in internal/connector/oidc.go). */
export const REFUSALS = [
  'denied',
  'expired',
  'provider',
  'unknown',
  'blocked',
  'ambiguous',
  'unverified',
  'other',
  'admin',
  'switchedoff',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** The address that leads to a provider's pages, and from there back to a page of this client. */
export function wayTo(path: string, to: string | undefined, connect = false): string {
  const query = [connect ? 'connect' : '', to ? `to=${encodeURIComponent(to)}` : ''].filter(Boolean).join('&')
  return query ? `${path}?${query}` : path
}
