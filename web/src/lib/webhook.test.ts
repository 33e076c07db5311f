import { expect, it } from 'vitest'
import { freshWebhook, webhookBody, webhookDraft } from './webhook'

it('tells of everybody, or of those who are chosen', () => {
  const draft = { ...freshWebhook, name: 'Lamp', url: ' https://lamp.example ', person: 'anna', people: ['tom'] }
  expect(webhookBody(draft).webhook).toEqual({ url: 'https://lamp.example', person: 'anna', people: undefined })
  expect(webhookBody({ ...draft, whom: 'some' }).webhook?.people).toEqual(['tom'])
})

it('holds what is saved', () => {
  const webhook = { url: 'https://lamp.example', person: 'anna' }
  const c = { id: 'w1', kind: 'webhook' as const, name: 'Lamp', enabled: true }
  expect(webhookDraft({ ...c, webhook }).whom).toBe('all')
  const some = webhookDraft({ ...c, webhook: { ...webhook, people: ['tom'] } })
  expect(some.whom).toBe('some')
  expect(webhookBody(some).webhook).toEqual({ ...webhook, people: ['tom'] })
})
