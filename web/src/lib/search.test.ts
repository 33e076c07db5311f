import { expect, it } from 'vitest'
import { accountSearch, auditSearch, jobSearch, personsSearch, refusedSearch, signInSearch } from './search'

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

it('takes only reasons that are known, and only pages of this client', () => {
  expect(refusedSearch({ refused: 'admin', provider: 'o1' })).toEqual({ refused: 'admin', provider: 'o1' })
  expect(accountSearch({ refused: 'denied', connector: 'g1' })).toEqual({ refused: 'denied', connector: 'g1' })
  expect(accountSearch({ refused: 'admin', connector: 'g1' })).toEqual({ refused: undefined, connector: undefined })
  expect(refusedSearch({ refused: 'made-up', provider: 'o1' })).toEqual({ refused: undefined, provider: undefined })
  expect(refusedSearch({ provider: 'o1' })).toEqual({ refused: undefined, provider: undefined })
  expect(signInSearch({ to: '/agenda' }).to).toBe('/agenda')
  for (const to of ['//elsewhere.example', '/\\elsewhere.example', 'https://elsewhere.example', 7])
    expect(signInSearch({ to }).to).toBeUndefined()
})
