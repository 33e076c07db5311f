import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CLOUDS, freshGraph, graphBody, graphDraft, graphMissing, secretEnd } from './graph'

const draft = (graph: Partial<typeof freshGraph.graph>, secret = '') => ({
  ...freshGraph,
  name: ' Office ',
  secret,
  graph: { ...freshGraph.graph, tenant: ' t ', client_id: ' c ', ...graph },
})

describe('a form of an application', () => {
  it('comes out as it went in', () => {
    const graph = { tenant: 't', client_id: 'c', credential: 'certificate', cloud: 'china', notify: true } as const
    const body = graphBody(graphDraft({ id: 'g1', kind: 'graph', name: 'Office', enabled: false, graph }))
    expect(JSON.parse(JSON.stringify(body))).toEqual({ kind: 'graph', name: 'Office', enabled: false, graph })
  })

  it('sends what goes with what is chosen, and a secret that is entered', () => {
    const all = { secret_expires: '2027-01-01', login_url: 'https://l', graph_url: 'https://g' }
    expect(graphBody(draft({ ...all, credential: 'certificate' })).graph?.secret_expires).toBeUndefined()
    expect(graphBody(draft(all)).graph).toMatchObject({ tenant: 't', client_id: 'c', login_url: undefined })
    expect(graphBody(draft({ ...all, cloud: 'custom' })).graph).toMatchObject(all)
    expect(graphBody(draft({})).secret).toBeUndefined()
    // Pasted from the portal, with the line end that comes along.
    expect(graphBody(draft({}, 'value\n')).secret).toBe('value')
  })

  it('knows what is missing', () => {
    expect(graphMissing(freshGraph, false)).toEqual(['tenant', 'client_id', 'secret'])
    expect(graphMissing(draft({ cloud: 'custom' }), true)).toEqual(['login_url', 'graph_url'])
    expect(graphMissing(draft({}, 's'), false)).toEqual([])
  })

  it('offers every cloud that the server knows', () => {
    const go = readFileSync('../internal/connector/graph.go', 'utf8')
    expect(go).toContain(`json:"cloud,omitempty" enum:"${CLOUDS.join(',')}"`)
  })
})

it('announces the end of a secret from 30 days before', () => {
  const end = (at: string) => secretEnd(at, new Date('2026-11-24T12:00:00Z'))
  expect(end('2026-11-24T12:00:00Z')).toEqual({ state: 'ended', days: 0 })
  expect(end('2026-11-25T11:00:00Z')).toEqual({ state: 'soon', days: 0 })
  expect(end('2026-12-24T12:00:00Z')).toEqual({ state: 'soon', days: 30 })
  expect(end('2026-12-24T12:00:01Z')).toEqual({ state: 'good', days: 30 })
})
