/** Lists of people and directories of the invented office. Jobs go on each time they are asked about. */
import { COLUMNS, parse } from '../src/lib/csv'
import type { PersonRecord, Schemas } from '../src/lib/model'
import { ME } from './office'
import { Refused } from './refused'
import { telephoneSteps, telephoneSystems, usesFor } from './telephony'

type Report = Schemas['Report']
type Job = Schemas['Job']
type Connector = Schemas['Connector']

/** In so many steps a job is done. */
const STEPS = 4

export type Office = {
  records(): PersonRecord[]
  place(location: string, group: string): { location?: string; group?: string }
  enter(r: PersonRecord): void
  note(action: string, person?: string, detail?: unknown): void
  nextID(): string
  /** The names of the scopes whose settings name a system. */
  usesOfSystem(connector: string): string[]
  /** Who is kept in step with Teams by an application. */
  inStep(connector: string): PersonRecord[]
  /** How the lines in a telephone system are doing, and for how many people some are entered. */
  linesIn(connector: string): Schemas['ConnectorLines']
  enteredIn(connector: string): number
}

const invalid = (field: string, message: string) =>
  new Refused(422, `${field}: ${message}`, [{ field: `body.${field}`, message }])

type Delivery = Schemas['Delivery']

/** A start in life for the outside systems that are no directories. */
function others(ago: (minutes: number) => string): Connector[] {
  return [
    {
      id: 'o1',
      kind: 'oidc',
      name: 'Company account',
      enabled: true,
      has_secret: true,
      checked_at: ago(2),
      succeeded_at: ago(2),
      oidc: { issuer: 'https://login.example.com/realms/office', client_id: 'doorlight', match: 'login' },
    },
    {
      id: 'o2',
      kind: 'oidc',
      name: 'Partners',
      enabled: true,
      has_secret: true,
      oidc: {
        issuer: 'https://partners.example.net',
        client_id: '5a1f0c',
        match: 'email',
        scopes: ['profile', 'email', 'groups'],
        session_hours: 8,
      },
    },
    {
      id: 's1',
      kind: 'scim',
      name: 'Entra ID',
      enabled: true,
      has_secret: true,
      token_expires_at: ago(-90 * 24 * 60),
      checked_at: ago(17),
      succeeded_at: ago(17),
      scim: {
        places: [{ member: 'Hamburg staff', location: 'hamburg' }, { location: 'berlin' }],
        work_group_level: 'team_colleague',
      },
      report: {
        added: 14,
        changed: 31,
        blocked: 2,
        unchanged: 120,
        refused: 1,
        refusals: [
          { row: 0, login: 'anna', message: 'is that of an administrator who was entered here; rename one of the two' },
        ],
      },
    },
    {
      id: 'w1',
      kind: 'webhook',
      name: 'Busy lights',
      enabled: true,
      has_secret: true,
      checked_at: ago(1),
      succeeded_at: ago(1),
      webhook: { url: 'https://lights.example.com/presence', person: ME },
    },
    {
      id: 'w2',
      kind: 'webhook',
      name: 'Door displays',
      enabled: true,
      has_secret: true,
      checked_at: ago(4),
      succeeded_at: ago(65),
      error: 'The receiver answers 503 Service Unavailable.',
      webhook: { url: 'http://displays.example.com/hook', person: 'mira', people: ['jonas', 'tom', 'lena'] },
    },
    {
      id: 'x1',
      kind: 'exchange',
      name: 'Exchange Berlin',
      enabled: true,
      has_secret: true,
      checked_at: ago(1),
      succeeded_at: ago(1),
      exchange: {
        domains: ['example.com', 'example.org'],
        auth: 'kerberos',
        account: 'svc-doorlight',
        domain: 'corp.example.com',
        access: 'impersonation',
        names: 'primary_smtp',
        notify: 'stream',
      },
    },
    {
      id: 'x2',
      kind: 'exchange',
      name: 'Exchange Munich',
      enabled: false,
      has_secret: true,
      checked_at: ago(40 * 24 * 60),
      succeeded_at: ago(40 * 24 * 60),
      exchange: {
        url: 'https://mail.munich.example/EWS/Exchange.asmx',
        auth: 'ntlm',
        account: 'MUNICH\\doorlight',
        access: 'delegate',
        names: 'smtp',
        notify: 'none',
      },
    },
    {
      id: 'n1',
      kind: 'domino',
      name: 'Domino Kiel',
      enabled: true,
      has_secret: true,
      checked_at: ago(3),
      succeeded_at: ago(3),
      domino: {
        url: 'https://notes.kiel.example',
        account: 'Doorlight Reader/Kiel',
        mail_file: 'mail/{local}.nsf',
      },
    },
    {
      id: 'g1',
      kind: 'graph',
      name: 'Microsoft 365',
      enabled: true,
      has_secret: true,
      expires_at: ago(-19.5 * 24 * 60),
      checked_at: ago(2),
      succeeded_at: ago(2),
      graph: {
        tenant: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
        client_id: 'b1946ac9-2c3d-4f5e-8a7b-0d1e2f3a4b5c',
        credential: 'secret',
        secret_expires: ago(-19.5 * 24 * 60).slice(0, 10),
        cloud: 'global',
      },
    },
    {
      id: 'g2',
      kind: 'graph',
      name: 'Subsidiary',
      enabled: true,
      has_secret: true,
      graph: {
        tenant: '0c88fa98-b222-4fd8-9414-559fa424ce64',
        client_id: '7d793037-a076-4d8b-a8a8-2f1b8d0a7a11',
        credential: 'certificate',
        cloud: 'us_gov',
        notify: true,
      },
    },
  ].map((c) => withPaths(c as Connector))
}

