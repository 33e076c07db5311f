import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Connector } from './connector'
import { comparesEmail, freshProvider, providerBody, providerDraft, REFUSALS, usualClaim, wayTo } from './provider'

const draft = (oidc: Partial<typeof freshProvider.oidc>) => ({
  ...freshProvider,
  name: ' Keycloak ',
  oidc: { ...freshProvider.oidc, issuer: ' https://login.example.org ', client_id: 'doorlight', ...oidc },
})

describe('a form of a sign-in provider', () => {
  it('sends what is entered, and nothing that is empty', () => {
    expect(JSON.parse(JSON.stringify(providerBody(draft({ claim: ' ' }))))).toEqual({
      kind: 'oidc',
      name: 'Keycloak',
      enabled: true,
      oidc: { issuer: 'https://login.example.org', client_id: 'doorlight', match: 'login' },
    })
    expect(providerBody({ ...draft({}), scopes: 'profile, email\ngroups' }).oidc?.scopes).toEqual([
      'profile',
      'email',
      'groups',
    ])
  })

  it('keeps a secret, replaces it, or forgets it', () => {
    expect(providerBody(draft({})).secret).toBeUndefined()
    expect(providerBody({ ...draft({}), secret: 'new' }).secret).toBe('new')
    expect(providerBody({ ...draft({}), forget: true }).secret).toBe('')
  })

  it('sends nothing that weakens where it does not apply', () => {
    const all = { unverified_email: true, administrators: true, directory: 'd1' }
    expect(providerBody(draft({ match: 'login', ...all })).oidc).toMatchObject({ administrators: true })
    expect(providerBody(draft({ match: 'login', ...all })).oidc?.unverified_email).toBeUndefined()
    expect(providerBody(draft({ match: 'login', ...all })).oidc?.directory).toBeUndefined()
    expect(providerBody(draft({ match: 'email', ...all })).oidc?.unverified_email).toBe(true)
    const directory = providerBody(draft({ match: 'directory', ...all })).oidc
    expect(directory).toMatchObject({ directory: 'd1' })
    expect(directory?.administrators).toBeUndefined()
  })

  it('holds what is saved', () => {
    const oidc = { issuer: 'https://a.example', client_id: 'x', match: 'email' as const, scopes: ['email', 'groups'] }
    const c: Connector = { id: 'o1', kind: 'oidc', name: 'A', enabled: false, oidc }
    expect(providerDraft(c)).toMatchObject({ name: 'A', enabled: false, scopes: 'email groups', secret: '' })
    expect(providerBody(providerDraft(c)).oidc).toMatchObject(oidc)
  })

  it('knows which claim is compared', () => {
    expect(usualClaim('directory')).toBe('sub')
    expect(comparesEmail({ match: 'email' })).toBe(true)
    expect(comparesEmail({ match: 'email', claim: 'upn' })).toBe(false)
    expect(comparesEmail({ match: 'login', claim: 'email' })).toBe(true)
  })
})

it('knows every reason of the server for sending somebody back, and no other', () => {
  const source = readFileSync('../internal/connector/oidc.go', 'utf8')
  expect([...source.matchAll(/^\tRefused\w+\s+= "(\w+)"/gm)].map((m) => m[1])).toEqual([...REFUSALS])
})

it('leads to a provider and back', () => {
  expect(wayTo('/auth/o1/begin', undefined)).toBe('/auth/o1/begin')
  expect(wayTo('/auth/o1/begin', '/agenda?day=2026-11-24')).toBe('/auth/o1/begin?to=%2Fagenda%3Fday%3D2026-11-24')
  expect(wayTo('/auth/o1/begin', '/settings/sign-in', true)).toBe('/auth/o1/begin?connect&to=%2Fsettings%2Fsign-in')
})
