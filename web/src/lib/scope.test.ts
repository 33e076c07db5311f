import { describe, expect, it } from 'vitest'
import { FACTORY } from './factory'
import type { Program, Template } from './model'
import {
  blamed,
  changesOf,
  type Draft,
  edited,
  freshID,
  kept,
  offered,
  offering,
  readScope,
  type Scope,
  same,
  together,
  usesOf,
  usesTeams,
  type Values,
  withdrawn,
  withMethod,
  withTeams,
} from './scope'

const scope = (part: Partial<Values> = {}, individual = false): Scope => {
  const all: Values = { ...FACTORY, ...part }
  return Object.fromEntries(Object.entries(all).map(([k, value]) => [k, { individual, value }])) as Scope
}
const saved = scope()
const { programs } = FACTORY.microphone
const activation = (part: Partial<Values['activation']>) => ({
  individual: false,
  value: { ...FACTORY.activation, ...part },
})
const templates = (value: Template[]) => ({ individual: false, value })
const without = (id: string) => FACTORY.templates.filter((x) => x.id !== id)
const fresh: Template = {
  id: 'new:1',
  name: 'Lunch',
  status: 'be_right_back',
  forwarding: { action: 'keep' },
  active: true,
  user_forwarding: 'own',
}

describe('differences', () => {
  it('compares values as the contract does', () => {
    expect(same({ a: 1, b: undefined }, { a: 1 })).toBe(true)
    expect(same({ a: [1, 2] }, { a: [2, 1] })).toBe(false)
    expect(same([], {})).toBe(false)
    expect(same(null, {})).toBe(false)
  })

  it('reads what the server says, templates included', () => {
    const read = readScope({
      sections: [
        { name: 'feature', individual: true, version: 'a', feature: { enabled: false } },
        { name: 'templates', individual: false, version: 'b', templates: { templates: [fresh] } },
      ],
    })
    expect(read.feature).toEqual({ individual: true, value: { enabled: false }, version: 'a' })
    expect(read.templates.value).toEqual([fresh])
  })

  it('finds nothing between equal states, and forgets a change that is taken back', () => {
    expect(changesOf(saved, scope())).toEqual([])
    const draft = edited(saved, {}, 'feature', { individual: false, value: { enabled: false } })
    expect(Object.keys(draft)).toEqual(['feature'])
    expect(edited(saved, draft, 'feature', { individual: false, value: { enabled: true } })).toEqual({})
  })

  it('does not mind the order of programs, and sees a row that is there twice', () => {
    const draft = (programs: Program[]) =>
      edited(saved, {}, 'microphone', { individual: false, value: { enabled: false, programs } })
    expect(draft(programs.toReversed())).toEqual({})
    // While somebody types the name of another row, the new one must not go away.
    expect(draft([...programs, { active: true, process: 'zoom', alias: 'Zoom' }])).toHaveProperty('microphone')
    expect(draft([...programs, { active: true, process: '', alias: '' }])).toHaveProperty('microphone')
  })

  it('does not mind the order of statuses', () => {
    const permitted = [...FACTORY.own_profiles.permitted].reverse()
    expect(edited(saved, {}, 'own_profiles', { individual: false, value: { allowed: true, permitted } })).toEqual({})
  })

  it('tells every field, in the order of the page', () => {
    const next = scope({
      feature: { enabled: false },
      templates: [
        ...without('break')
          .map((x) => (x.id === 'available' ? { ...x, name: 'Here', text: 'Come in' } : x))
          .reverse(),
        fresh,
      ],
      own_profiles: { allowed: false, permitted: ['busy'] },
      activation: {
        ...FACTORY.activation,
        inactivity: { ...FACTORY.activation.inactivity, minutes: 20, user_may_change: false },
      },
      calendar: { ...FACTORY.calendar, all_day: false, show_as: ['busy'] },
      teams: {
        sync: 'telephony',
        user_may_change: true,
        access: 'delegated',
        remember: true,
        keep_minutes: 20,
        connector: 'g1',
      },
      microphone: {
        enabled: true,
        programs: [
          { active: true, process: 'softphone', alias: 'Softphone' },
          ...programs
            .filter((p) => p.process !== 'Circuit')
            .map((p) => (p.process === 'Zoom' ? { active: false, process: 'zoom', alias: 'Video' } : p)),
        ],
      },
      relationships: { default: 'external', extend_only: true },
    })
    expect(changesOf(saved, next).map((c) => [c.section, c.of, c.field].filter(Boolean).join(' '))).toEqual([
      'feature enabled',
      'templates Available name',
      'templates Available text',
      'templates Break removed',
      'templates Lunch added',
      'templates order',
      'own_profiles allowed',
      'own_profiles permitted',
      'activation inactivity value',
      'activation inactivity user_may_change',
      'calendar show_as',
      'calendar all_day',
      'teams sync',
      'teams user_may_change',
      'teams access',
      'teams remember',
      'teams keep_minutes',
      'teams connector',
      'microphone enabled',
      'microphone Circuit removed',
      'microphone Zoom process',
      'microphone Zoom active',
      'microphone Zoom alias',
      'microphone softphone added',
      'relationships default',
      'relationships extend_only',
    ])
  })

  it('tells the choice between default and individual', () => {
    const [c] = changesOf(saved, { ...saved, calendar: { ...saved.calendar, individual: true } })
    expect(c).toEqual({ section: 'calendar', field: 'individual', of: undefined, before: false, after: true })
  })

  it('knows where a template is used; an event that is off needs none', () => {
    expect(usesOf(saved, 'be-right-back')).toEqual(['activation.inactivity', 'activation.lock'])
    expect(usesOf(saved, 'appointment')).toEqual(['calendar.profile'])
    const off = { ...saved, activation: activation({ lock: { ...FACTORY.activation.lock, on: false } }) }
    expect(usesOf(off, 'be-right-back')).toEqual(['activation.inactivity'])
    expect(usesOf(saved, undefined)).toEqual([])
    const coded = { ...saved, telephony: { individual: true, value: { codes: [{ code: '*81', profile: 'break' }] } } }
    expect(usesOf(coded, 'break')).toEqual(['telephony.codes[0]'])
  })

  it('gives new templates IDs of their own', () => {
    expect(freshID([])).toBe('new:1')
    expect(freshID([fresh])).toBe('new:2')
  })
})