/** What the server adds to what browsers go to. */
function withPaths(c: Connector): Connector {
  if (c.kind === 'oidc') return { ...c, callback_path: `/auth/${c.id}/callback`, logout_path: `/auth/${c.id}/logout` }
  if (c.kind === 'graph') return { ...c, callback_path: `/accounts/${c.id}/callback` }
  return c
}

function firstDeliveries(ago: (minutes: number) => string): [string, Delivery[]][] {
  const call = (n: number, minutes: number, more: Partial<Delivery> = {}): Delivery => ({
    id: `msg_${n}`,
    at: ago(minutes),
    attempt: 1,
    people: 1,
    bytes: 212,
    status: 204,
    took_ms: 48,
    ...more,
  })
  const refused = { status: 503, error: 'The receiver answers 503 Service Unavailable.', people: 3, bytes: 640 }
  return [
    [
      'w1',
      [
        call(4, 1),
        call(3, 6, { people: 4, bytes: 790, took_ms: 61 }),
        call(2, 9),
        call(1, 30, { people: 25, bytes: 5240, took_ms: 143 }),
      ],
    ],
    [
      'w2',
      [
        call(9, 4, { ...refused, attempt: 3, took_ms: 1210 }),
        call(9, 8, { ...refused, attempt: 2, took_ms: 1187 }),
        call(9, 10, {
          attempt: 1,
          people: 3,
          bytes: 640,
          status: undefined,
          error: 'There was no answer in time.',
          took_ms: 15_000,
        }),
        call(8, 65, { people: 2, bytes: 431 }),
      ],
    ],
  ]
}

export class Provision {
  private readonly jobs = new Map<string, { job: Job; report: Report; error?: string; step: number; end: () => void }>()
  private connectors: Connector[]
  private readonly deliveries: Map<string, Delivery[]>

  constructor(
    private readonly office: Office,
    now: Date,
  ) {
    const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString()
    this.connectors = [
      {
        id: 'd1',
        kind: 'ldap',
        name: 'Head office',
        enabled: true,
        has_secret: true,
        checked_at: ago(12),
        succeeded_at: ago(12),
        ldap: {
          urls: ['ldaps://dc1.example.com', 'ldaps://dc2.example.com'],
          bind_dn: 'cn=doorlight,ou=services,dc=example,dc=com',
          base: 'ou=people,dc=example,dc=com',
          server: 'active_directory',
          attributes: { work_number: 'ipPhone' },
          places: [
            { member: 'cn=sales,ou=groups,dc=example,dc=com', location: 'berlin', group: 'sales' },
            { location: 'berlin' },
          ],
          every_minutes: 60,
          sign_in: true,
        },
        report: {
          added: 1,
          changed: 2,
          unchanged: 21,
          refused: 1,
          refusals: [
            { row: 9, login: '', field: 'login', message: 'cn=Scanner,ou=people,dc=example,dc=com has no login' },
          ],
        },
      },
      {
        id: 'd2',
        kind: 'ldap',
        name: 'Harbour',
        enabled: true,
        checked_at: ago(3),
        succeeded_at: ago(3 * 24 * 60),
        error: 'the directory cannot be reached: connect to ldap://ldap.harbour.example: connection refused',
        ldap: {
          urls: ['ldap://ldap.harbour.example'],
          start_tls: true,
          base: 'dc=harbour,dc=example',
          server: 'openldap',
          places: [{ location: 'hamburg' }],
          every_minutes: 15,
        },
      },
      ...others(ago),
      ...telephoneSystems(ago),
    ]
    this.deliveries = new Map(firstDeliveries(ago))
  }

