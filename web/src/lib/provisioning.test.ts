import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { freshProvisioning, memberMissing, provisioningBody, provisioningDraft, provisioningPath } from './provisioning'

it('sends places with the last one for everybody', () => {
  const draft = {
    ...freshProvisioning('berlin'),
    name: 'Okta ',
    scim: {
      places: [
        { member: ' Harbour ', location: 'hamburg', group: '' },
        { member: 'left over', location: 'berlin' },
      ],
      take_over: false,
    },
  }
  expect(JSON.parse(JSON.stringify(provisioningBody(draft)))).toEqual({
    kind: 'scim',
    name: 'Okta',
    enabled: true,
    scim: { places: [{ member: 'Harbour', location: 'hamburg' }, { location: 'berlin' }] },
  })
})

it('holds what is saved', () => {
  const scim = { places: [{ location: 'berlin' }], work_group_level: 'employee' as const, take_over: true }
  const draft = provisioningDraft({ id: 's1', kind: 'scim', name: 'Okta', enabled: true, scim })
  expect(provisioningBody(draft).scim).toMatchObject(scim)
})

it('finds a place that would keep people from those below', () => {
  const of = (...members: string[]) => ({
    ...freshProvisioning('berlin'),
    scim: { places: [...members.map((member) => ({ member, location: 'berlin' })), { location: 'berlin' }] },
  })
  expect(memberMissing(of())).toBe(false)
  expect(memberMissing(of('a'))).toBe(false)
  expect(memberMissing(of('a', ' '))).toBe(true)
})

it('knows where the server takes people', () => {
  expect(provisioningPath('s1')).toBe('/scim/v2/s1')
  expect(readFileSync('../internal/api/scim.go', 'utf8')).toContain('SCIMPrefix = "/scim/v2"')
})
