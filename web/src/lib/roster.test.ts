import { describe, expect, it } from 'vitest'
import { applyEvent, changedIDs, type Roster } from './roster'

const empty: Roster = new Map()
const anna = { id: 'anna', status: 'available' as const, since: '2026-11-24T08:00:00Z' }
const ben = { id: 'ben', status: 'busy' as const, line: { state: 'on_the_phone' as const } }

describe('applyEvent', () => {
  it('replaces everything by a snapshot', () => {
    const before = applyEvent(empty, { type: 'snapshot', epoch: 'e', seq: 1, position: '1', people: [anna, ben] })
    const after = applyEvent(before, { type: 'snapshot', epoch: 'e', seq: 2, position: '2', people: [ben] })
    expect([...after.keys()]).toEqual(['ben'])
  })

  it('keeps equal presences as the same object, so that a resume renders nothing', () => {
    const before = applyEvent(empty, { type: 'snapshot', epoch: 'e', seq: 1, position: '1', people: [anna, ben] })
    const after = applyEvent(before, {
      type: 'snapshot',
      epoch: 'f',
      seq: 1,
      position: '9',
      people: [{ ...anna }, { ...ben, line: { state: 'on_the_phone' } }],
    })
    expect(changedIDs(before, after)).toEqual([])
  })

  it('changes whole presences and forgets those who are gone', () => {
    const before = applyEvent(empty, { type: 'snapshot', epoch: 'e', seq: 1, position: '1', people: [anna, ben] })
    const after = applyEvent(before, {
      type: 'changes',
      seq: 2,
      position: '2',
      people: [{ id: 'anna', status: 'busy' }],
      gone: ['ben'],
    })
    expect(after.get('anna')).toEqual({ id: 'anna', status: 'busy' })
    expect(after.has('ben')).toBe(false)
    expect(changedIDs(before, after).sort()).toEqual(['anna', 'ben'])
    expect(before.get('ben')).toBe(ben)
  })

  it('returns the same roster for frames that only say that cards are stale', () => {
    const before = applyEvent(empty, { type: 'snapshot', epoch: 'e', seq: 1, position: '1', people: [anna] })
    expect(applyEvent(before, { type: 'resumed', seq: 2, position: '2', stale: ['anna'] })).toBe(before)
  })
})
