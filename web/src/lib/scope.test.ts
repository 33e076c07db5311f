import { describe, expect, it } from 'vitest'
import { FACTORY } from './factory'
import type { Template } from './model'
import {
  carryOut,
  changesOf,
  type Draft,
  edited,
  freshID,
  planOf,
  readScope,
  type Scope,
  type Step,
  same,
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
const listOf = (step: Step | undefined) => (step?.value ?? []) as Template[]
const told = (steps: Step[]) => steps.map((s) => `${s.by} ${s.section}${s.interim ? ' (interim)' : ''}`)

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
  it('saves templates before what may use them', () => {
    const draft: Draft = {
      activation: activation({ lock: { ...FACTORY.activation.lock, profile: 'new:1' } }),
      feature: { individual: false, value: { enabled: false } },
      templates: templates([...FACTORY.templates, fresh]),
    }
    expect(told(planOf(saved, draft))).toEqual(['put templates', 'put activation', 'put feature'])
  })

  it('takes a template away only after nothing uses it any more', () => {
    const draft: Draft = {
      templates: templates(without('unavailable')),
      activation: activation({ end: { ...FACTORY.activation.end, profile: 'off-sick' } }),
    }
    expect(told(planOf(saved, draft))).toEqual(['put activation', 'put templates'])
    const off = FACTORY.templates.map((x) => (x.id === 'unavailable' ? { ...x, active: false } : x))
    expect(told(planOf(saved, { ...draft, templates: templates(off) }))).toEqual(['put activation', 'put templates'])
  })

  it('saves templates twice where one comes and another one goes', () => {
    const draft: Draft = {
      templates: templates([...without('unavailable'), fresh]),
      activation: activation({ end: { ...FACTORY.activation.end, profile: 'new:1' } }),
    }
    const steps = planOf(saved, draft)
    expect(told(steps)).toEqual(['put templates (interim)', 'put activation', 'put templates'])
    expect(listOf(steps[0]).map((x) => x.id)).toContain('unavailable')
  })

  it('goes to the factory defaults and back by calls of their own', () => {
    const begin: Draft = { calendar: { individual: true, value: FACTORY.calendar } }
    expect(told(planOf(saved, begin))).toEqual(['individual calendar'])
    const changed: Draft = { calendar: { individual: true, value: { ...FACTORY.calendar, all_day: false } } }
    expect(told(planOf(saved, changed))).toEqual(['put calendar'])
    expect(told(planOf(scope({}, true), { calendar: saved.calendar }))).toEqual(['default calendar'])
  })

  it('puts the IDs that the server gives in place of its own', async () => {
    const draft: Draft = {
      templates: templates([...without('unavailable'), fresh]),
      activation: activation({ end: { ...FACTORY.activation.end, profile: 'new:1' } }),
    }
    const calls: Step[] = []
    const outcome = await carryOut(planOf(saved, draft), draft, async (s) => {
      calls.push(s)
      return s.section === 'templates' ? (s.value as Template[]).map((x) => ({ ...x, id: x.id ?? 'given' })) : undefined
    })
    expect(outcome).toEqual({ rest: {}, failed: undefined })
    expect(listOf(calls[0]).find((x) => x.name === 'Lunch')?.id).toBeUndefined()
    expect(calls[1]?.value).toMatchObject({ end: { profile: 'given' } })
    expect(listOf(calls[2]).find((x) => x.name === 'Lunch')?.id).toBe('given')
  })

  it('stops at a refusal, and loses nothing of what is not saved', async () => {
    const draft: Draft = {
      templates: templates([...FACTORY.templates, fresh]),
      activation: activation({ end: { ...FACTORY.activation.end, profile: 'new:1' } }),
      feature: { individual: false, value: { enabled: false } },
    }
    const refusal = new Error('no')
    const outcome = await carryOut(planOf(saved, draft), draft, async (s) => {
      if (s.section === 'activation') throw refusal
      return (s.value as Template[]).map((x) => ({ ...x, id: x.id ?? 'given' }))
    })
    expect(outcome.failed).toEqual({ section: 'activation', error: refusal })
    expect(Object.keys(outcome.rest)).toEqual(['feature', 'activation'])
    expect(outcome.rest.activation?.value.end.profile).toBe('given')
  })

  it('keeps the removal of a template when what uses it is refused', async () => {
    const draft: Draft = {
      templates: templates([...without('unavailable'), fresh]),
      activation: activation({ end: { ...FACTORY.activation.end, profile: 'new:1' } }),
    }
    const outcome = await carryOut(planOf(saved, draft), draft, async (s) => {
      if (s.section === 'activation') throw new Error('no')
      return (s.value as Template[]).map((x) => ({ ...x, id: x.id ?? 'given' }))
    })
    expect(Object.keys(outcome.rest)).toEqual(['templates', 'activation'])
    expect(outcome.rest.templates?.value.at(-1)?.id).toBe('given')
  })
})