describe('where calendars come from', () => {
  const { calendar } = FACTORY
  it('is one or the other: what goes with one method is not kept with the other', () => {
    const accounts = withMethod({ ...calendar, accounts: 'g1' }, 'central', [{ id: 'x1' }, { id: 'g1' }])
    expect(accounts).toEqual({ ...calendar, method: 'central', connector: undefined })
    expect('accounts' in accounts).toBe(false)
    // The only system is the one that is meant.
    expect(withMethod(calendar, 'central', [{ id: 'x1' }]).connector).toBe('x1')
    expect(withMethod({ ...calendar, method: 'central', connector: 'x1' }, 'local', [])).toEqual(calendar)
    expect(withMethod(calendar, 'local', [])).toBe(calendar)
  })

  it('is a change, though the shipped settings name no system', () => {
    const next = scope({ calendar: { ...calendar, method: 'central', connector: 'x1' } })
    expect(changesOf(saved, next).map((c) => [c.field, c.before, c.after])).toEqual([
      ['method', 'local', 'central'],
      ['connector', undefined, 'x1'],
    ])
    expect(changesOf(saved, scope({ calendar: { ...calendar, accounts: 'g1' } }))).toHaveLength(1)
  })
})

describe('Microsoft Teams', () => {
  const { teams } = FACTORY
  it('names the only application as soon as somebody may want something, and none when nobody does', () => {
    const on = withTeams(teams, { sync: 'telephony' }, [{ id: 'g1' }])
    expect(on).toEqual({ ...teams, sync: 'telephony', connector: 'g1' })
    expect(withTeams(teams, { user_may_change: true }, [{ id: 'g1' }]).connector).toBe('g1')
    expect(withTeams(on, { sync: 'none' }, [{ id: 'g1' }])).toEqual(teams)
    expect(changesOf(saved, scope({ teams: withTeams(on, { sync: 'none' }, []) }))).toEqual([])
  })

  it('leaves the choice where there are several, and keeps what is chosen', () => {
    const two = [{ id: 'g1' }, { id: 'g2' }]
    expect(withTeams(teams, { sync: 'telephony' }, two).connector).toBeUndefined()
    const on = { ...teams, sync: 'telephony' as const, connector: 'g2' }
    expect(withTeams(on, { access: 'delegated' }, two)).toEqual({ ...on, access: 'delegated' })
    expect(usesTeams(teams)).toBe(false)
  })
})

