/** Turns an explanation of the server into sentences. Pure but for the words, which come from the message files. */
import type { TFunction } from 'i18next'
import { clientLabel } from './client-label'
import type { Coming, Presence, Reason } from './model'
import { shipped } from './shipped'
import { type Clock, ending, interval, moment } from './time'

export const OUTCOMES = [
  'won',
  'laid_over',
  'line_weaker',
  'weaker_layer',
  'weaker_in_layer',
  'not_yet',
  'over',
  'lease_over',
  'dismissed_by_choice',
  'dismissed_by_hand',
  'shielded',
  'same_call',
  'in_use',
  'other_in_use',
  'too_soon',
  'base_differs',
  'switched_off',
  'note',
  'not_ranked',
] as const satisfies readonly Reason['outcome'][]

/** By what a claim loses to another of its layer (package presence, Criterion). */
export const CRITERIA = ['kind', 'choice', 'out_of_office', 'timed', 'show_as', 'newest', 'id'] as const

/** Kinds of sources (package presence, Source). */
export const SOURCES = [
  'hand',
  'assistant',
  'start',
  'end',
  'client',
  'api',
  'calendar',
  'teams',
  'microphone',
  'line',
  'mark',
] as const satisfies readonly Reason['source'][]

export type Asked = { self: boolean; name: string; now: Date; clock: Clock }

function known<T extends string>(list: readonly T[], word: string | undefined): T | undefined {
  return list.find((x) => x === word)
}

/** What somebody is, in a few words: the status, with profile or text where they say more. */
export function words(p: Pick<Presence, 'status' | 'text' | 'profile'>, t: TFunction): string {
  const status = p.status ? t(`status.${p.status}`) : ''
  const more = [p.profile, p.text].map((x) => shipped(x ?? '', t)).filter((x) => x !== '' && x !== status)
  const unique = more.filter((x, i) => more.indexOf(x) === i)
  return unique.length ? `${status} – ${unique.join(', ')}` : status
}

/** The same where there is little room: the text says more than the name of a profile does. */
export function shortWords(p: Pick<Presence, 'status' | 'text' | 'profile'>, t: TFunction): string {
  return words({ status: p.status, text: p.text || p.profile }, t)
}

/** Names a claim, as the heading of its row. */
export function claimName(r: Pick<Reason, 'source' | 'ref' | 'text' | 'profile' | 'label'>, t: TFunction): string {
  const source = known(SOURCES, r.source)
  const kind = source ? t(`why.source.${source}`) : t('why.source.other', { source: r.source })
  switch (source) {
    case 'calendar':
    case 'teams':
    case 'microphone':
      return r.text && r.text !== r.profile ? `${kind}: ${r.text}` : kind
    case 'client':
      return r.label ? `${kind}: ${clientLabel(r.label, t)}` : kind
    case 'api': {
      const origin = originOf(r.ref)
      return origin ? `${kind}: ${origin}` : kind
    }
    default:
      return kind
  }
}

/** The origin's label in a ref like api/access-control#1; empty where it is not for the viewer to see. */
function originOf(ref: string): string {
  return /^api\/([^#]+)/.exec(ref)?.[1] ?? ''
}

/** The winner, in one plain sentence. */
export function winnerSentence(r: Reason, asked: Asked, t: TFunction): string {
  const source = known(SOURCES, r.source)
  const values = {
    context: asked.self ? 'self' : undefined,
    name: asked.name,
    what: words({ status: r.status, text: r.text, profile: r.profile }, t),
    from: r.from ? moment(new Date(r.from), asked.now, asked.clock) : '',
    until: r.until ? ending(new Date(r.until), asked.now, asked.clock) : '',
    text: r.text ?? '',
    origin: originOf(r.ref),
  }
  if (!source || source === 'line' || source === 'mark') return t('why.winner.other', values)
  if (source === 'client') return t(r.activity === 'locked' ? 'why.winner.locked' : 'why.winner.client', values)
  if (r.until && (source === 'hand' || source === 'assistant' || source === 'calendar')) {
    return t(`why.winner.${source}_until`, values)
  }
  if (source === 'api' && !values.origin) return t('why.winner.api_unnamed', values)
  return t(`why.winner.${source}`, values)
}

/** Why a claim that is not the winner does not decide. */
export function lostSentence(r: Reason, all: readonly Reason[], asked: Asked, t: TFunction): string {
  const outcome = known(OUTCOMES, r.outcome)
  if (!outcome) return ''
  const by = all.find((x) => r.by !== undefined && x.ref === r.by && (!r.by_source || x.source === r.by_source))
  const bySource = known(SOURCES, r.by_source)
  const values = {
    by: by ? claimName(by, t) : bySource ? t(`why.source.${bySource}`) : t('why.another'),
    name: asked.name,
    from: r.from ? moment(new Date(r.from), asked.now, asked.clock) : '',
    until: r.until ? ending(new Date(r.until), asked.now, asked.clock) : '',
    lease: r.lease ? moment(new Date(r.lease), asked.now, asked.clock) : '',
  }
  if (outcome === 'weaker_in_layer') {
    return t(`why.criterion.${known(CRITERIA, r.criterion) ?? 'none'}`, values)
  }
  if (outcome === 'not_yet' && !values.from) return t('why.outcome.not_yet_soon')
  if (outcome === 'over' && !values.until) return t('why.outcome.over_plain')
  return t(`why.outcome.${outcome}`, values)
}

export function claimTime(r: Reason, asked: Asked, t: TFunction): string {
  if (r.from && !r.until) return t('why.since', { at: moment(new Date(r.from), asked.now, asked.clock) })
  if (!r.from) return r.until ? `– ${moment(new Date(r.until), asked.now, asked.clock)}` : ''
  return interval(new Date(r.from), r.until ? new Date(r.until) : undefined, asked.now, asked.clock)
}

/**
 * One coming change: "11:00 – Planning ends → Available". What is behind a claim's name is not for everybody: then
 * several claims share the name of their kind, and the one that begins or ends at that moment is meant.
 */
export function comingSentence(c: Coming, all: readonly Reason[], asked: Asked, t: TFunction): string {
  const at = moment(new Date(c.at), asked.now, asked.clock)
  const what = words(c.presence, t)
  const then = (x: string | undefined) => x !== undefined && Date.parse(x) === Date.parse(c.at)
  const meant = all.filter((x) => c.because.includes(x.ref))
  const ending = meant.find((r) => then(r.until) || then(r.lease))
  if (ending) return t('why.next.ends', { at, claim: claimName(ending, t), what })
  const beginning = meant.find((r) => then(r.from))
  if (beginning) return t('why.next.begins', { at, claim: claimName(beginning, t), what })
  return t('why.next.plain', { at, what })
}
