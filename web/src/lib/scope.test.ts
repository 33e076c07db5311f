import { describe, expect, it } from 'vitest'
import { FACTORY } from './factory'
import type { Template } from './model'
import {
  blamed,
  changesOf,
  type Draft,
  edited,
  freshID,
  readScope,
  type Scope,
  same,
  together,
  usesOf,
  type Values,
} from './scope'

const scope = (part: Partial<Values> = {}, individual = false): Scope => {
  const all: Values = { ...FACTORY, ...part }
  return Object.fromEntries(Object.entries(all).map(([k, value]) => [k, { individual, value }])) as Scope
}
const saved = scope()
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
        { name: 'feature', individual: true, feature: { enabled: false } },
        { name: 'templates', individual: false, templates: { templates: [fresh] } },
      ],
    })
    expect(read.feature).toEqual({ individual: true, value: { enabled: false } })
    expect(read.templates.value).toEqual([fresh])
  })

  it('finds nothing between equal states, and forgets a change that is taken back', () => {
    expect(changesOf(saved, scope())).toEqual([])
    const draft = edited(saved, {}, 'feature', { individual: false, value: { enabled: false } })
    expect(Object.keys(draft)).toEqual(['feature'])
    expect(edited(saved, draft, 'feature', { individual: false, value: { enabled: true } })).toEqual({})
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
  })

  it('gives new templates IDs of their own', () => {
    expect(freshID([])).toBe('new:1')
    expect(freshID([fresh])).toBe('new:2')
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