describe('a template that a section offers', () => {
  it('is new, busy and without a text, and goes again', () => {
    const now = offering(FACTORY.templates, 'MS Teams', FACTORY.templates)
    expect(offered(now, 'MS Teams')).toMatchObject({ id: 'new:1', name: 'MS Teams', status: 'busy', active: true })
    expect(offered(now, 'MS Teams')?.text).toBeUndefined()
    expect(withdrawn(now, 'MS Teams', FACTORY.templates)).toEqual(FACTORY.templates)
  })

  it('is the one that is there already, whatever the capitals', () => {
    const old: Template = { ...fresh, id: 't1', name: 'ms teams', active: false }
    const all = [old, ...FACTORY.templates]
    expect(offered(all, 'MS Teams')).toBeUndefined()
    expect(offering(all, 'MS Teams', all)).toEqual([{ ...old, active: true }, ...FACTORY.templates])
  })

  it('is not active any more once it was saved, and active again as it was', () => {
    const all = [
      ...FACTORY.templates.slice(0, 2),
      { ...fresh, id: 't1', name: 'MicSync' },
      ...FACTORY.templates.slice(2),
    ]
    const without = withdrawn(all, 'MicSync', all)
    expect(without[2]).toEqual({ ...fresh, id: 't1', name: 'MicSync', active: false })
    expect(offered(without, 'MicSync')).toBeUndefined()
    expect([kept(without, 'MicSync'), kept(without, 'MS Teams')]).toEqual([true, false])
    expect(offering(without, 'MicSync', all)).toEqual(all)
    // One that was removed comes back at its place.
    expect(offering(FACTORY.templates, 'MicSync', all)).toEqual(all)
  })
})

describe('saving', () => {
  it('sends all changed sections as one, new templates by the names that this page gave them', () => {
    const draft: Draft = {
      templates: templates([...FACTORY.templates, fresh]),
      activation: activation({ lock: { ...FACTORY.activation.lock, profile: 'new:1' } }),
      feature: { individual: false, value: { enabled: false } },
    }
    const body = together(saved, draft)
    expect(Object.keys(body).sort()).toEqual(['activation', 'feature', 'templates'])
    expect(body.templates?.templates.at(-1)?.id).toBe('new:1')
    expect(body.activation?.lock.profile).toBe('new:1')
  })

  it('names the sections that return to the default, and sends no value for them', () => {
    const draft: Draft = { calendar: saved.calendar, feature: { individual: true, value: { enabled: false } } }
    expect(together(scope({}, true), draft)).toEqual({ feature: { enabled: false }, default: ['calendar'] })
  })

  it('sends the versions that were seen', () => {
    const seen = { ...saved, teams: { ...saved.teams, version: 'a' }, calendar: { ...saved.calendar, version: 'b' } }
    const body = together(seen, { feature: { individual: false, value: { enabled: false } } })
    expect(body).toEqual({ feature: { enabled: false }, was: { calendar: 'b', teams: 'a' } })
  })

  it('sends the factory defaults where a section begins with them', () => {
    const draft: Draft = { calendar: { individual: true, value: FACTORY.calendar } }
    expect(together(saved, draft)).toEqual({ calendar: FACTORY.calendar })
  })

  it('finds the sections that a refusal is about', () => {
    expect(blamed(['body.calendar.profile', 'templates[3].name', 'templates', 'name'])).toEqual([
      'templates',
      'calendar',
    ])
    expect(blamed([])).toEqual([])
  })
})