  /** The sign-in providers that are used. */
  providers(): Schemas['Provider'][] {
    return this.connectors
      .filter((c) => c.kind === 'oidc' && c.enabled)
      .map((c) => ({ id: c.id, name: c.name, path: `/auth/${c.id}/begin` }))
  }

  /** The systems that settings may name. */
  systems(): Schemas['System'][] {
    return this.connectors.flatMap((c) => {
      const { id, kind, name, enabled } = c
      const calendar = kind === 'exchange' || kind === 'graph' || kind === 'domino'
      const telephone = kind === 'asterisk' || kind === 'csta' || kind === 'sip' || kind === 'sip_server'
      if (!calendar && !telephone) return []
      const graph = kind === 'graph'
      return [{ id, kind, name, enabled, calendar, accounts: graph, teams: graph, ...usesFor(c) }]
    })
  }

  all = (): Connector[] => this.connectors

  connector = (id: string): Connector | undefined => this.connectors.find((c) => c.id === id)

  nameOf(id: string): string {
    return this.connectors.find((c) => c.id === id)?.name ?? ''
  }

  health(now: Date): Schemas['Health'] {
    const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString()
    const behind = (at: string) => Math.max(0, Math.round((now.getTime() - new Date(at).getTime()) / 1000))
    const parts: Schemas['Part'][] = [
      { kind: 'database', state: 'ok', found: 'answers within 1 ms' },
      { kind: 'presence', state: 'ok', found: `${this.office.records().length} people` },
      { kind: 'stream', state: 'ok', found: '19 connections watch 34 people' },
      { kind: 'certificate', state: 'ok', found: 'is good until 2027-01-20' },
      {
        kind: 'ics',
        state: 'ok',
        found: '2 calendars, 0 of them cannot be read; their owners are told why',
        checked_at: ago(3),
        succeeded_at: ago(3),
        lag_seconds: 41 * 60,
      },
      ...this.connectors.map((c): Schemas['Part'] => {
        const { kind, id, name, error, checked_at, succeeded_at } = c
        const state = !c.enabled ? 'off' : error ? 'failing' : checked_at ? 'ok' : 'waiting'
        const read = succeeded_at && (state === 'failing' || (state === 'ok' && c.ldap?.every_minutes))
        const lag_seconds = read ? behind(succeeded_at) : undefined
        return { kind, id, name, state, error, checked_at, succeeded_at, lag_seconds }
      }),
      ...this.connectors.flatMap(({ id, name, enabled }): Schemas['Part'][] => {
        const { people, found, heard_at, oldest_seconds } = this.teams({ id, kind: 'graph' } as Connector)
        if (!people || !enabled) return []
        return [
          {
            kind: 'teams',
            id,
            name,
            state: heard_at ? 'ok' : 'waiting',
            found: `${people} people are kept in step with Teams, ${found} of them are found there`,
            checked_at: heard_at,
            succeeded_at: heard_at,
            lag_seconds: oldest_seconds,
          },
        ]
      }),
    ]
    return {
      at: now.toISOString(),
      version: '0.0.0-mock',
      since: ago(3 * 24 * 60),
      parts,
      certificate: {
        source: 'acme',
        names: ['presence.example.com'],
        issuer: "R11, Let's Encrypt",
        expires_at: ago(-57 * 24 * 60),
      },
    }
  }

  private begin(total: number, report: Report, error: string | undefined, end: () => void): Job {
    const job: Job = { id: `j-${this.office.nextID()}`, state: 'running', done: 0, total }
    this.jobs.set(job.id, { job, report, error, step: 0, end })
    return job
  }

  job(id: string): Job {
    const x = this.jobs.get(id)
    if (!x) throw new Refused(404, `there is no job "${id}" of yours`)
    if (x.job.state !== 'running') return x.job
    x.step++
    x.job =
      x.step < STEPS
        ? { ...x.job, done: Math.floor((x.job.total * x.step) / STEPS) }
        : {
            ...x.job,
            done: x.job.total,
            state: x.error ? 'failed' : 'done',
            error: x.error,
            unusual: Boolean(x.error),
            report: x.report,
          }
    if (x.job.state !== 'running') x.end()
    return x.job
  }

