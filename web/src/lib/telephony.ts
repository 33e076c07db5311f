/** Telephone systems: what forms of them send. Pure. */
import type { Connector, ConnectorBody, Kind } from './connector'
import type { Schemas } from './model'

export type Asterisk = Schemas['Asterisk']
export type CSTA = Schemas['CSTA']
export type SIP = Schemas['SIP']
export type Ability = Schemas['PersonLine']['can'][number]

export const TELEPHONE_KINDS = ['asterisk', 'csta', 'sip', 'sip_server'] as const satisfies readonly Kind[]
export type TelephoneKind = (typeof TELEPHONE_KINDS)[number]

export const telephoneKind = (kind: unknown): TelephoneKind | undefined => TELEPHONE_KINDS.find((k) => k === kind)

/** What stands in a text, one in a line: numbers have spaces in them. */
export const rows = (text: string) =>
  text
    .split('\n')
    .map((x) => x.trim())
    .filter(Boolean)

const list = (text: string) => {
  const all = rows(text)
  return all.length ? all : undefined
}
const shown = (all: readonly string[] | undefined) => (all ?? []).join('\n')
const said = (text: string | undefined) => text?.trim() || undefined

type Common = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
}
const fresh: Common = { name: '', enabled: true, secret: '' }
const common = (c: Connector): Common => ({ name: c.name, enabled: c.enabled, secret: '' })
const sent = (d: Common) => ({ name: d.name.trim(), enabled: d.enabled, secret: d.secret || undefined })

// Asterisk

/** The lists of an Asterisk's families, and the others: texts. */
export const FAMILIES = ['do_not_disturb', 'all', 'busy', 'no_answer'] as const
export const STATES = ['do_not_disturb_states', 'all_states'] as const

/** As FreePBX has them (families in internal/telephony/ami). */
export const FAMILY_USUAL: Record<(typeof FAMILIES)[number], string> = {
  do_not_disturb: 'DND',
  all: 'CF',
  busy: 'CFB',
  no_answer: 'CFU',
}
export const STATES_USUAL: Record<(typeof STATES)[number], string[]> = {
  do_not_disturb_states: ['Custom:DND{line}', 'Custom:DEVDND{device}'],
  all_states: ['Custom:CF{line}', 'Custom:DEVCF{device}'],
}

export type AsteriskDraft = Common & {
  asterisk: Omit<Asterisk, 'devices' | 'prefixes' | 'internal' | 'families'>
  devices: string
  prefixes: string
  internal: string
  families: Record<(typeof FAMILIES)[number] | (typeof STATES)[number], string>
}

const noFamilies = { do_not_disturb: '', all: '', busy: '', no_answer: '', do_not_disturb_states: '', all_states: '' }

export const freshAsterisk: AsteriskDraft = {
  ...fresh,
  asterisk: { host: '', username: '', auth: 'md5', forwarding: 'none' },
  devices: '',
  prefixes: '',
  internal: '',
  families: noFamilies,
}

/** Where its manager listens if nothing is entered. */
export const managerPort = (x: Pick<Asterisk, 'tls'>) => (x.tls ? 5039 : 5038)

export function asteriskDraft(c: Connector): AsteriskDraft {
  const { devices, prefixes, internal, families, ...asterisk }: Asterisk = c.asterisk ?? freshAsterisk.asterisk
  return {
    ...common(c),
    asterisk: { ...freshAsterisk.asterisk, ...asterisk },
    devices: shown(devices),
    prefixes: shown(prefixes),
    internal: shown(internal),
    families: {
      ...noFamilies,
      ...families,
      do_not_disturb_states: shown(families?.do_not_disturb_states),
      all_states: shown(families?.all_states),
    },
  }
}

