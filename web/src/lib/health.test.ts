import { expect, it } from 'vitest'
import { certificateEnd, connectorKind, failing, lagOf, ordered, type Part } from './health'

const parts: Part[] = [
  { kind: 'database', state: 'ok' },
  { kind: 'ldap', id: 'd1', state: 'off' },
  { kind: 'oidc', id: 'o1', state: 'waiting' },
  { kind: 'ldap', id: 'd2', state: 'failing' },
  { kind: 'webhook', id: 'w1', state: 'failing' },
]

it('puts first what fails, and keeps the order otherwise', () => {
  expect(ordered(parts).map((p) => p.id ?? p.kind)).toEqual(['d2', 'w1', 'o1', 'database', 'd1'])
  expect(failing({ parts })).toBe(2)
  expect(failing(undefined)).toBe(0)
})

it('says how far behind something is in a unit that fits', () => {
  const said = (seconds: number) => `${lagOf(seconds).count} ${lagOf(seconds).unit}`
  expect([0, 59, 60, 180, 7199, 7200, 86_400, 172_800, 864_000].map(said)).toEqual([
    '0 seconds',
    '59 seconds',
    '1 minutes',
    '3 minutes',
    '120 minutes',
    '2 hours',
    '24 hours',
    '2 days',
    '10 days',
  ])
})

it('leads to connectors, and not to parts of the server', () => {
  expect(parts.map(connectorKind)).toEqual([undefined, 'ldap', 'oidc', 'ldap', 'webhook'])
  expect(connectorKind({ kind: 'caldav', state: 'ok' })).toBeUndefined()
  // All calendars in systems of a kind are a part beside each of the systems.
  expect(connectorKind({ kind: 'exchange', id: 'x1', state: 'ok' })).toBe('exchange')
  expect(connectorKind({ kind: 'exchange', state: 'ok' })).toBeUndefined()
  expect(connectorKind({ kind: 'domino', id: 'n1', state: 'ok' })).toBe('domino')
  // Microsoft Teams is reached with an application of Graph API.
  expect(connectorKind({ kind: 'teams', id: 'g1', state: 'ok' })).toBe('graph')
})

it('tells when a certificate ends soon', () => {
  const now = new Date('2026-11-24T09:40:00Z')
  expect(certificateEnd('2026-11-24T09:40:00Z', now)).toBe('expired')
  expect(certificateEnd('2026-12-01T00:00:00Z', now)).toBe('soon')
  expect(certificateEnd('2027-01-20T00:00:00Z', now)).toBe('good')
})
