import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ACCOUNT_REFUSALS, asksForAccount, type Calendar, mayDo, toConnect } from './calendar'

const kinds: Calendar['kind'][] = ['ics', 'caldav', 'exchange', 'graph', 'domino', 'graph_account', 'local']

it('leaves people what is theirs, and nothing that the administrator has set', () => {
  const can = (allowed: boolean) =>
    kinds.map((kind) => {
      const may = mayDo({ kind, central: ['exchange', 'graph', 'domino'].includes(kind) || undefined }, allowed)
      return `${kind}:${['edit', 'remove', 'read'].filter((x) => may[x as 'edit']).join('+')}`
    })
  expect(can(true)).toEqual([
    'ics:edit+remove+read',
    'caldav:edit+remove+read',
    'exchange:read',
    'graph:read',
    'domino:read',
    'graph_account:remove+read',
    'local:remove',
  ])
  expect(can(false).slice(0, 2)).toEqual(['ics:read', 'caldav:read'])
  expect(can(false).slice(5)).toEqual(['graph_account:remove+read', 'local:remove'])
})

const of = (kind: Calendar['kind'], connector?: string): Calendar => ({
  id: kind,
  kind,
  name: kind,
  connector,
  problems: [],
  appointments: 0,
})
const accounts = [{ id: 'g1', name: 'Office', path: '/accounts/g1/begin' }]

it('asks for an account where one may be connected and none is', () => {
  expect(asksForAccount({ accounts, calendars: [of('ics')] })).toBe(true)
  expect(asksForAccount({ accounts: [], calendars: [] })).toBe(false)
  expect(asksForAccount({ accounts, calendars: [of('graph_account', 'g1')] })).toBe(false)
})

it('offers another application to who is connected with one that does not count any more', () => {
  expect(toConnect({ accounts, calendars: [of('graph_account', 'g1')] })).toEqual([])
  expect(toConnect({ accounts, calendars: [of('graph_account', 'old')] })).toEqual(accounts)
})

it('knows every reason for which the server leads back', () => {
  const go = readFileSync('../internal/connector/oidc.go', 'utf8')
  for (const why of ACCOUNT_REFUSALS) expect(go).toMatch(new RegExp(`Refused\\w+\\s+= "${why}"`))
})
