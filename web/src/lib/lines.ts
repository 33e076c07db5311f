/** Telephone lines of people: how they are forwarded, in words, and what a form that forwards one sends. Pure. */
import type { TFunction } from 'i18next'
import type { Card, Schemas } from './model'

export type PersonLine = Schemas['PersonLine']
export type LineForwarding = Schemas['LineForwarding']
export type Ability = PersonLine['can'][number]

/** What has a number of its own, in the order of the pages. */
export const TARGETS = ['all', 'internal', 'external', 'busy', 'no_answer'] as const
export type Target = (typeof TARGETS)[number]
export type Numbers = Partial<Record<Target, string>>

/** How a line is forwarded, one part after the other; nothing: it is not. */
export function forwardingParts(f: LineForwarding, t: TFunction): string[] {
  return [
    ...(f.do_not_disturb ? [t('telephone.part.do_not_disturb')] : []),
    ...TARGETS.flatMap((k) => (f[k] ? [t(`telephone.part.${k}`, { to: f[k] })] : [])),
    ...(f.one_number ? [t('telephone.part.one_number', { to: f.one_number })] : []),
  ]
}

export function lineWords(f: LineForwarding, t: TFunction): string {
  const words = forwardingParts(f, t).join(', ') || t('telephone.part.off')
  return words.charAt(0).toLocaleUpperCase() + words.slice(1)
}

/** How a line may be forwarded by hand (F4). */
export const MODES = ['off', 'all', 'internal', 'external', 'unanswered', 'several', 'do_not_disturb'] as const
export type Mode = (typeof MODES)[number]

/** The numbers that go with it, as far as the telephone system can do that. */
export function targetsOf(mode: Mode, can: readonly Ability[]): Target[] {
  const of: Record<Mode, readonly Target[]> = {
    off: [],
    do_not_disturb: [],
    all: ['all'],
    internal: ['internal'],
    external: ['external'],
    unanswered: ['busy', 'no_answer'],
    several: ['internal', 'external', 'busy', 'no_answer'],
  }
  return of[mode].filter((k) => can.includes(k))
}

/** The name of a mode among the messages: where busy or no answer is all there is, it goes by that. */
export function modeName(mode: Mode, can: readonly Ability[]): Mode | 'busy' | 'no_answer' {
  const [only, more] = mode === 'unanswered' ? targetsOf(mode, can) : []
  return more === undefined && (only === 'busy' || only === 'no_answer') ? only : mode
}

/** What the telephone system cannot do is not offered. */
export function modesFor(can: readonly Ability[]): Mode[] {
  if (!can.length) return []
  return MODES.filter((m) => {
    if (m === 'off') return true
    if (m === 'do_not_disturb') return can.includes('do_not_disturb')
    const targets = targetsOf(m, can)
    // What stands alone is there already.
    if (m === 'several') return targets.length > 1 && targets.some((k) => k === 'internal' || k === 'external')
    return targets.length > 0
  })
}

/** As which of them a line is forwarded; undefined: as none of them alone. */
export function modeOf(f: LineForwarding, can: readonly Ability[]): Mode | undefined {
  const said = TARGETS.filter((k) => f[k])
  if (f.do_not_disturb) return said.length ? undefined : 'do_not_disturb'
  if (!said.length) return 'off'
  return modesFor(can).find((m) => {
    const targets = targetsOf(m, can)
    return targets.length > 0 && said.every((k) => targets.includes(k))
  })
}

/** What a form holds: what is chosen, and the numbers as far as they are entered. */
export type HandDraft = { mode: Mode | undefined; numbers: Numbers }

export const handDraft = (line: Pick<PersonLine, 'reported' | 'can'>): HandDraft => {
  const f = line.reported
  return {
    mode: f && modeOf(f, line.can),
    numbers: f ? Object.fromEntries(TARGETS.flatMap((k) => (f[k] ? [[k, f[k]]] : []))) : {},
  }
}

/** Which numbers are missing: all of them if there is none. */
export function numbersMissing({ mode, numbers }: HandDraft, can: readonly Ability[]): Target[] {
  const targets = mode ? targetsOf(mode, can) : []
  return targets.some((k) => numbers[k]?.trim()) ? [] : targets
}

export function handBody(
  line: Pick<PersonLine, 'connector' | 'line' | 'can'>,
  { mode, numbers }: HandDraft,
): Schemas['ForwardingInputBody'] {
  const body: Schemas['ForwardingInputBody'] = { connector: line.connector, line: line.line }
  if (mode === 'do_not_disturb') return { ...body, do_not_disturb: true }
  for (const k of mode ? targetsOf(mode, line.can) : []) {
    const number = numbers[k]?.trim()
    if (number) body[k] = number
  }
  return body
}

export type LineState = 'unknown' | 'failed' | 'refused' | 'alone' | 'changing' | 'settled'