  import({ csv, dry_run, location, group }: Schemas['ImportInputBody']): Job {
    const list = parse(csv)
    if (!list) throw invalid('csv', 'line 1 cannot be read: bare " in non-quoted-field')
    const unknown = list.heading.find((c) => !COLUMNS.some((x) => x === c))
    if (unknown) throw invalid('csv', `there is no column "${unknown}"; there are ${COLUMNS.join(', ')}`)
    if (!list.heading.includes('login')) throw invalid('csv', 'a column login is needed: it tells people apart')
    const report: Report = { added: 0, changed: 0, unchanged: 0, refused: 0, refusals: [] }
    const entered: PersonRecord[] = []
    const known = new Map(this.office.records().map((r) => [r.login, r]))
    let line = 1
    let at = 0
    for (const row of list.rows) {
      line += csv.slice(at, row.start).split('\n').length - 1
      at = row.start
      const v = Object.fromEntries(list.heading.map((c, i) => [c, row.cells[i]?.trim()]))
      const login = (v.login ?? '').toLowerCase()
      const old = known.get(login)
      const wrong: [field: string, message: string][] = []
      const silent = location ? !v.location : v.location === undefined
      const there =
        silent && old
          ? old
          : this.office.place(
              silent ? (location ?? '') : (v.location ?? ''),
              silent ? (v.group ?? group ?? '') : (v.group ?? ''),
            )
      if (row.cells.length !== list.heading.length)
        wrong.push(['', `has ${row.cells.length} cells; the heading has ${list.heading.length}`])
      else if (!login) wrong.push(['login', 'must not be empty'])
      else {
        if (!old && !v.name) wrong.push(['name', 'must not be empty'])
        if (!there.location)
          wrong.push(['location', v.location ? `there is no location "${v.location}"` : 'must not be empty'])
        for (const f of ['vip', 'blocked'])
          if (v[f] && !['yes', 'no'].includes(v[f])) wrong.push([f, `"${v[f]}" is neither yes nor no`])
      }
      if (wrong.length) {
        report.refused++
        report.refusals.push(
          ...wrong.map(([field, message]) => ({ row: line, login, field: field || undefined, message })),
        )
        continue
      }
      const r = {
        ...(old ?? { id: '', role: 'user' as const }),
        ...Object.fromEntries(Object.entries(v).filter(([, x]) => x)),
        login,
        name: v.name || old?.name || login,
        location: there.location ?? '',
        group: there.group,
        vip: v.vip === undefined ? old?.vip : v.vip === 'yes' || undefined,
        blocked: v.blocked === undefined ? old?.blocked : v.blocked === 'yes' || undefined,
      } as PersonRecord
      if (old && JSON.stringify(old) === JSON.stringify({ ...r })) report.unchanged++
      else if (old) report.changed++
      else report.added++
      entered.push(r)
    }
    return this.begin(list.rows.length, report, undefined, () => {
      if (dry_run) return
      for (const r of entered) this.office.enter({ ...r, id: r.id || `p-${this.office.nextID()}` })
    })
  }

  /** Answers a call about connectors. */
  answer(method: string, id: string, verb: string, query: URLSearchParams, body: never): unknown {
    if (!id) {
      if (method === 'GET') return { connectors: this.connectors.map((c) => ({ ...c, running: this.running(c.id) })) }
      return this.put(undefined, body)
    }
    const c = this.connectors.find((x) => x.id === id)
    if (!c) throw new Refused(404, `there is no connector "${id}"`)
    if (verb === 'check') {
      if (c.kind === 'oidc') return { steps: providerSteps(c) }
      const mailbox = query.get('mailbox') ?? ''
      if (c.domino) return { steps: dominoSteps(c.domino, mailbox) }
      if (c.kind === 'graph' && query.get('for') === 'teams') return { steps: teamsSteps(c, mailbox) }
      if (c.kind === 'exchange' || c.kind === 'graph') return { steps: systemSteps(c, mailbox) }
      if (c.kind === 'asterisk' || c.kind === 'csta' || c.kind === 'sip' || c.kind === 'sip_server')
        return { steps: telephoneSteps(c, query.get('line') ?? '') }
      return { steps: c.kind === 'webhook' ? this.call(c) : this.steps(c) }
    }
    if (verb === 'token') return this.token(c, body)
    if (verb === 'deliveries')
      return {
        deliveries: this.deliveries.get(id) ?? [],
        next_at: c.error ? new Date(Date.now() + 4 * 60_000).toISOString() : undefined,
      }
    if (verb === 'sync') return this.sync(c, body)
    if (verb === 'scripts') return { scripts: scripts(c, query.get('base') ?? '') }
    if (verb === 'calendars') return this.calendars(c)
    if (verb === 'teams') return this.teams(c)
    if (verb === 'lines') return this.office.linesIn(id)
    if (method === 'PUT') return this.put(c, body)
    const used = this.office.usesOfSystem(id)
    if (used.length)
      throw new Refused(409, `the settings of ${used.join(', ')} name it; choose something else there first`)
    const entered = this.office.enteredIn(id)
    if (entered) throw new Refused(409, `lines in it are entered for ${entered} people; remove them there first`)
    this.connectors = this.connectors.filter((x) => x !== c)
    for (const r of this.office.records()) if (r.directory === id) this.office.enter({ ...r, directory: undefined })
    this.office.note('connector.delete', undefined, { connector: id, name: c.name })
    return undefined
  }