/** What is empty, or does not apply, is absent. */
export function asteriskBody(d: AsteriskDraft): ConnectorBody {
  const { asterisk: x, families: f } = d
  const families = {
    ...Object.fromEntries(FAMILIES.map((k) => [k, said(f[k])])),
    ...Object.fromEntries(STATES.map((k) => [k, list(f[k])])),
  }
  const forwards = x.forwarding !== 'none'
  return {
    kind: 'asterisk',
    ...sent(d),
    asterisk: {
      host: x.host.trim(),
      port: x.port || undefined,
      tls: x.tls || undefined,
      certificates: x.tls ? said(x.certificates) : undefined,
      username: x.username.trim(),
      auth: x.auth,
      plaintext: (x.auth === 'plain' && !x.tls && x.plaintext) || undefined,
      context: said(x.context),
      devices: list(d.devices),
      prefixes: list(d.prefixes),
      internal: list(d.internal),
      forwarding: x.forwarding,
      families: forwards && Object.values(families).some((v) => v !== undefined) ? families : undefined,
    },
  }
}

/** What the server would say too (New in internal/telephony/ami), before anything is sent. */
export function asteriskMissing(d: AsteriskDraft, kept: boolean): ('host' | 'username' | 'secret')[] {
  const all: ReturnType<typeof asteriskMissing> = []
  if (!d.asterisk.host.trim()) all.push('host')
  if (!d.asterisk.username.trim()) all.push('username')
  if (!kept && !d.secret) all.push('secret')
  return all
}

// CSTA

export const SESSIONS = ['session', 'register', 'none'] as const satisfies readonly CSTA['session'][]
export const EDITIONS = ['ed2', 'ed3', 'ed4', 'ed5', 'ed6'] as const satisfies readonly CSTA['edition'][]
/** What a CSTA system may be able to do, in the order of the pages. */
export const CAN_SET = [
  'all',
  'internal',
  'external',
  'busy',
  'no_answer',
  'do_not_disturb',
] as const satisfies NonNullable<CSTA['forwarding']>

export type CSTADraft = Common & {
  csta: Omit<CSTA, 'prefixes' | 'internal' | 'forwarding'>
  prefixes: string
  internal: string
  forwarding: NonNullable<CSTA['forwarding']>
}

export const freshCSTA: CSTADraft = {
  ...fresh,
  csta: { host: '', port: 0, session: 'session', edition: 'ed4' },
  prefixes: '',
  internal: '',
  forwarding: [],
}

export function cstaDraft(c: Connector): CSTADraft {
  const { prefixes, internal, forwarding, ...csta }: CSTA = c.csta ?? freshCSTA.csta
  return {
    ...common(c),
    csta: { ...freshCSTA.csta, ...csta },
    prefixes: shown(prefixes),
    internal: shown(internal),
    forwarding: CAN_SET.filter((a) => forwarding?.includes(a)),
  }
}

/** Whether calls are told apart when a line is busy or does not answer. */
const setsUnanswered = (forwarding: CSTADraft['forwarding']) =>
  forwarding.includes('busy') || forwarding.includes('no_answer')

export function cstaBody(d: CSTADraft): ConnectorBody {
  const x = d.csta
  return {
    kind: 'csta',
    ...sent(d),
    csta: {
      host: x.host.trim(),
      port: x.port,
      tls: x.tls || undefined,
      certificates: x.tls ? said(x.certificates) : undefined,
      session: x.session,
      application: x.session === 'none' ? undefined : said(x.application),
      edition: x.edition,
      username: x.session === 'session' ? said(x.username) : undefined,
      device: said(x.device),
      prefixes: list(d.prefixes),
      internal: list(d.internal),
      forwarding: d.forwarding.length ? d.forwarding : undefined,
      split: (setsUnanswered(d.forwarding) && x.split) || undefined,
    },
  }
}

/** What the server would say too (New in internal/telephony/csta), before anything is sent. */
export function cstaMissing(d: CSTADraft): ('host' | 'port')[] {
  const all: ReturnType<typeof cstaMissing> = []
  if (!d.csta.host.trim()) all.push('host')
  if (!d.csta.port) all.push('port')
  return all
}

// SIP

export const TRANSPORTS = ['udp', 'tcp', 'tls'] as const satisfies readonly SIP['transport'][]
/** Where nothing is entered (sipline.go in internal/telephony/sipline). */
export const EXPIRES_MINUTES = 10
export const RATE = 20
export const INTERNAL_DIGITS = 5

