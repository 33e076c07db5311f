import i18next from 'i18next'
import { beforeAll, describe, expect, it } from 'vitest'
import de from '../messages/de.json'
import en from '../messages/en.json'
import { changeWords, consequences, placeWords } from './change-words'
import { FACTORY } from './factory'
import { EVENTS } from './model'
import { type Change, changesOf, type Scope } from './scope'

const i18n = i18next.createInstance()
beforeAll(() =>
  i18n.init({
    lng: 'en',
    resources: { en: { translation: en }, de: { translation: de } },
    interpolation: { escapeValue: false },
  }),
)

const scope = (part: object = {}): Scope =>
  Object.fromEntries(
    Object.entries({ ...FACTORY, ...part }).map(([k, value]) => [k, { individual: false, value }]),
  ) as Scope
const name = (id: string) => FACTORY.templates.find((x) => x.id === id)?.name ?? id

/** Something different in every field that there is. */
const everything = changesOf(scope(), {
  ...scope({
    feature: { enabled: false },
    templates: [
      ...FACTORY.templates.slice(2).toReversed(),
      {
        ...FACTORY.templates[0],
        name: 'Here',
        text: 'Come in',
        status: 'busy',
        active: false,
        user_forwarding: 'fixed',
        forwarding: { action: 'forward', target: 'number', number: '+49 30 1' },
      },
      { ...FACTORY.templates[1], id: 'new:1', name: 'Lunch' },
    ],
    own_profiles: { allowed: false, permitted: [] },
    activation: Object.fromEntries(
      EVENTS.map((e) => [
        e,
        { on: e !== 'end', profile: 'off-sick', minutes: e === 'inactivity' ? 1 : undefined, user_may_change: false },
      ]),
    ),
    calendar: {
      days_ahead: 7,
      profile: 'off-sick',
      subject_as_text: true,
      show_as: [],
      all_day: false,
      category_profiles: false,
      only_with_category: true,
      user_may_change: false,
      method: 'central',
      connector: 'x1',
      own_calendars: false,
    },
    teams: {
      sync: 'telephony_and_status',
      user_may_change: true,
      access: 'delegated',
      remember: true,
      keep_minutes: 20,
      connector: 'g1',
    },
    microphone: {
      enabled: true,
      programs: [
        ...FACTORY.microphone.programs.slice(2),
        { active: false, process: 'blueJeans', alias: 'Blue' },
        { active: false, process: 'softphone', alias: 'Softphone' },
        { active: true, process: '', alias: '' },
      ],
    },
    relationships: { default: 'blocked', extend_only: true },
  }),
  relationships: { individual: true, value: { default: 'blocked', extend_only: true } },
})

describe.each(['en', 'de'])('in %s', (lng) => {
  it('has words for every change, and no key among them', () => {
    const t = i18n.getFixedT(lng)
    expect(everything.length).toBeGreaterThan(35)
    for (const c of everything) {
      const w = changeWords(c, name, t)
      const words = [w.label, w.before, w.after].filter((x) => x !== undefined)
      for (const x of words)
        expect(x, JSON.stringify(c)).toMatch(/^(?!.*(admin\.|settings\.|profiles\.|{{|undefined)).+$/)
      expect(w.before ?? w.after).toBeTruthy()
      if (c.field !== 'order') expect(w.before).not.toBe(w.after)
    }
  })

  it('says what the rules say will happen', () => {
    const t = i18n.getFixedT(lng)
    const said = consequences(everything, 3, t)
    expect(said).toHaveLength(12) // four events, the calendar and where it comes from, the feature, own profiles, Teams and by whose permission, the microphone, relationships
    for (const x of said) expect(x).not.toMatch(/admin\.|{{/)
  })
})

it('reads as somebody would say it', () => {
  const t = i18n.getFixedT('en')
  const one = (c: Change) => {
    const w = changeWords(c, name, t)
    return `${w.label}: ${w.before} → ${w.after}`
  }
  expect(
    one({
      section: 'activation',
      field: 'value',
      of: 'inactivity',
      before: FACTORY.activation.inactivity,
      after: { on: true, profile: 'break', minutes: 1 },
    }),
  ).toBe('Without input: Be right back, after 10 minutes → Break, after 1 minute')
  expect(one({ section: 'activation', field: 'user_may_change', of: 'lock', before: true, after: false })).toBe(
    'When the screen is locked: Users: User may change → User cannot change',
  )
  expect(one({ section: 'templates', field: 'text', of: 'Break', before: 'Break', after: undefined })).toBe(
    'Break: Text: Break → nothing',
  )
  const zoom = (field: string, before: unknown, after: unknown) =>
    one({ section: 'microphone', field, of: 'Zoom', before, after })
  expect(zoom('alias', 'Zoom', 'Video')).toBe('Zoom: Alias: Zoom → Video')
  expect(zoom('removed', { active: false, process: 'Zoom', alias: 'Video' }, undefined)).toBe(
    'Program “Zoom”: Video (not active) → removed',
  )
  expect(one({ section: 'teams', field: 'sync', before: 'none', after: 'telephony' })).toBe(
    'What is synchronised: Nothing → Telephony',
  )
  expect(one({ section: 'teams', field: 'access', before: 'application', after: 'delegated' })).toBe(
    'By whose permission: The application’s → Each user signs in',
  )
  expect(one({ section: 'teams', field: 'keep_minutes', before: 10, after: 20 })).toBe(
    'Minutes an entry stays after Teams was last heard: 10 → 20',
  )
  const calendar = (field: string, before: unknown, after: unknown) => {
    const w = changeWords(
      { section: 'calendar', field, before, after },
      name,
      t,
      (id) => ({ g1: 'Office 365' })[id] ?? id,
    )
    return `${w.label}: ${w.before} → ${w.after}`
  }
  expect(calendar('method', 'local', 'central')).toBe('Where calendars come from: From each user → Centrally')
  expect(calendar('connector', undefined, 'g1')).toBe('System: nothing → Office 365')
  expect(calendar('accounts', 'g1', undefined)).toBe('Users may connect their Microsoft account: Office 365 → nothing')
  expect(placeWords('activation.start', t)).toBe('automatic activation, program start')
})
