import { readdirSync, readFileSync } from 'node:fs'
import i18next from 'i18next'
import { beforeAll, expect, it } from 'vitest'
import { auditWords } from '../components/audit-words'
import de from '../messages/de.json'
import en from '../messages/en.json'
import { ACTIONS, actorOf, auditQuery, detailOf } from './audit'

const i18n = i18next.createInstance()
beforeAll(() =>
  i18n.init({
    lng: 'en',
    resources: { en: { translation: en }, de: { translation: de } },
    interpolation: { escapeValue: false },
  }),
)
const names = {
  person: (id: string) => `person ${id}`,
  token: (id: string) => `token ${id}`,
  scope: (id: string) => `scope ${id}`,
  connector: (id: string) => `connector ${id}`,
}

it('tells who acted', () => {
  expect(actorOf('')).toEqual({ kind: 'system', id: '' })
  expect(actorOf('token/k1')).toEqual({ kind: 'token', id: 'k1' })
  expect(actorOf('connector/c1')).toEqual({ kind: 'connector', id: 'c1' })
  expect(actorOf('anna')).toEqual({ kind: 'person', id: 'anna' })
})

it('finds what changed in nested values, and what else is said', () => {
  const { changed, facts } = detailOf({
    scope: 'berlin',
    before: { end: { on: true, minutes: 5 }, permitted: ['busy'] },
    after: { end: { on: true, minutes: 10 }, permitted: [], text: 'new' },
  })
  expect(facts).toEqual([{ path: ['scope'], value: 'berlin' }])
  expect(changed).toEqual([
    { path: ['end', 'minutes'], before: 5, after: 10 },
    { path: ['permitted'], before: ['busy'], after: [] },
    { path: ['text'], before: undefined, after: 'new' },
  ])
})

it('tells entries of lists apart by their names', () => {
  const { changed } = detailOf({
    before: {
      templates: [
        { name: 'Break', active: true },
        { name: 'Lunch', active: true },
      ],
    },
    after: { templates: [{ name: 'Break', active: false }] },
  })
  expect(changed.map((c) => [c.path.join('/'), c.before, c.after])).toEqual([
    ['templates/Break/active', true, false],
    ['templates/Lunch/active', true, undefined],
  ])
})

it('tells programs apart by their processes', () => {
  const programs = [{ active: true, process: 'Zoom', alias: 'Zoom' }]
  const { changed } = detailOf({
    before: { enabled: false, programs },
    after: { enabled: false, programs: [{ active: true, process: 'Zoom', alias: 'Video' }] },
  })
  expect(changed).toEqual([{ path: ['programs', 'Zoom', 'alias'], before: 'Zoom', after: 'Video' }])
})

it('tells lines and feature codes apart by what they are', () => {
  const { changed } = detailOf({
    before: { lines: [{ connector: 'a', line: '202', forwards: false }], codes: null },
    after: { lines: [{ connector: 'a', line: '202', forwards: true }], codes: [{ code: '*81', profile: 'break' }] },
  })
  expect(changed).toEqual([
    { path: ['lines', '202', 'forwards'], before: false, after: true },
    { path: ['codes', '*81', 'profile'], before: undefined, after: 'break' },
  ])
})

it('makes something of any detail', () => {
  expect(detailOf(undefined)).toEqual({ changed: [], facts: [] })
  expect(detailOf(null)).toEqual({ changed: [], facts: [] })
  expect(detailOf('text')).toEqual({ changed: [], facts: [{ path: [], value: 'text' }] })
  expect(detailOf({ before: { a: 1 }, after: { a: 1 } }).changed).toEqual([])
  expect(detailOf({ after: { a: 1 } }).changed).toEqual([{ path: ['a'], before: undefined, after: 1 }])
})

it('has words for every action in both languages; an unknown one stays as it is', () => {
  for (const lng of ['en', 'de']) {
    const words = auditWords(i18n.getFixedT(lng), names)
    for (const a of ACTIONS) expect(words.action(a), a).not.toMatch(/admin\.|\w\.\w/)
    expect(words.action('something.new')).toBe('something.new')
  }
})

it('says values in words', () => {
  const words = auditWords(i18n.getFixedT('en'), names)
  expect(words.field(['inactivity', 'minutes'])).toBe('No activity › Minutes')
  expect(words.field(['unheard_of'])).toBe('unheard_of')
  expect(words.value(['blocked'], true)).toBe('yes')
  expect(words.value(['text'], undefined)).toBe('nothing')
  expect(words.value(['permitted'], ['busy', 'unavailable'])).toBe('Busy, Unavailable')
  expect(words.value(['level'], 'assistant_plus')).toBe('Assistant+')
  expect(words.value(['level'], 'default')).toBe('by group or default')
  expect(words.value(['viewer'], 'tom')).toBe('person tom')
  expect(words.value(['scope'], 'berlin')).toBe('scope berlin')
  expect(words.value(['forwarding'], 'a1')).toBe('connector a1')
  expect(words.value(['config', 'forwarding'], 'freepbx')).toBe('freepbx')
  expect(words.value(['members'], 10)).toBe('10')
  expect(words.fact({ path: ['default'], value: false }, false)).toBeUndefined()
  expect(words.fact({ path: ['connector'], value: 'c1' }, true)).toBeUndefined()
  expect(words.fact({ path: ['connector'], value: 'c1' }, false)).toBe('Outside system: connector c1')
  expect(words.value(['why'], 'blocked')).toBe('You are blocked here.')
  expect(words.fact({ path: ['token'], value: 'k1' }, false)).toBeUndefined()
  expect(words.fact({ path: ['section'], value: 'own_profiles' }, false)).toBe(
    'Section: Own profiles and permitted statuses',
  )
})

it('knows every action that the server writes, and no other', () => {
  const files = ['internal', 'cmd'].flatMap((folder) =>
    readdirSync(`../${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.go') && !f.endsWith('_test.go') && !f.includes('node_modules'))
      .filter((f) => folder !== 'cmd' || !f.startsWith('bench/')) // measures, and changes no office but its own
      .map((f) => readFileSync(`../${folder}/${f}`, 'utf8')),
  )
  const written = new Set(
    files.flatMap((text) => [
      ...[
        ...text.matchAll(
          /(?:audit\(by|EditPeople\([^"]*|PutPeople\([^"]*|ChangeOwn\([^"]*|ChangePerson\([^"]*|Note\(ctx, by), "([a-z_.-]+)"[,)]/g,
        ),
      ].map((m) => m[1] ?? ''),
      ...[...text.matchAll(/Entry\("([a-z_.-]+)"\)/g)].map((m) => m[1] ?? ''),
    ]),
  )
  written.delete('link.') // its kind follows
  expect(written.size).toBeGreaterThan(15)
  for (const action of written) expect(ACTIONS, action).toContain(action)
  const all = files.join('\n')
  for (const action of ACTIONS) if (!action.startsWith('link.')) expect(all.includes(`"${action}"`), action).toBe(true)
})

it('asks for whole days of the reader’s own', () => {
  expect(auditQuery({ actor: 'anna', since: '2026-11-01', until: '2026-11-01' }, 'Europe/Berlin')).toEqual({
    actor: 'anna',
    since: '2026-10-31T23:00:00.000Z',
    until: '2026-11-01T23:00:00.000Z',
  })
  expect(auditQuery({}, 'Europe/Berlin')).toEqual({ since: undefined, until: undefined })
})