export type SIPDraft = Common & {
  sip: Omit<SIP, 'numbers' | 'internal'>
  numbers: string
  internal: string
}

export const freshSIP: SIPDraft = { ...fresh, sip: { server: '', transport: 'udp' }, numbers: '', internal: '' }

export function sipDraft(c: Connector): SIPDraft {
  const { numbers, internal, ...sip }: SIP = c.sip ?? freshSIP.sip
  return { ...common(c), sip: { ...freshSIP.sip, ...sip }, numbers: shown(numbers), internal: shown(internal) }
}

export function sipBody(d: SIPDraft): ConnectorBody {
  const x = d.sip
  const secure = x.transport === 'tls'
  return {
    kind: 'sip',
    ...sent(d),
    sip: {
      server: x.server.trim(),
      transport: x.transport,
      certificates: secure ? said(x.certificates) : undefined,
      server_name: secure ? said(x.server_name) : undefined,
      domain: said(x.domain),
      username: said(x.username),
      auth_name: said(x.auth_name),
      numbers: list(d.numbers),
      internal: list(d.internal),
      internal_digits: x.internal_digits || undefined,
      expires_minutes: x.expires_minutes || undefined,
      rate: x.rate || undefined,
    },
  }
}

export const sipMissing = (d: SIPDraft): 'server'[] => (d.sip.server.trim() ? [] : ['server'])

// What tells one from another in a list

/** Where a telephone system is, in a few characters. */
export function whereIs(c: Pick<Connector, 'kind' | 'asterisk' | 'csta' | 'sip' | 'sip_server'>): string | undefined {
  switch (c.kind) {
    case 'asterisk':
      return c.asterisk && `${c.asterisk.host}:${c.asterisk.port || managerPort(c.asterisk)}`
    case 'csta':
      return c.csta && `${c.csta.host}:${c.csta.port}`
    case 'sip':
      return c.sip?.server
    case 'sip_server':
      return c.sip_server?.host ?? c.sip_server?.listen.join(', ')
    default:
      return undefined
  }
}

// Doorlight as a SIP server

export type SIPServer = Schemas['SIPServer']

export type SIPServerDraft = Omit<Common, 'secret'> & {
  listen: string
  host: string
  domains: string
  trusted: string
  internal: string
  lamp_for_busy: boolean
  desk: string
  outside: string
  confirm: string
}

export const freshSIPServer: SIPServerDraft = {
  name: '',
  enabled: true,
  listen: 'udp:0.0.0.0:5060\ntcp:0.0.0.0:5060',
  host: '',
  domains: '',
  trusted: '',
  internal: '',
  lamp_for_busy: false,
  desk: '',
  outside: '',
  confirm: '',
}

export function sipServerDraft(c: Connector): SIPServerDraft {
  const x = c.sip_server
  return {
    name: c.name,
    enabled: c.enabled,
    listen: shown(x?.listen),
    host: x?.host ?? '',
    domains: shown(x?.domains),
    trusted: shown(x?.trusted),
    internal: shown(x?.internal),
    lamp_for_busy: x?.lamp_for_busy === true,
    desk: x?.desk ?? '',
    outside: x?.outside ?? '',
    confirm: x?.confirm ?? '',
  }
}

export function sipServerBody(d: SIPServerDraft): ConnectorBody {
  return {
    kind: 'sip_server',
    name: d.name.trim(),
    enabled: d.enabled,
    sip_server: {
      listen: rows(d.listen),
      host: said(d.host),
      domains: list(d.domains),
      trusted: list(d.trusted),
      internal: list(d.internal),
      lamp_for_busy: d.lamp_for_busy || undefined,
      desk: said(d.desk),
      outside: said(d.outside),
      confirm: said(d.confirm),
    },
  }
}

/** What the server would say too (Check in internal/telephones/settings.go), before anything is sent. */
export function sipServerMissing(d: SIPServerDraft): ('listen' | 'desk')[] {
  const all: ReturnType<typeof sipServerMissing> = []
  if (!rows(d.listen).length) all.push('listen')
  if (!d.desk.trim() && (d.outside.trim() || rows(d.trusted).length)) all.push('desk')
  return all
}
