import i18next, { type TFunction } from 'i18next'
import { beforeAll, describe, expect, it } from 'vitest'
import de from '../messages/de.json'
import en from '../messages/en.json'
import {
  type Asked,
  CRITERIA,
  claimName,
  comingSentence,
  lostSentence,
  OUTCOMES,
  SOURCES,
  winnerSentence,
  words,
} from './explain'
import { EVENTS, LEVELS, type Reason, SHOW_AS, STATUSES } from './model'

const i18n = i18next.createInstance()
const now = new Date('2026-11-24T09:40:00Z')
const asked: Asked = { self: true, name: 'Anna', now, clock: { locale: 'en-GB', zone: 'Europe/Berlin' } }
const reason: Reason = {
  ref: 'calendar#42',
  source: 'calendar',
  status: 'busy',
  profile: 'Appointment',
  text: 'Planning',
  from: '2026-11-24T09:00:00Z',
  until: '2026-11-24T10:00:00Z',
  outcome: 'won',
}

beforeAll(() =>
  i18n.init({
    lng: 'en',
    resources: { en: { translation: en }, de: { translation: de } },
    interpolation: { escapeValue: false },
  }),
)

/** A sentence, not a key, with nothing left to fill in. */
function isSentence(text: string) {
  expect(text).toMatch(/\s.*[.!”“)…]$/u)
  expect(text).not.toMatch(/why\.|{{|}}|undefined|“”|„“/)
}

describe.each(['en', 'de'])('explanations in %s', (language) => {
  let t: TFunction
  beforeAll(() => {
    t = i18n.getFixedT(language)
  })

  it.each(OUTCOMES)('have a sentence for the outcome %s', (outcome) => {
    isSentence(lostSentence({ ...reason, outcome, by: 'hand#timed', by_source: 'hand' }, [], asked, t))
  })

  it.each([...CRITERIA, undefined, 'something-new'])('have a sentence for the criterion %s', (criterion) => {
    isSentence(lostSentence({ ...reason, outcome: 'weaker_in_layer', criterion, by_source: 'teams' }, [], asked, t))
  })

  it.each([...SOURCES, 'something-new' as Reason['source']])(
    'have a sentence for a winner of the source %s',
    (source) => {
      for (const self of [true, false]) {
        isSentence(winnerSentence({ ...reason, source, ref: `${source}/door#1` }, { ...asked, self }, t))
        isSentence(winnerSentence({ ...reason, source, ref: source, until: undefined }, { ...asked, self }, t))
      }
      expect(claimName({ ...reason, source }, t)).not.toContain('why.')
    },
  )

  it('have words for all that the contract lists', () => {
    for (const s of STATUSES) expect(t(`status.${s}`)).not.toContain('.')
    for (const l of LEVELS) expect(t(`relationships.level.${l}`)).not.toContain('.')
    for (const e of EVENTS) expect(t(`settings.event.${e}`)).not.toContain('.')
    for (const s of SHOW_AS) expect(t(`showAs.${s}`)).not.toContain('.')
  })
})

describe('an explanation', () => {
  it('says in one sentence who decided', () => {
    const t = i18n.getFixedT('en')
    expect(
      winnerSentence({ ...reason, source: 'hand', ref: 'hand#timed', text: 'Exam', profile: undefined }, asked, t),
    ).toBe('You chose “Busy – Exam” until 11:00.')
    expect(
      winnerSentence({ ...reason, source: 'api', ref: 'api/access-control#x', until: undefined, text: '' }, asked, t),
    ).toBe('The system “access-control” has reported “Busy – Appointment” since 10:00.')
    expect(winnerSentence({ ...reason, source: 'client', activity: 'locked' }, asked, i18n.getFixedT('de'))).toContain(
      'gesperrt',
    )
  })

  it('names the claim that was stronger', () => {
    const other = {
      ...reason,
      ref: 'calendar#43',
      outcome: 'weaker_in_layer' as const,
      criterion: 'timed',
      by: 'calendar#42',
      by_source: 'calendar' as const,
    }
    expect(lostSentence(other, [reason, other], asked, i18n.getFixedT('en'))).toBe(
      '“Appointment: Planning” has times, which counts for more than a whole day.',
    )
  })

  it('says what comes next, and by what', () => {
    const t = i18n.getFixedT('en')
    const presence = { id: 'anna', status: 'available' as const }
    expect(comingSentence({ at: '2026-11-24T10:00:00Z', presence, because: ['calendar#42'] }, [reason], asked, t)).toBe(
      '11:00: Appointment: Planning ends → Available',
    )
    expect(comingSentence({ at: '2026-11-24T10:00:00Z', presence, because: [] }, [], asked, t)).toBe(
      '11:00 → Available',
    )
    // A team colleague is given only the kind of each claim.
    const named = (more: Partial<Reason>): Reason => ({ ...reason, ref: 'calendar', text: '', ...more })
    const day = [
      named({}),
      named({ from: '2026-11-24T12:00:00Z', until: '2026-11-24T13:00:00.000Z', outcome: 'not_yet' }),
    ]
    const at = (instant: string) => comingSentence({ at: instant, presence, because: ['calendar'] }, day, asked, t)
    expect(at('2026-11-24T12:00:00Z')).toBe('13:00: Appointment begins → Available')
    expect(at('2026-11-24T13:00:00Z')).toBe('14:00: Appointment ends → Available')
    expect(at('2026-11-24T15:00:00Z')).toBe('16:00 → Available')
  })

  it('does not say the same word twice', () => {
    const t = i18n.getFixedT('en')
    expect(words({ status: 'available', profile: 'Available', text: '' }, t)).toBe('Available')
    expect(words({ status: 'be_right_back', profile: 'Be right back' }, i18n.getFixedT('de'))).toBe('Bin gleich zurück')
    expect(words({ status: 'busy', profile: 'Zoom', text: 'Zoom' }, t)).toBe('Busy – Zoom')
  })
})
