import { describe, expect, it } from 'vitest'
import { FACTORY } from './factory'
import { foreign, merged, rebased } from './meanwhile'
import type { Template } from './model'
import { changesOf, type Draft, type Scope, type Values } from './scope'

const scope = (part: Partial<Values> = {}, individual = false): Scope =>
  Object.fromEntries(Object.entries({ ...FACTORY, ...part }).map(([k, value]) => [k, { individual, value }])) as Scope
const { programs } = FACTORY.microphone
const lunch = (id: string): Template => ({
  id,
  name: 'Lunch',
  status: 'be_right_back',
  forwarding: { action: 'keep' },
  active: true,
  user_forwarding: 'own',
})

describe('two changes in one', () => {
  it('takes from both what only one has changed, and from here what both have', () => {
    expect(merged({ a: 1, b: 1, c: 1 }, { a: 2, b: 1, c: 2 }, { a: 1, b: 3, c: 3 })).toEqual({ a: 2, b: 3, c: 2 })
    expect(merged({ a: 1 }, { a: 2 }, {})).toEqual({ a: 2 })
    expect(merged({ a: 1, b: 1 }, { a: 1 }, { a: 3, b: 1 })).toEqual({ a: 3 })
  })

  it('adds and removes words of lists on both sides', () => {
    expect(merged(['a', 'b'], ['a', 'c'], ['a', 'b', 'd'])).toEqual(['a', 'd', 'c'])
    expect(merged(['a', 'b'], ['b', 'a'], [])).toEqual([])
  })

  it('tells rows apart, keeps what was added there and here, and what was changed here though removed there', () => {
    const was = [
      { id: '1', n: 1 },
      { id: '2', n: 1 },
      { id: '3', n: 1 },
      { id: '4', n: 1 },
    ]
    const mine = [
      { id: '1', n: 2 },
      { id: '2', n: 2 },
      { id: '4', n: 1 },
      { id: 'm', n: 0 },
    ]
    const theirs = [
      { id: '1', n: 1 },
      { id: '3', n: 1 },
      { id: '4', n: 4 },
      { id: 't', n: 0 },
    ]
    expect(merged(was, mine, theirs)).toEqual([
      { id: '1', n: 2 },
      { id: '4', n: 4 },
      { id: 't', n: 0 },
      { id: '2', n: 2 },
      { id: 'm', n: 0 },
    ])
  })

  it('keeps the order of whoever has changed it', () => {
    const [a, b, c] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
    expect(merged([a, b], [b, a], [a, b, c])).toEqual([b, a, c])
    expect(merged([a, b], [a, b, c], [b, a])).toEqual([b, a, c])
  })
})

describe('a draft that goes on from what somebody else has saved', () => {
  const calendar = (part: Partial<Values['calendar']>) => ({ ...FACTORY.calendar, ...part })

  it('changes only what it changed', () => {
    const draft: Draft = { calendar: { individual: false, value: calendar({ all_day: false }) } }
    const now = scope({ calendar: calendar({ days_ahead: 7 }) }, true)
    const next = rebased(scope(), draft, now, undefined)
    expect(next).toEqual({ calendar: { individual: true, value: calendar({ days_ahead: 7, all_day: false }) } })
    expect(changesOf(now, { ...now, ...next }).map((c) => c.field)).toEqual(['all_day'])
  })

  it('is none where both say the same', () => {
    const draft: Draft = { feature: { individual: false, value: { enabled: false } } }
    expect(rebased(scope(), draft, scope({ feature: { enabled: false } }, true), undefined)).toEqual({})
  })

  it('edits programs beside somebody else', () => {
    const alias = (process: string, alias: string) => ({
      enabled: false,
      programs: programs.map((p) => (p.process === process ? { ...p, alias } : p)),
    })
    const now = scope({ microphone: alias('Slack', 'Chat') }, true)
    const draft: Draft = { microphone: { individual: false, value: alias('Zoom', 'Video') } }
    const next = { ...now, ...rebased(scope(), draft, now, undefined) }
    expect(changesOf(now, next).map((c) => [c.of, c.field])).toEqual([['Zoom', 'alias']])
  })

  it('makes one template of two of the same name, wherever it is used', () => {
    const draft: Draft = {
      templates: { individual: false, value: [...FACTORY.templates, { ...lunch('new:1'), text: 'At lunch' }] },
      calendar: { individual: false, value: calendar({ profile: 'new:1' }) },
      activation: {
        individual: false,
        value: { ...FACTORY.activation, lock: { ...FACTORY.activation.lock, profile: 'new:1' } },
      },
    }
    const now = scope({ templates: [...FACTORY.templates, lunch('t9')] }, true)
    const next = rebased(scope(), draft, now, undefined)
    expect(next.templates?.value.at(-1)).toEqual({ ...lunch('t9'), text: 'At lunch' })
    expect(next.templates?.value).toHaveLength(FACTORY.templates.length + 1)
    expect(next.calendar?.value.profile).toBe('t9')
    expect(next.activation?.value.lock.profile).toBe('t9')
  })

  it('keeps the choice of a configuration group', () => {
    const own = { individual: true, value: { default: 'external', extend_only: false } } as const
    const other = { individual: true, value: { default: 'employee', extend_only: true } } as const
    const group = (relationships: Scope['relationships']): Scope => ({ ...scope(), relationships })
    const byDefault = scope().relationships
    // Individual here: what the location says does not matter, what somebody else made individual does.
    expect(rebased(scope(), { relationships: own }, scope(), scope()).relationships).toEqual(own)
    expect(rebased(scope(), { relationships: own }, group(other), scope()).relationships).toEqual({
      individual: true,
      value: { default: 'external', extend_only: true },
    })
    // Edited here, returned to the default there: it stays individual here, and shows as a change.
    expect(rebased(group(other), { relationships: own }, scope(), scope()).relationships).toEqual(own)
    // Returned to the default here.
    const base = scope({ relationships: { default: 'unknown', extend_only: false } })
    expect(rebased(group(own), { relationships: byDefault }, group(other), base).relationships).toEqual({
      individual: false,
      value: base.relationships.value,
    })
  })
})

it('tells what somebody else has changed, and what would be replaced', () => {
  const now = scope({ calendar: { ...FACTORY.calendar, days_ahead: 7, all_day: false } }, true)
  const next = { ...now, calendar: { individual: true, value: { ...now.calendar.value, days_ahead: 60 } } }
  expect(foreign(scope(), now, next, false).map((c) => [c.field, c.replaced])).toEqual([
    ['days_ahead', true],
    ['all_day', false],
  ])
  expect(foreign(scope(), scope(), scope(), false)).toEqual([])
})