  private readonly syncing = new Map<string, string>()
  private running(id: string): boolean | undefined {
    const job = this.jobs.get(this.syncing.get(id) ?? '')
    return job?.job.state === 'running' || undefined
  }

  private put(old: Connector | undefined, { secret, ...b }: Schemas['ConnectorBody']): Connector {
    const config = (b as Record<string, unknown>)[b.kind]
    if (!config) throw invalid(b.kind, `must be given for a connector of kind ${b.kind}`)
    const bad = b.ldap?.urls.findIndex((u) => !/^ldaps?:\/\/./.test(u)) ?? -1
    if (bad >= 0) throw invalid(`ldap.urls[${bad}]`, 'must begin with ldap:// or ldaps://')
    if (b.oidc && !/^https?:\/\/./.test(b.oidc.issuer))
      throw invalid('oidc.issuer', 'must begin with https:// (http:// only on this computer)')
    if (b.webhook && !/^https?:\/\/./.test(b.webhook.url))
      throw invalid('webhook.url', 'must begin with https:// or http://, and hold no password')
    if (b.exchange?.url && !b.exchange.plaintext && !/^https:\/\/./.test(b.exchange.url))
      throw invalid('exchange.url', 'has to begin with https://, or passwords and calendars can be read on the way')
    if (b.domino?.url && !b.domino.plaintext && !/^https:\/\/./.test(b.domino.url))
      throw invalid(
        'domino.url',
        'must begin with https://, because the password goes over the network; http:// has to be allowed expressly',
      )
    if (b.domino && !/\{(local|email|login)\}/.test(b.domino.mail_file))
      throw invalid(
        'domino.mail_file',
        'must contain one of {login}, {local}, {email}: without, everybody would have the same mail file',
      )
    if (b.asterisk?.auth === 'plain' && !b.asterisk.tls && !b.asterisk.plaintext)
      throw invalid(
        'asterisk.auth',
        'without TLS the secret could be read on the way: choose md5 or TLS, or allow it expressly',
      )
    if (b.graph && !GUID.test(b.graph.tenant))
      throw invalid('graph.tenant', 'is no directory ID, which looks like 84bd8158-6d4d-4958-8b9f-9d6445542f95')
    const way = (x: Connector | Schemas['ConnectorBody'] | undefined) =>
      JSON.stringify([
        x?.ldap?.urls ?? x?.oidc?.issuer,
        x?.exchange && [x.exchange.url, x.exchange.domains, x.exchange.auth],
        x?.domino && [x.domino.url, x.domino.certificates, x.domino.plaintext],
        x?.asterisk && [x.asterisk.host, x.asterisk.port, x.asterisk.tls],
        x?.graph && [x.graph.tenant, x.graph.client_id, x.graph.credential],
      ])
    if (old?.has_secret && secret === undefined && way(old) !== way(b))
      throw invalid('secret', 'must be given again for other servers, or another way to them')
    const c: Connector = withPaths({
      ...old,
      ...b,
      id: old?.id ?? `${b.kind[0]}-${this.office.nextID()}`,
      has_secret: secret === undefined ? old?.has_secret : !!secret || undefined,
    })
    this.connectors = old ? this.connectors.map((x) => (x === old ? c : x)) : [...this.connectors, c]
    this.office.note('connector.put', undefined, { connector: c.id, name: c.name, enabled: c.enabled, config })
    return c
  }

  /** Who is kept in step with Teams, of whom the subsidiary knows nobody; of the others two stand for what may be wrong. */
  private teams(c: Connector): Schemas['ConnectorTeams'] {
    const people = this.office.inStep(c.id)
    const known = c.kind === 'graph' && c.id !== 'g2'
    const [first, second] = people.filter((r) => !r.group)
    const one = (r: PersonRecord) => ({ person: r.id, name: r.name })
    return {
      people: people.length,
      found: known ? Math.max(0, people.length - 1) : 0,
      signed_in: 0,
      heard_at: known && people.length ? new Date(Date.now() - 2_000).toISOString() : undefined,
      oldest_seconds: known && people.length ? 4 : undefined,
      unknown: (known ? [first] : people.slice(0, 100)).flatMap((r) =>
        r ? { ...one(r), address: r.email ?? '' } : [],
      ),
      failing: known && second ? [{ ...one(second), problem: 'The sign-in has expired.' }] : [],
      more: !known && people.length > 100 ? people.length - 100 : undefined,
    }
  }

