/** Providers that send people by SCIM: what a form of one sends. Pure. */
import { type Connector, type ConnectorBody, placeOf } from './connector'
import type { Schemas } from './model'

export type SCIM = Schemas['SCIM']
export type ProvisioningDraft = { name: string; enabled: boolean; scim: SCIM }

export const freshProvisioning = (location: string): ProvisioningDraft => ({
  name: '',
  enabled: true,
  scim: { places: [{ location }] },
})

export const provisioningDraft = (c: Connector): ProvisioningDraft => ({
  name: c.name,
  enabled: c.enabled,
  scim: c.scim ?? { places: [] },
})

export function provisioningBody({ name, enabled, scim }: ProvisioningDraft): ConnectorBody {
  const last = scim.places.length - 1
  return {
    kind: 'scim',
    name: name.trim(),
    enabled,
    scim: {
      places: scim.places.map((p, i) => placeOf(i === last ? { ...p, member: undefined } : p)),
      take_over: scim.take_over || undefined,
      work_group_level: scim.work_group_level || undefined,
    },
  }
}

/** Whether a place before the last names no group: nobody would reach those below. */
export const memberMissing = ({ scim }: ProvisioningDraft) => scim.places.slice(0, -1).some((p) => !p.member?.trim())

/** Where a provider finds this server (SCIMPrefix in internal/api/scim.go). */
export const provisioningPath = (connector: string) => `/scim/v2/${encodeURIComponent(connector)}`
