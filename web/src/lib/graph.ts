/** Applications at Microsoft 365: what a form of one sends, and when its secret ends. Pure. */
import type { Connector, ConnectorBody } from './connector'
import type { Schemas } from './model'

export type Graph = Schemas['Graph']

export const CREDENTIALS = ['secret', 'certificate'] as const satisfies Graph['credential'][]
export const CLOUDS = ['global', 'us_gov', 'us_gov_dod', 'china', 'custom'] as const satisfies Graph['cloud'][]

/** What a form holds of an application; nobody reads its secret. */
export type GraphDraft = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
  graph: Graph
}

export const freshGraph: GraphDraft = {
  name: '',
  enabled: true,
  secret: '',
  graph: { tenant: '', client_id: '', credential: 'secret', cloud: 'global' },
}

export const graphDraft = (c: Connector): GraphDraft => ({
  name: c.name,
  enabled: c.enabled,
  secret: '',
  graph: { ...freshGraph.graph, ...c.graph },
})

/** What does not apply is not sent: it must not be in force by itself when something else is chosen later. */
export function graphBody({ name, enabled, secret, graph: g }: GraphDraft): ConnectorBody {
  const said = (text: string | undefined) => text?.trim() || undefined
  const custom = g.cloud === 'custom'
  return {
    kind: 'graph',
    name: name.trim(),
    enabled,
    secret: secret.trim() || undefined,
    graph: {
      tenant: g.tenant.trim(),
      client_id: g.client_id.trim(),
      credential: g.credential,
      secret_expires: g.credential === 'secret' ? said(g.secret_expires) : undefined,
      cloud: g.cloud,
      login_url: custom ? said(g.login_url) : undefined,
      graph_url: custom ? said(g.graph_url) : undefined,
      notify: g.notify || undefined,
    },
  }
}

/** What the server would say too (New in internal/source/graph), before anything is sent. */
export function graphMissing(
  { secret, graph: g }: GraphDraft,
  kept: boolean,
): ('tenant' | 'client_id' | 'secret' | 'login_url' | 'graph_url')[] {
  const all: ReturnType<typeof graphMissing> = []
  if (!g.tenant.trim()) all.push('tenant')
  if (!g.client_id.trim()) all.push('client_id')
  if (!kept && !secret.trim()) all.push('secret')
  if (g.cloud === 'custom' && !g.login_url?.trim()) all.push('login_url')
  if (g.cloud === 'custom' && !g.graph_url?.trim()) all.push('graph_url')
  return all
}

const DAY = 86_400_000
/** From when on the end of a secret is worth a word, in days. */
const ANNOUNCED = 30

/** What is to be said of the end of a secret; days: whole ones that are left. */
export function secretEnd(expires: string, now: Date): { state: 'ended' | 'soon' | 'good'; days: number } {
  const left = new Date(expires).getTime() - now.getTime()
  if (left <= 0) return { state: 'ended', days: 0 }
  return { state: left <= ANNOUNCED * DAY ? 'soon' : 'good', days: Math.floor(left / DAY) }
}