  /** Nobody is called by the mock: whose calendars cannot be read is made up. */
  private calendars(c: Connector): Schemas['ConnectorCalendars'] {
    const at = new Date(Date.now() - 4 * 60_000).toISOString()
    if (c.id === 'n1')
      return {
        calendars: 23,
        failing: [
          {
            person: 'tom',
            name: 'Tom Wagner',
            mailbox: 'tom@example.com',
            error: 'There is no mail file for this user where it should be on the Domino server.',
            checked_at: at,
          },
        ],
      }
    if (c.id !== 'x1') return { calendars: c.id === 'g1' ? 12 : 0, failing: [] }
    return {
      calendars: 148,
      failing: [
        {
          person: 'jonas',
          name: 'Jonas Keller',
          mailbox: 'jonas@example.com',
          error: 'Exchange knows no mailbox with this address.',
          checked_at: at,
        },
        {
          person: 'zoe',
          name: 'Zoë Lindqvist',
          mailbox: 'zoe@example.com',
          error:
            'The account that reads calendars may not act for this mailbox. An administrator of Exchange has to give it the role ApplicationImpersonation for it.',
          checked_at: at,
          succeeded_at: new Date(Date.now() - 3 * 864e5).toISOString(),
        },
      ],
      more: 3,
    }
  }

  private token(c: Connector, { expires_at }: Schemas['ConnectorTokenBody']): Schemas['MadeConnectorToken'] {
    this.connectors = this.connectors.map((x) =>
      x === c ? { ...c, has_secret: true, token_expires_at: c.kind === 'scim' ? expires_at : undefined } : x,
    )
    this.office.note('connector.token', undefined, { connector: c.id, name: c.name, expires_at })
    return c.kind === 'scim'
      ? { token: 'dlp_mock0token0that0is0shown0once', path: `/scim/v2/${c.id}`, expires_at }
      : { token: 'whsec_bW9jazBzZWNyZXQwdGhhdDBpczBzaG93bjBvbmNl' }
  }

  /** Calls once. The receiver of the displays is away. */
  private call(c: Connector): Schemas['Step'][] {
    if (!c.has_secret) throw new Refused(409, 'it has no secret to sign with yet')
    return [
      c.error
        ? {
            name: 'call',
            server: c.webhook?.url,
            ok: false,
            found: c.error,
            remedy:
              'See that the receiver runs and can be reached from this server, takes POST there, and checks the signature with the present secret.',
          }
        : { name: 'call', server: c.webhook?.url, ok: true, found: 'The receiver answers 204 after 52 ms.' },
      { name: 'person', ok: true, found: 'The person with whose eyes it looks may be signed in.' },
    ]
  }

