import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  ATTRIBUTES,
  bodyOf,
  type Connector,
  draftOf,
  fresh,
  lastGood,
  missing,
  reachedBefore,
  STEPS,
  stateOf,
  unusual,
  usual,
} from './connector'

const c: Connector = {
  id: 'd1',
  kind: 'ldap',
  name: 'Head office',
  enabled: true,
  has_secret: true,
  ldap: {
    urls: ['ldaps://a.example', 'ldaps://b.example'],
    base: 'dc=example',
    server: 'active_directory',
    attributes: { work_number: 'ipPhone' },
    places: [{ member: 'cn=sales', location: 'l1', group: 'g1' }, { location: 'l1' }],
    every_minutes: 60,
    sign_in: true,
  },
}

describe('a connector', () => {
  it('is in one state', () => {
    const at = '2026-11-24T09:00:00Z'
    expect(stateOf({ enabled: true, running: true, error: 'x' })).toBe('running')
    expect(stateOf({ enabled: false, error: 'x' })).toBe('off')
    expect(stateOf({ enabled: true, error: 'x', succeeded_at: at })).toBe('failed')
    expect(stateOf({ enabled: true })).toBe('never')
    expect(stateOf({ enabled: true, succeeded_at: at })).toBe('good')
    // An application that is used for Microsoft Teams only.
    expect(stateOf({ enabled: true, teams: { succeeded_at: at } })).toBe('good')
    expect(lastGood({ teams: { succeeded_at: at } })).toBe(at)
  })

  it('comes out of the form as it went in', () => {
    const { id: _, has_secret: __, ...body } = c
    expect(bodyOf(draftOf(c))).toEqual({ ...body, secret: undefined })
  })

  it('sends no secret unless one is entered, and an empty one to forget it', () => {
    expect(bodyOf(draftOf(c)).secret).toBeUndefined()
    expect(bodyOf({ ...draftOf(c), secret: 's3cret' }).secret).toBe('s3cret')
    expect(bodyOf({ ...draftOf(c), forget: true }).secret).toBe('')
  })

  it('takes addresses line by line, and leaves out what is empty', () => {
    const d = { ...fresh('l1'), name: ' New ', urls: ' ldaps://a \n\nldaps://b,ldaps://c' }
    const body = bodyOf({ ...d, ldap: { ...d.ldap, base: ' dc=x ', filter: ' ', attributes: { login: ' ' } } })
    expect(body.name).toBe('New')
    expect(body.ldap).toEqual({
      urls: ['ldaps://a', 'ldaps://b', 'ldaps://c'],
      base: 'dc=x',
      server: 'auto',
      places: [{ location: 'l1' }],
      every_minutes: 60,
      sign_in: true,
      attributes: undefined,
    })
    expect(missing(fresh('l1'))).toEqual(['name', 'ldap.urls', 'ldap.base'])
    expect(missing(draftOf(c))).toEqual([])
  })

  it('knows places that are never reached', () => {
    const all = { location: 'l1' }
    const some = { location: 'l1', member: 'cn=x' }
    expect([0, 1, 2].map((i) => reachedBefore([some, all, some], i))).toEqual([0, 0, 2])
  })
})

describe('what stands in the server', () => {
  it('names the usual attributes as it does', () => {
    const source = readFileSync('../internal/directory/config.go', 'utf8')
    for (const field of ATTRIBUTES)
      for (const name of [usual('openldap', field), usual('active_directory', field)].filter(Boolean))
        expect(source).toContain(`"${name}"`)
    expect(usual('auto', 'login')).toBe('uid / sAMAccountName')
    expect(usual('openldap', 'upn')).toBe('')
  })

  it('recognises the refusal to block unusually many', () => {
    const report = { added: 0, changed: 0, unchanged: 0, blocked: 14, refused: 0, refusals: [] }
    expect(unusual({ unusual: true, report })).toBe(14)
    expect(unusual({ report })).toBe(0)
    expect(unusual({ unusual: true })).toBe(0)
  })
})

describe('checks of systems that hold calendars', () => {
  const names = (file: string, pattern: RegExp) =>
    [...readFileSync(`../internal/source/${file}/check.go`, 'utf8').matchAll(pattern)].map((m) => m[1] ?? '')

  it.each([
    ['exchange', /\.step\("(\w+)"/g, 10],
    ['graph', /\bStep\w+ += "(\w+)"/g, 9],
    ['domino', /\bStep\w+ += "(\w+)"/g, 7],
  ] as const)('of %s have words for every step', (file, pattern, count) => {
    const steps = new Set(names(file, pattern))
    expect(steps.size).toBe(count)
    for (const step of steps) expect(STEPS, step).toContain(step)
  })
})
