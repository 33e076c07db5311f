import { expect, it } from 'vitest'
import { auditSearch, jobSearch, personsSearch } from './search'

it('takes from the address what makes sense, and nothing else', () => {
  expect(personsSearch({ q: 12, location: 'l1', role: 'king', blocked: 'maybe', edit: '' })).toEqual({
    q: '12',
    location: 'l1',
    group: undefined,
    role: undefined,
    blocked: undefined,
    edit: undefined,
  })
  expect(personsSearch({ role: 'admin', blocked: 'no' })).toMatchObject({ role: 'admin', blocked: 'no' })
  expect(jobSearch({ job: 'j1', dry: true })).toEqual({ job: 'j1', dry: undefined })
  expect(auditSearch({ actor: 'token/k1', since: 'yesterday', until: '2026-03-01', text: '' })).toMatchObject({
    actor: 'token/k1',
    since: undefined,
    until: '2026-03-01',
    text: undefined,
  })
})