  private steps(c: Connector): Schemas['Step'][] {
    const [server = ''] = c.ldap?.urls ?? []
    const host = server.replace(/^ldaps?:\/\//, '')
    const name = { name: 'name', server, ok: true, found: `${host} is 192.0.2.10.` }
    if (c.error)
      return [
        name,
        {
          name: 'connection',
          server,
          ok: false,
          found: 'No connection to port 389: connection refused',
          remedy:
            'Check that the directory runs, the port (389 for ldap://, 636 for ldaps://), and firewalls in between.',
        },
      ]
    return [
      name,
      { name: 'connection', server, ok: true, found: 'Port 636 answers.' },
      { name: 'encryption', server, ok: true, found: `TLS 1.3; the certificate is for ${host}.` },
      { name: 'account', server, ok: true, found: 'The account that reads may sign in.' },
      { name: 'base', server, ok: true, found: 'The base is there, in Active Directory.' },
      { name: 'people', ok: true, found: 'The filter (objectClass=user) finds 25 people, such as anna, tom.' },
      {
        name: 'attributes',
        ok: false,
        found: 'Of 25 people have one: sAMAccountName 25, displayName 25, mail 24.',
        remedy: 'Nobody has: ipPhone. Check the spelling, and that the account may read it.',
      },
    ]
  }

  private sync(c: Connector, { dry_run, anyway }: Schemas['ConnectorSyncBody']): Job {
    if (this.running(c.id)) throw new Refused(409, 'a synchronisation of this directory is under way')
    const none: Report = { added: 0, changed: 0, unchanged: 0, refused: 0, refusals: [] }
    // The directory of the harbour has lost most of its people, once it can be reached.
    const lost = c.id === 'd2'
    const refused = lost && !anyway
    const report: Report = lost ? { ...none, unchanged: refused ? 0 : 11, blocked: 14 } : (c.report ?? none)
    const error = refused
      ? '14 of 25 people of the directory would be blocked; nothing was changed. If that is right, say so'
      : undefined
    const job = this.begin(25, report, error, () => {
      if (dry_run) return
      const at = new Date().toISOString()
      const done = error ? { checked_at: at, error } : { checked_at: at, succeeded_at: at, error: undefined, report }
      this.connectors = this.connectors.map((x) => (x.id === c.id ? { ...x, ...done } : x))
    })
    this.syncing.set(c.id, job.id)
    return job
  }
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function systemSteps(c: Connector, mailbox: string): Schemas['Step'][] {
  const server = c.kind === 'exchange' ? 'mail.example.com' : 'graph.microsoft.com'
  const reached = [
    { name: 'connection', server, ok: true, found: 'Port 443 answers.' },
    { name: 'encryption', server, ok: true, found: `TLS 1.3; the certificate is for ${server}.` },
  ]
  if (c.id === 'g2')
    return [
      ...reached,
      {
        name: 'token',
        ok: false,
        found: "Microsoft 365 does not accept the application's certificate.",
        remedy: 'Upload the certificate on the page Certificates & secrets of the app registration.',
      },
    ]
  const signedIn = [...reached, { name: 'sign_in', server, ok: true, found: 'The account that reads may sign in.' }]
  if (!mailbox) return signedIn
  return mailbox.startsWith('anna@')
    ? [...signedIn, { name: 'calendar', ok: true, found: '31 appointments in the next 30 days.' }]
    : [
        ...signedIn,
        {
          name: 'calendar',
          ok: false,
          found: 'Exchange knows no mailbox with this address.',
          remedy: 'Check the address.',
        },
      ]
}

/** As internal/source/graph says it, where anna has a licence and nobody else. */
function teamsSteps(c: Connector, mailbox: string): Schemas['Step'][] {
  const server = 'graph.microsoft.com'
  const good = (name: string, found: string) => ({ name, server, ok: true, found })
  const steps = [
    good('graph', 'Microsoft Graph is reached by an encrypted connection.'),
    good('token', 'The application signed in.'),
    good('read-permission', "The application may read everybody's presence in Teams (Presence.Read.All)."),
    {
      name: 'write-permission',
      server,
      ok: false,
      found: 'The application may not set presence in Teams. Calls and do not disturb are then not shown there.',
      remedy: `In the Entra admin center open App registrations, the application ${c.graph?.client_id}, API permissions, Add a permission, Microsoft Graph, Application permissions, choose Presence.ReadWrite.All, then Grant admin consent. Changes take up to an hour to take effect.`,
    },
  ]
  if (!mailbox) return steps
  return mailbox.startsWith('anna@')
    ? [...steps, good('user', 'The user is there.'), good('read', 'The presence can be read.')]
    : [
        ...steps,
        good('user', 'The user is there.'),
        {
          name: 'read',
          server,
          ok: false,
          found: 'The user has no presence in Teams.',
          remedy: 'Give the user a licence that includes Teams.',
        },
      ]
}

/** As internal/source/domino says it, where anna has a mail file and nobody else. */
function dominoSteps(x: Schemas['Domino'], mailbox: string): Schemas['Step'][] {
  const server = new URL(x.url).hostname
  const good = (name: string, found: string) => ({ name, server, ok: true, found })
  const reached = [
    good('server', 'The server answers.'),
    good('tls', "The connection is encrypted, and the certificate is the server's."),
    good('sign_in', 'The technical user signs in with HTTP Basic.'),
    good('service', 'The calendar service is enabled.'),
  ]
  if (!mailbox) return reached
  const local = mailbox.replace(/@.*/, '')
  const file = mailbox.endsWith('.nsf')
    ? mailbox
    : x.mail_file.replace('{local}', local).replace('{email}', mailbox).replace('{login}', mailbox)
  if (local !== 'anna' && file !== 'mail/anna.nsf')
    return [
      ...reached,
      {
        name: 'mailfile',
        server,
        ok: false,
        found: `There is no mail file /${file} on this server (404).`,
        remedy:
          "Compare it with the field Mail file in the user's person document in the Domino directory, and with Mail server there: a mail file on another server needs a connector of its own. On Linux the case of letters matters.",
      },
    ]
  return [
    ...reached,
    good('mailfile', `The mail file /${file} is there.`),
    good('access', 'The technical user may read the mail file.'),
    good('calendar', 'The calendar can be read: 7 entries from yesterday to the day after tomorrow.'),
  ]
}

/** What the file of another product says (ImportConfig in internal/source/exchange). */
export function exchangeConfig({ xml }: Schemas['ExchangeConfigInputBody']): Schemas['ExchangeConfig'] {
  if (!/<configuration[\s/>]/.test(xml))
    throw invalid('xml', 'this is no CalendarSyncExchange.config.xml: it does not begin with <configuration>')
  const object = /<advise[^>]*\sObject="([^"]*)"/.exec(xml)?.[1]
  if (object === undefined)
    throw invalid(
      'xml',
      'the file does not say how changes are heard of: there is no configuration/calendar_sync/exchange/events/advise in it',
    )
  if (/^ewsstream$/i.test(object)) return { notify: 'stream' }
  if (/^ewspull$/i.test(object)) return { notify: 'pull' }
  throw invalid('xml', `advise has the Object "${object}", where EwsStream and EwsPull are known`)
}

