/** Programs that are told of changed presences: what a form of one sends. Pure. */
import type { Connector, ConnectorBody } from './connector'

export type WebhookDraft = {
  name: string
  enabled: boolean
  url: string
  person: string
  whom: 'all' | 'some'
  people: string[]
}

export const freshWebhook: WebhookDraft = { name: '', enabled: true, url: '', person: '', whom: 'all', people: [] }

export function webhookDraft({ name, enabled, webhook }: Connector): WebhookDraft {
  const people = webhook?.people ?? []
  return {
    name,
    enabled,
    url: webhook?.url ?? '',
    person: webhook?.person ?? '',
    whom: people.length ? 'some' : 'all',
    people,
  }
}

export const webhookBody = (d: WebhookDraft): ConnectorBody => ({
  kind: 'webhook',
  name: d.name.trim(),
  enabled: d.enabled,
  webhook: {
    url: d.url.trim(),
    person: d.person,
    people: d.whom === 'some' && d.people.length ? d.people : undefined,
  },
})
