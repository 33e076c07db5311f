/** Exchange on the premises: what a form of it sends. Pure. */
import { type Connector, type ConnectorBody, lines } from './connector'
import { decode } from './csv'
import type { Schemas } from './model'

export type Exchange = Schemas['Exchange']

/** How its servers are found. */
export const WAYS = ['address', 'autodiscover'] as const
export const AUTHS = ['ntlm', 'kerberos', 'basic', 'oauth'] as const satisfies Exchange['auth'][]
export const ACCESSES = ['impersonation', 'delegate'] as const satisfies Exchange['access'][]
export const NOTIFIES = ['stream', 'pull', 'none'] as const satisfies Exchange['notify'][]
export const NAMES = ['primary_smtp', 'smtp'] as const satisfies Exchange['names'][]

/** Between two questions, in seconds, where nothing is entered (exchange.go in internal/source/exchange). */
export const PULL_SECONDS = 60
/** Requests at the same time where nothing is entered. */
export const LIMIT = 10

/** What a form holds: lists as texts, and a password that nobody reads. */
export type ExchangeDraft = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
  way: (typeof WAYS)[number]
  domains: string
  kdcs: string
  exchange: Omit<Exchange, 'domains' | 'kdcs'>
}

export const freshExchange: ExchangeDraft = {
  name: '',
  enabled: true,
  secret: '',
  way: 'autodiscover',
  domains: '',
  kdcs: '',
  exchange: { auth: 'ntlm', access: 'impersonation', names: 'primary_smtp', notify: 'stream' },
}

export function exchangeDraft(c: Connector): ExchangeDraft {
  const { domains = [], kdcs = [], ...exchange }: Exchange = c.exchange ?? freshExchange.exchange
  return {
    name: c.name,
    enabled: c.enabled,
    secret: '',
    way: exchange.url ? 'address' : 'autodiscover',
    domains: domains.join('\n'),
    kdcs: kdcs.join('\n'),
    exchange: { ...freshExchange.exchange, ...exchange },
  }
}

/** The fields that a way of signing in needs beside account and password. */
export function signInFields(auth: Exchange['auth']): ('domain' | 'realm' | 'kdcs' | 'spn' | 'token_url' | 'scope')[] {
  if (auth === 'kerberos') return ['domain', 'realm', 'kdcs', 'spn']
  if (auth === 'oauth') return ['token_url', 'scope']
  return auth === 'basic' ? [] : ['domain']
}

/** Whether Exchange tells of changes: to an account with rights on single calendars it does not. */
export const hearsOfChanges = (x: Pick<Exchange, 'access'>) => x.access !== 'delegate'

/** The largest CalendarSyncExchange.config.xml that is sent, in bytes; such files are far smaller (maxBody in internal/api). */
export const CONFIG_MOST = 100_000

/** The text of such a file. What it says of its encoding is left out: it is sent as UTF-8 (JSON). */
export const configText = (file: Uint8Array): string =>
  decode(file).replace(/^(\s*<\?xml\b[^>]*?)\s+encoding\s*=\s*("[^"]*"|'[^']*')/, '$1')

/** What does not apply is not sent: it must not be in force by itself when something else is chosen later. */
export function exchangeBody(d: ExchangeDraft): ConnectorBody {
  const x = d.exchange
  const list = (text: string) => {
    const all = lines(text)
    return all.length ? all : undefined
  }
  const said = (text: string | undefined) => text?.trim() || undefined
  const fields = signInFields(x.auth)
  const asked = <T>(field: (typeof fields)[number], value: T) => (fields.includes(field) ? value : undefined)
  const searched = d.way === 'autodiscover'
  const pulled = hearsOfChanges(x) && x.notify === 'pull'
  return {
    kind: 'exchange',
    name: d.name.trim(),
    enabled: d.enabled,
    secret: d.secret || undefined,
    exchange: {
      url: searched ? undefined : said(x.url),
      domains: searched ? list(d.domains) : undefined,
      autodiscover: searched ? said(x.autodiscover) : undefined,
      web_url: said(x.web_url),
      certificates: said(x.certificates),
      plaintext: x.plaintext || undefined,
      auth: x.auth,
      account: said(x.account),
      domain: asked('domain', said(x.domain)),
      realm: asked('realm', said(x.realm)),
      kdcs: asked('kdcs', list(d.kdcs)),
      spn: asked('spn', said(x.spn)),
      token_url: asked('token_url', said(x.token_url)),
      scope: asked('scope', said(x.scope)),
      access: x.access,
      names: x.names,
      notify: hearsOfChanges(x) ? x.notify : 'none',
      pull_seconds: pulled ? x.pull_seconds || undefined : undefined,
      limit: x.limit || undefined,
    },
  }
}

/** What the server would say too (New in internal/source/exchange), before anything is sent. */
export function exchangeMissing(
  d: ExchangeDraft,
  kept: boolean,
): ('url' | 'domains' | 'account' | 'secret' | 'token_url')[] {
  const all: ReturnType<typeof exchangeMissing> = []
  if (d.way === 'address' && !d.exchange.url?.trim()) all.push('url')
  if (d.way === 'autodiscover' && !lines(d.domains).length) all.push('domains')
  if (!d.exchange.account?.trim()) all.push('account')
  if (!kept && !d.secret) all.push('secret')
  if (d.exchange.auth === 'oauth' && !d.exchange.token_url?.trim()) all.push('token_url')
  return all
}