/** How far a line is what presence asks for. */
export function lineState(l: PersonLine): LineState {
  if (l.problem) return 'failed'
  if (!l.reported) return 'unknown'
  if (!l.follows) return 'alone'
  if (l.refusal) return 'refused'
  return l.wanted && !l.settled ? 'changing' : 'settled'
}

/** Numbers of somebody that calls can go to, the one that is most used first. */
export const numbersOf = (card: Pick<Card, 'mobile_number' | 'home_number'> & { voicemail_number?: string }) =>
  (
    [
      ['mobile', card.mobile_number],
      ['home', card.home_number],
      ['voicemail', card.voicemail_number],
    ] as const
  ).flatMap(([kind, number]) => (number ? [{ kind, number }] : []))

/** How the lines of a scope are forwarded. */
export const FORWARD_WAYS = ['off', 'system', 'server'] as const
export type ForwardWay = (typeof FORWARD_WAYS)[number]

export const wayOf = ({ connector, forwarding }: Schemas['Telephony']): ForwardWay =>
  !forwarding ? 'off' : forwarding === connector ? 'system' : 'server'

type System = Pick<Schemas['System'], 'id' | 'forwards' | 'lines' | 'kind'>

/** The systems that lines may be in, and those that are asked where a call goes. */
export const havingLines = <S extends System>(systems: readonly S[]) => systems.filter((s) => s.lines)
export const redirecting = <S extends System>(systems: readonly S[]) =>
  systems.filter((s) => s.forwards && s.kind === 'sip_server')

/** A telephony section with another way of forwarding; where there is one server only, it is chosen. */
export function withWay(
  value: Schemas['Telephony'],
  way: ForwardWay,
  systems: readonly System[],
): Schemas['Telephony'] {
  if (way === wayOf(value)) return value
  const { forwarding: _, ...others } = value
  if (way === 'off') return others
  if (way === 'system') return { ...others, forwarding: value.connector }
  return { ...others, forwarding: redirecting(systems)[0]?.id }
}

/** A telephony section with another telephone system; lines that the one before forwarded are forwarded by it if it can. */
export function withSystem(
  value: Schemas['Telephony'],
  connector: string | undefined,
  systems: readonly System[],
): Schemas['Telephony'] {
  const { connector: _, forwarding, ...others } = value
  const next = { ...others, ...(connector && { connector }) }
  if (wayOf(value) !== 'system') return { ...next, ...(forwarding && { forwarding }) }
  return systems.some((s) => s.id === connector && s.forwards) ? { ...next, forwarding: connector } : next
}

// Desk telephones

export type TelephoneServer = Schemas['TelephoneServer']

/** Where a telephone signs in: the name or address, and by which transport at which port. */
export function serverAddresses(s: TelephoneServer, here: string): { host: string; at: string[] } {
  const at = s.addresses.flatMap((a) => {
    const [, transport, port] = /^(udp|tcp|tls):.*:(\d+)$/.exec(a) ?? []
    return transport && port ? [`${transport.toUpperCase()} ${port}`] : []
  })
  return { host: s.host ?? here, at: [...new Set(at)] }
}

/** A number as it stands in an address; anything else stays as it is. */
const dialled = (user: string) => (/^[+\d\s()/.-]+$/.test(user) ? user.replace(/[^+\d]/g, '') : user)

/** What a telephone's key subscribes to. A port that is not the usual one belongs to it where there is no domain. */
export function keyAddress(s: Omit<TelephoneServer, 'name'>, here: string, user: string): string {
  const [first = ''] = s.addresses
  const port = /:(\d+)$/.exec(first)?.[1]
  const unusual = port && port !== (first.startsWith('tls:') ? '5061' : '5060')
  return `sip:${dialled(user)}@${s.domains[0] ?? `${s.host ?? here}${unusual ? `:${port}` : ''}`}`
}

const UMLAUTS: Record<string, string> = { ä: 'ae', ö: 'oe', ü: 'ue', ß: 'ss' }

const slug = (name: string) =>
  name
    .toLowerCase()
    .replace(/[äöüß]/g, (c) => UMLAUTS[c] ?? c)
    .replace(/[^\p{L}\p{Nd}]+/gu, '-')
    .replace(/^-|-$/g, '')

/** The address of the list of favourites, and those of groups (slug in internal/telephones/presence.go). */
export const FAVOURITES = 'favourites'

export function groupAddresses(groups: readonly { name: string }[]): { name: string; address: string }[] {
  const taken = new Map([[FAVOURITES, 1]])
  return groups.flatMap(({ name }) => {
    const plain = slug(name)
    const n = (taken.get(plain) ?? 0) + 1
    taken.set(plain, n)
    return plain ? [{ name, address: n > 1 ? `${plain}-${n}` : plain }] : []
  })
}