/** Shorter than the real ones (scripts in internal/connector/scripts.go), but for the same purposes. */
function scripts(c: Connector, base: string): Schemas['Script'][] {
  if (c.asterisk)
    return [
      {
        name: 'manager',
        shell: 'manager_conf',
        text: `[${c.asterisk.username}]\nsecret = SECRET\ndeny = 0.0.0.0/0.0.0.0\npermit = ADDRESS_OF_DOORLIGHT/255.255.255.255\nread = system,call,user\nwrite = system,call\n`,
      },
      {
        name: 'codes',
        shell: 'extensions_conf',
        text: '[from-internal-custom]\nexten => _*8X,1,Answer()\n same => n,UserEvent(DoorlightCode,Code: *81)\n same => n,Hangup()\n',
      },
    ]
  if (c.sip_server)
    return [{ name: 'redirect', shell: 'kamailio_cfg', text: 'loadmodule "acc.so"\nloadmodule "uac_redirect.so"\n' }]
  if (c.kind === 'domino') return []
  const account = c.exchange?.account?.replace(/^.*\\/, '') ?? 'doorlight'
  const at = (name: Schemas['Script']['name'], text: string): Schemas['Script'] => ({
    name,
    shell:
      c.kind === 'exchange'
        ? 'exchange_management_shell'
        : name === 'registration' || name === 'teams'
          ? 'microsoft_graph_powershell'
          : 'exchange_online_powershell',
    text,
  })
  if (c.kind === 'graph')
    return [
      at(
        'registration',
        `Connect-MgGraph -TenantId '${c.graph?.tenant}' -Scopes 'Application.ReadWrite.All'\n$app = New-MgApplication -DisplayName '${c.name}' -SignInAudience AzureADMyOrg -Web @{ RedirectUris = @('${base}${c.callback_path}') }\n"Application ID: $($app.AppId)"\n`,
      ),
      at(
        'restriction',
        `Connect-ExchangeOnline\nNew-ServicePrincipal -AppId '${c.graph?.client_id}' -DisplayName '${c.name}'\n`,
      ),
      at(
        'teams',
        `Connect-MgGraph -TenantId '${c.graph?.tenant}' -Scopes 'Application.ReadWrite.All'\n$roles = 'Presence.Read.All', 'Presence.ReadWrite.All', 'User.ReadBasic.All'\n`,
      ),
    ]
  const made = at(
    'account',
    `Import-Module ActiveDirectory\nNew-ADUser -Name '${account}' -AccountPassword (Read-Host -AsSecureString 'Password') -Enabled $true\n`,
  )
  if (c.exchange?.access === 'delegate')
    return [
      made,
      at('delegate', `Enable-Mailbox -Identity '${account}'\n`),
      at('test', `Get-MailboxFolderPermission -Identity 'anna@example.com:\\Calendar' -User '${account}'\n`),
    ]
  return [
    made,
    at(
      'impersonation',
      `New-RoleGroup -Name 'Doorlight impersonation' -Roles 'ApplicationImpersonation' -Members '${account}'\n`,
    ),
    at('scope', `New-ManagementScope -Name 'Doorlight people' -RecipientRestrictionFilter "MemberOfGroup -eq '…'"\n`),
    at('throttling', `Set-ThrottlingPolicyAssociation -Identity '${account}' -ThrottlingPolicy 'Doorlight'\n`),
    at('test', `Get-ManagementRoleAssignment -Role 'ApplicationImpersonation' -GetEffectiveUsers\n`),
  ]
}

function providerSteps(c: Connector): Schemas['Step'][] {
  const good = [
    { name: 'discovery', ok: true, found: `${c.oidc?.issuer} tells about itself` },
    { name: 'flow', ok: true, found: 'code flow with PKCE' },
    { name: 'keys', ok: true, found: 'its keys can be read' },
  ]
  return c.id === 'o2'
    ? [
        ...good,
        {
          name: 'client',
          ok: false,
          found: 'it does not take the client: invalid_client',
          remedy: 'Enter client ID and secret again. A secret may have expired.',
        },
        { name: 'logout', ok: true, found: 'it does not tell when somebody signs out there' },
      ]
    : [
        ...good,
        { name: 'client', ok: true, found: 'it knows the client and takes its secret' },
        {
          name: 'logout',
          ok: true,
          found: 'it tells when somebody signs out there, if the address for it is entered there',
        },
      ]
}
