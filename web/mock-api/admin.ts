/** The administration of the invented office: scopes and their settings, records, groups, tokens and the log. */
import { FACTORY } from '../src/lib/factory'
import { EVENTS, type PersonRecord, type Schemas, SECTIONS, type SectionName, type Template } from '../src/lib/model'
import { usesOf, usesTeams, type Values } from '../src/lib/scope'
import { ME, type Person, templates, ZONE } from './office'
import { exchangeConfig, Provision } from './provision'
import { Refused } from './refused'
import { Telephony } from './telephony'

type Own = { events: Partial<Record<(typeof EVENTS)[number], string>>; calendar?: boolean; profiles: number }

const rule = (profile: string, user_may_change: boolean, minutes?: number) => ({
  on: true,
  profile,
  minutes,
  user_may_change,
})

/** Berlin is not as it was shipped: its templates forward calls, and what the end of a program does is fixed. */
const berlin: Partial<Values> = {
  templates,
  activation: {
    start: rule('t-available', true),
    end: rule('t-unavailable', false),
    inactivity: rule('t-brb', true, 10),
    lock: rule('t-brb', true),
  },
  calendar: { ...FACTORY.calendar, profile: 't-appointment', subject_as_text: true },
}

const invalid = (field: string, message: string) =>
  new Refused(422, 'the request is not valid', [{ field: `body.${field}`, message }])

/** Tells values apart, well enough for an invented office. */
function versionOf(value: unknown): string {
  let h = 5381
  for (const c of JSON.stringify(value)) h = ((h * 33) ^ c.charCodeAt(0)) >>> 0
  return h.toString(16)
}

export class Administration {
  private locations: Schemas['Location'][] = [
    { id: 'berlin', name: 'Berlin', time_zone: ZONE },
    { id: 'hamburg', name: 'Hamburg', time_zone: ZONE },
  ]
  private groups: Schemas['Group'][] = [
    { id: 'reception', location: 'berlin', name: 'Reception' },
    { id: 'sales', location: 'berlin', name: 'Sales' },
  ]
  private sections = new Map<string, Partial<Values>>([
    ['berlin', berlin],
    ['sales', { own_profiles: { allowed: false, permitted: ['be_right_back', 'busy'] } }],
  ])
  private readonly records = new Map<string, PersonRecord>()
  /** Settings of their own, of everybody but me; mine are in the server. */
  private readonly own = new Map<string, Own>([
    ['jonas', { events: { lock: 't-break' }, profiles: 1 }],
    ['mira', { events: { inactivity: 't-home' }, profiles: 0 }],
    ['eva', { events: {}, calendar: true, profiles: 2 }],
  ])
  private workGroups: Schemas['WorkGroup'][]
  private monitoringGroups: Schemas['MonitoringGroup'][]
  private tokens: Schemas['Token'][]
  private readonly log: Schemas['AuditEntry'][] = []
  private next = 1
  readonly provision: Provision
  readonly telephony: Telephony

  constructor(
    private readonly people: Map<string, Person>,
    /** Tells the office of people who came, changed or went. */
    private readonly onPeople: (id: string) => void,
    now: Date,
  ) {
    for (const [id, p] of people) {
      this.records.set(id, {
        id,
        name: p.facts.name,
        login: id,
        email: p.facts.email,
        work_number: p.facts.work_number,
        mobile_number: p.facts.mobile_number,
        home_number: p.facts.home_number,
        voicemail_number: id === ME ? '+49 30 555 0900' : undefined,
        location: p.group === 'support' ? 'hamburg' : 'berlin',
        group: p.group === 'sales' ? 'sales' : undefined,
        role: id === ME ? 'admin' : 'user',
        vip: p.group === 'board' || undefined,
        blocked: id === 'zoe' || undefined,
        directory: p.group === 'sales' ? 'd1' : undefined,
      })
    }
    const of = (group: string) => [...people].filter(([, p]) => p.group === group).map(([id]) => id)
    this.workGroups = [
      { id: 'product', name: 'Product', level: 'team_colleague', members: of('product') },
      { id: 'support', name: 'Support', level: 'team_colleague', members: of('support') },
    ]
    this.monitoringGroups = [
      {
        id: 'board',
        name: 'Board office',
        observer_level: 'assistant',
        member_level: 'employee',
        observers: ['anna', 'ines'],
        members: of('board'),
      },
    ]
    this.tokens = [
      { id: 'k1', name: 'Access control', origin: 'access-control', scopes: ['claims'] },
      {
        id: 'k2',
        name: 'Wallboard',
        scopes: ['read'],
        person: 'anna',
        expires_at: new Date(now.getTime() + 40 * 86_400_000).toISOString(),
      },
    ]
    this.firstEntries(now)
    this.provision = new Provision(
      {
        records: () => [...this.records.values()],
        place: (location, group) => this.place(location, group),
        enter: (r) => this.enter(r),
        note: (action, person, detail) => this.note(action, person, detail),
        nextID: () => String(this.next++),
        usesOfSystem: (connector) => this.usesOfSystem(connector),
        inStep: (connector) => this.inStep(connector),
        linesIn: (connector) => this.telephony.inSystem(connector),
        enteredIn: (connector) => this.telephony.enteredIn(connector),
      },
      now,
    )
    this.telephony = new Telephony({
      records: () => [...this.records.values()],
      presence: (id) => people.get(id)?.presence,
      settings: (id) => this.of(id),
      connector: (id) => this.provision.connector(id),
    })
  }

  private place(location: string, group: string): { location?: string; group?: string } {
    const called = (x: { id?: string; name: string }, said: string) =>
      x.id === said || x.name.toLowerCase() === said.toLowerCase()
    const l = this.locations.find((x) => called(x, location))
    return { location: l?.id, group: this.groups.find((g) => g.location === l?.id && called(g, group))?.id }
  }

  private firstEntries(now: Date): void {
    const entries: [minutes: number, actor: string, action: string, person?: string, detail?: unknown][] = [
      [
        25,
        'anna',
        'settings.section',
        undefined,
        {
          scope: 'berlin',
          section: 'activation',
          before: { end: { user_may_change: true }, inactivity: { minutes: 5 } },
          after: { end: { user_may_change: false }, inactivity: { minutes: 10 } },
        },
      ],
      [90, 'mira', 'presence.choice', 'tom', { status: 'do_not_disturb', profile: 'Focus time' }],
      [200, 'anna', 'person.put', 'zoe', { name: 'Zoë Lambert', before: { blocked: false }, after: { blocked: true } }],
      [310, 'tom', 'relationship.put', 'tom', { viewer: 'anna', level: 'assistant' }],
      [
        400,
        'anna',
        'token.put',
        undefined,
        { token: 'k1', name: 'Access control', origin: 'access-control', scopes: ['claims'] },
      ],
      [
        410,
        'anna',
        'work_group.put',
        undefined,
        { group: 'product', name: 'Product', level: 'team_colleague', members: 10 },
      ],
      [420, 'connector/s1', 'person.add', 'lena', { name: 'Lena Vogt' }],
      [
        430,
        '',
        'sign-in.refused',
        undefined,
        { connector: 'o2', why: 'unknown', detail: 'nobody here has the email x@example.net' },
      ],
      [440, 'jonas', 'identity.put', 'jonas', { connector: 'o1', subject: 'f2a81c' }],
      [500, 'token/k1', 'presence.choice', 'paul', { status: 'unavailable' }],
      [600, 'anna', 'person.delete', 'somebody-gone'],
      [700, '', 'setup', 'anna', { name: 'Anna Berger' }],
    ]
    // Enough for more than one page.
    for (let i = 0; i < 60; i++) entries.push([800 + i * 9, 'jonas', 'profiles.put', 'jonas'])
    for (const [minutes, actor, action, person, detail] of entries.toReversed()) {
      this.log.unshift({
        id: this.log.length + 1,
        at: new Date(now.getTime() - minutes * 60_000).toISOString(),
        actor,
        action,
        person,
        detail,
      })
    }
  }

  private note(action: string, person?: string, detail?: unknown): void {
    this.log.unshift({
      id: (this.log[0]?.id ?? 0) + 1,
      at: new Date().toISOString(),
      actor: ME,
      action,
      person,
      detail,
    })
  }

  /** The settings in force in a scope. */
  effective(scope: string): Values {
    const group = this.groups.find((g) => g.id === scope)
    const location = group?.location ?? scope
    if (!this.locations.some((l) => l.id === location))
      throw new Refused(404, `there is no location or configuration group "${scope}"`)
    return { ...FACTORY, ...this.sections.get(location), ...(group && this.sections.get(scope)) }
  }

  /** Sets where the calendars of a scope come from. */
  setCalendar(scope: string, part: Partial<Values['calendar']>): void {
    this.sections.set(scope, { ...this.sections.get(scope), calendar: { ...this.effective(scope).calendar, ...part } })
  }

  /** Sets how the people of a scope are kept in step with Teams. */
  setTeams(scope: string, part: Partial<Values['teams']>): void {
    this.sections.set(scope, { ...this.sections.get(scope), teams: { ...this.effective(scope).teams, ...part } })
  }

  /** Sets where the lines of the people of a scope are. */
  setTelephony(scope: string, part: Values['telephony']): void {
    this.sections.set(scope, { ...this.sections.get(scope), telephony: part })
  }

  /** Who is kept in step with Teams by an application. */
  private inStep(connector: string): PersonRecord[] {
    return [...this.records.values()].filter((r) => {
      const { teams } = this.of(r.id)
      return teams.connector === connector && teams.sync !== 'none'
    })
  }

  private usesOfSystem(connector: string): string[] {
    return [...this.sections]
      .filter(([, s]) =>
        [
          s.calendar?.connector,
          s.calendar?.accounts,
          s.teams?.connector,
          s.telephony?.connector,
          s.telephony?.forwarding,
        ].includes(connector),
      )
      .map(([scope]) => this.scopeName(scope))
      .sort()
  }

  /** The settings in force for somebody. */
  of(person: string): Values {
    const r = this.records.get(person)
    return this.effective(r?.group ?? r?.location ?? 'berlin')
  }

  private section(scope: string, name: SectionName): Schemas['Section'] {
    const value = this.effective(scope)[name]
    const individual = this.sections.get(scope)?.[name] !== undefined
    const part = { [name]: name === 'templates' ? { templates: value } : value }
    return { name, individual, version: versionOf(value), ...part }
  }

  private scopeName(scope: string): string {
    const group = this.groups.find((g) => g.id === scope)
    return group
      ? `configuration group "${group.name}"`
      : `location "${this.locations.find((l) => l.id === scope)?.name}"`
  }

  private peopleIn(scope: string): PersonRecord[] {
    return [...this.records.values()].filter((r) => r.location === scope || r.group === scope)
  }

  /** Changes sections, or none of them if a template would be missing where it is used. Null returns one to the default. */
  private change(scope: string, parts: Record<string, unknown>, dry = false): void {
    const before = new Map([...this.locations, ...this.groups].map((x) => [x.id ?? '', this.effective(x.id ?? '')]))
    const old = this.sections.get(scope)
    const next = Object.entries({ ...old, ...parts }).filter(([, value]) => value !== null)
    this.sections.set(scope, Object.fromEntries(next) as Partial<Values>)
    try {
      for (const [id, was] of before) this.guard(id, was)
    } catch (e) {
      this.sections.set(scope, old ?? {})
      throw e
    }
    if (dry) {
      this.sections.set(scope, old ?? {})
      return
    }
    for (const r of this.peopleIn(scope)) {
      const own = this.own.get(r.id)
      const now = this.of(r.id)
      if (!own) continue
      for (const e of EVENTS) if (!now.activation[e].user_may_change) delete own.events[e]
      if (!now.calendar.user_may_change) own.calendar = false
    }
    for (const name of SECTIONS.filter((s) => s in parts)) {
      this.note('settings.section', undefined, {
        scope,
        section: name,
        default: parts[name] === null,
        before: before.get(scope)?.[name],
        after: this.effective(scope)[name],
      })
    }
  }

  private guard(scope: string, was: Values): void {
    const now = this.effective(scope)
    const at = {
      activation: { individual: true, value: now.activation },
      calendar: { individual: true, value: now.calendar },
      telephony: { individual: true, value: now.telephony },
    }
    const used: { field: string; message: string }[] = []
    const active = (id: string | undefined) => now.templates.some((x) => x.id === id && x.active)
    for (const x of was.templates) {
      if (!x.active || active(x.id)) continue
      for (const use of usesOf(at, x.id))
        used.push({ field: `body.${use}`, message: `uses the template "${x.name}" in ${this.scopeName(scope)}` })
      const people = this.peopleIn(scope).filter((r) => {
        const own = this.own.get(r.id)
        return this.scopeOf(r) === scope && own && Object.values(own.events).includes(x.id ?? '')
      })
      if (people.length)
        used.push({
          field: 'body.templates',
          message: `"${x.name}" is used by the own settings of ${people.length === 1 ? 'one person' : `${people.length} people`} in ${this.scopeName(scope)}`,
        })
    }
    if (used.length) throw new Refused(409, `a template is still used: ${used.map((u) => u.message).join('; ')}`, used)
    for (const e of EVENTS) {
      const r = now.activation[e]
      if (r.on && !active(r.profile)) throw invalid(`activation.${e}.profile`, `"${r.profile}" is no active template`)
    }
    if (!active(now.calendar.profile))
      throw invalid('calendar.profile', `"${now.calendar.profile}" is no active template`)
    if (now.calendar.method === 'central' && !now.calendar.connector)
      throw invalid('calendar.connector', 'must be given: the system that holds the calendars')
    if (usesTeams(now.teams) && !now.teams.connector)
      throw invalid('teams.connector', 'must be given: the application at Microsoft 365')
    for (const [i, c] of (now.telephony.codes ?? []).entries()) {
      if (!/^[\d*#]{2,20}$/.test(c.code))
        throw invalid(`telephony.codes[${i}].code`, 'must be 2 to 20 digits, * and #, such as *81')
    }
    for (const [i, x] of now.templates.entries()) {
      if (x.forwarding.target === 'number' && !/^[\d+ \-/().*#]+$/.test(x.forwarding.number ?? ''))
        throw invalid(`templates[${i}].forwarding.number`, 'must hold digits and + - / ( ) . * # only')
    }
  }

  private scopeOf = (r: PersonRecord) => r.group ?? r.location

  private reset(records: PersonRecord[], { keep_profiles, dry_run }: Schemas['ResetInput']): Schemas['ResetResult'] {
    const touched = records.filter((r) => {
      const own = this.own.get(r.id)
      return own && (Object.keys(own.events).length > 0 || own.calendar || (own.profiles > 0 && !keep_profiles))
    })
    if (!dry_run) {
      for (const r of touched) {
        const own = this.own.get(r.id)
        if (own) this.own.set(r.id, { events: {}, profiles: keep_profiles ? own.profiles : 0 })
      }
      if (touched.length) this.note('settings.reset', undefined, { people: touched.length, keep_profiles })
    }
    return { people: touched.length, done: !dry_run }
  }

  /** Resets somebody who is not me. */
  resetPerson(id: string, body: Schemas['ResetInput']): Schemas['ResetResult'] {
    const r = this.records.get(id)
    return this.reset(r ? [r] : [], body)
  }

  /** Answers a call of the administration; undefined is an empty answer, NOT_HERE is for others. */
  answer(method: string, path: string, query: URLSearchParams, body: never): unknown {
    const [, kind = '', id = '', verb = '', item = ''] = path.split('/').map(decodeURIComponent)
    switch (kind) {
      case 'locations':
        return verb === 'duplicate' ? this.duplicate(id, body) : this.aboutLocation(method, id, body)
      case 'groups':
        return this.aboutGroup(method, id, body)
      case 'scopes':
        return this.aboutScope(method, id, verb, item, body)
      case 'work-groups':
        return this.aboutList(method, id, body, 'work_group', this.workGroups, 'work_groups')
      case 'monitoring-groups':
        return this.aboutList(method, id, body, 'monitoring_group', this.monitoringGroups, 'monitoring_groups')
      case 'tokens':
        return this.aboutToken(method, id, body)
      case 'audit':
        return this.audit(query)
      case 'records':
        return this.search(query)
      case 'connectors':
        return this.provision.answer(method, id, verb, query, body)
      case 'exchange-config':
        return exchangeConfig(body)
      case 'health':
        return this.provision.health(new Date())
      case 'jobs':
        return this.provision.job(id)
      case 'people':
        if (id === 'import') return this.provision.import(body)
        if (verb === 'link') return this.link(id, body)
        if (method === 'POST' && !id) return this.putPerson(undefined, body)
        if (verb === 'record') return this.aboutRecord(method, id === 'me' ? ME : id, body)
    }
    return NOT_HERE
  }

  private countedLocation = (l: Schemas['Location']) => ({ ...l, people: this.peopleIn(l.id ?? '').length })

  private aboutLocation(method: string, id: string, body: Schemas['Location']): unknown {
    if (method === 'GET') return { locations: this.locations.map(this.countedLocation) }
    const i = this.locations.findIndex((l) => l.id === id)
    if (id && i < 0) throw new Refused(404, `there is no location "${id}"`)
    if (method === 'DELETE') {
      this.refusePeople(id, 'location')
      this.locations = this.locations.filter((l) => l.id !== id)
      this.groups = this.groups.filter((g) => g.location !== id)
      this.note('location.delete', undefined, { location: id })
      return undefined
    }
    this.checkName(this.locations, id, body.name, `"${body.name}" is taken`)
    const l = { id: id || `location-${this.next++}`, name: body.name, time_zone: body.time_zone }
    this.locations = id ? this.locations.with(i, l) : [...this.locations, l]
    this.note('location.put', undefined, { location: l.id, name: l.name })
    return this.countedLocation(l)
  }

  private checkName(list: { id?: string; name: string }[], id: string, name: string, message: string): void {
    if (list.some((x) => x.id !== id && x.name.toLowerCase() === name.toLowerCase())) throw invalid('name', message)
  }

  private refusePeople(scope: string, kind: string): void {
    const n = this.peopleIn(scope).length
    if (n) throw new Refused(409, `${n} people still belong to the ${kind}`)
  }

  private duplicate(id: string, { name }: { name: string }): unknown {
    const from = this.locations.find((l) => l.id === id)
    if (!from) throw new Refused(404, `there is no location "${id}"`)
    this.checkName(this.locations, '', name, `"${name}" is taken`)
    const l = { ...from, id: `location-${this.next++}`, name }
    this.locations = [...this.locations, l]
    this.sections.set(l.id, structuredClone(this.sections.get(id) ?? {}))
    for (const g of this.groups.filter((x) => x.location === id)) {
      const copy = { ...g, id: `group-${this.next++}`, location: l.id }
      this.groups = [...this.groups, copy]
      this.sections.set(copy.id, structuredClone(this.sections.get(g.id ?? '') ?? {}))
    }
    this.note('location.duplicate', undefined, { from: id, location: l.id, name })
    return this.countedLocation(l)
  }

  private aboutGroup(method: string, id: string, body: Schemas['Group']): unknown {
    const counted = (g: Schemas['Group']) => ({ ...g, people: this.peopleIn(g.id ?? '').length })
    if (method === 'GET') return { groups: this.groups.map(counted) }
    const i = this.groups.findIndex((g) => g.id === id)
    if (id && i < 0) throw new Refused(404, `there is no configuration group "${id}"`)
    if (method === 'DELETE') {
      this.refusePeople(id, 'configuration group')
      this.groups = this.groups.filter((g) => g.id !== id)
      this.note('group.delete', undefined, { group: id })
      return undefined
    }
    const beside = this.groups.filter((g) => g.location === body.location)
    this.checkName(beside, id, body.name, `"${body.name}" is taken in this location`)
    const g = { id: id || `group-${this.next++}`, location: body.location, name: body.name }
    this.groups = id ? this.groups.with(i, g) : [...this.groups, g]
    this.note('group.put', undefined, { group: g.id, name: g.name })
    return counted(g)
  }

  private aboutScope(method: string, scope: string, verb: string, item: string, body: never): unknown {
    if (verb === 'systems') return { systems: this.provision.systems() }
    if (verb === 'reset') return this.reset(this.peopleIn(scope), body)
    if (verb === 'settings' && !item && method === 'PUT') return this.putSections(scope, body)
    if (verb === 'settings' && !item) return { sections: SECTIONS.map((s) => this.section(scope, s)) }
    throw new Refused(404, `the mock does not know ${verb} of a scope`)
  }

  private putSections(scope: string, body: Schemas['SectionsInputBody']): Schemas['SectionsChanged'] {
    const known = new Set(this.effective(scope).templates.map((x) => x.id))
    const ids = new Map<string | undefined, string>()
    const templates = body.templates?.templates.map((x): Template => {
      const id =
        x.id && (known.has(x.id) || FACTORY.templates.some((f) => f.id === x.id)) ? x.id : `t-new-${this.next++}`
      ids.set(x.id, id)
      return { ...x, id }
    })
    const now = <T extends { profile?: string }>(x: T): T => ({ ...x, profile: ids.get(x.profile) ?? x.profile })
    const parts: Record<string, unknown> = {}
    for (const name of body.default ?? []) parts[name] = null
    for (const name of SECTIONS) if (body[name]) parts[name] = body[name]
    if (templates) parts.templates = templates
    if (body.calendar) parts.calendar = now(body.calendar)
    if (body.activation) {
      const a = body.activation
      parts.activation = Object.fromEntries(EVENTS.map((e) => [e, now(a[e])]))
    }
    for (const name of SECTIONS.filter((s) => s in parts)) {
      const was = body.was?.[name]
      if (was && was !== this.section(scope, name).version)
        throw new Refused(409, `the section ${name} was changed meanwhile by somebody else; look at it again`)
    }
    const people = this.peopleIn(scope).length
    this.change(scope, parts, body.dry_run)
    return {
      consequences: { people, presence: 3, forwarding: 1, missing_numbers: 0, discarded: 2 },
      done: !body.dry_run,
      sections: SECTIONS.map((s) => this.section(scope, s)),
    }
  }

  private aboutList<T extends { id?: string; name: string }>(
    method: string,
    id: string,
    body: T,
    action: string,
    list: T[],
    key: string,
  ): unknown {
    if (method === 'GET') return { [key]: list }
    const i = list.findIndex((g) => g.id === id)
    if (id && i < 0) throw new Refused(404, `there is no group "${id}"`)
    if (method === 'DELETE') {
      list.splice(i, 1)
      this.note(`${action}.delete`, undefined, { group: id })
      return undefined
    }
    this.checkName(list, id, body.name, `"${body.name}" is taken`)
    const g = { ...body, id: id || `g-${this.next++}` }
    if (id) list[i] = g
    else list.push(g)
    this.note(`${action}.put`, undefined, { group: g.id, name: g.name })
    return g
  }

  private aboutToken(method: string, id: string, body: Schemas['Token']): unknown {
    if (method === 'GET') return { tokens: this.tokens }
    if (method === 'DELETE') {
      this.tokens = this.tokens.filter((x) => x.id !== id)
      this.note('token.delete', undefined, { token: id })
      return undefined
    }
    const { secret: _, ...x } = { ...body, id: `k-${this.next++}` }
    this.tokens = [...this.tokens, x]
    this.note('token.put', x.person, { token: x.id, name: x.name, origin: x.origin, scopes: x.scopes })
    return { ...x, secret: 'dlt_mock0secret0that0is0shown0once' }
  }

  private audit(query: URLSearchParams): Schemas['Audit'] {
    const before = Number(query.get('before') ?? 0)
    const [since, until] = [query.get('since') ?? '', query.get('until') ?? '9']
    const text = (query.get('text') ?? '').toLowerCase()
    const is = (key: string, value: string | undefined) => !query.get(key) || query.get(key) === value
    const entries = this.log
      .filter((e) => is('person', e.person) && is('actor', e.actor) && (!before || e.id < before))
      .filter((e) => e.action.startsWith(query.get('action') ?? '') && e.at >= since && e.at < until)
      .filter((e) => `${e.action} ${JSON.stringify(e.detail ?? '')}`.toLowerCase().includes(text))
    return { entries: entries.slice(0, Number(query.get('limit') ?? 100)) }
  }

  private search(query: URLSearchParams): Schemas['Records'] {
    const is = (key: string, value: string | undefined) => !query.get(key) || query.get(key) === value
    const q = (query.get('q') ?? '').toLowerCase()
    const found = [...this.records.values()]
      .filter((r) => is('location', r.location) && is('group', r.group) && is('role', r.role))
      .filter((r) => is('blocked', r.blocked ? 'yes' : 'no'))
      .filter((r) =>
        `${r.name} ${r.login ?? ''}`
          .toLowerCase()
          .split(' ')
          .some((w) => w.startsWith(q)),
      )
      .sort((a, b) => a.name.localeCompare(b.name))
    const [from, limit] = [Number(query.get('after') ?? 0), Number(query.get('limit') ?? 50)]
    const next = found.length > from + limit ? String(from + limit) : undefined
    return { records: found.slice(from, from + limit), total: found.length, next }
  }

  private link(id: string, { kind }: Schemas['LinkInputBody']): Schemas['Link'] {
    const r = this.records.get(id)
    if (!r) throw new Refused(404, `there is no person "${id}"`)
    if (r.directory) throw new Refused(409, `${r.name} signs in with the password of a directory`)
    this.note(`link.${kind}`, id)
    const days = kind === 'invitation' ? 7 : 1
    return { path: '/password#dll_good', expires_at: new Date(Date.now() + days * 86_400_000).toISOString() }
  }

  private aboutRecord(method: string, id: string, body: never): unknown {
    const r = this.records.get(id)
    if (!r) throw new Refused(404, `there is no person "${id}"`)
    if (method === 'GET') return r
    if (method === 'PUT') return this.putPerson(r, body)
    this.records.delete(id)
    this.people.delete(id)
    for (const g of this.workGroups) g.members = g.members.filter((x) => x !== id)
    for (const g of this.monitoringGroups) {
      g.members = g.members.filter((x) => x !== id)
      g.observers = g.observers.filter((x) => x !== id)
    }
    this.note('person.delete', id)
    this.onPeople(id)
    return undefined
  }

  /** Makes somebody what a record says. */
  private enter(r: PersonRecord): void {
    this.records.set(r.id, r)
    const p = this.people.get(r.id)
    const facts = {
      id: r.id,
      name: r.name,
      email: r.email,
      work_number: r.work_number,
      mobile_number: r.mobile_number,
      home_number: r.home_number,
      location: this.locations.find((l) => l.id === r.location)?.name,
    }
    this.people.set(r.id, {
      group: p?.group ?? 'new',
      mine: p?.mine ?? 'employee',
      theirs: p?.theirs ?? 'employee',
      presence: p?.presence ?? {
        id: r.id,
        status: 'logged_out',
        since: new Date().toISOString(),
        line: { state: 'idle' },
      },
      facts,
    })
    this.onPeople(r.id)
  }

  private putPerson(old: PersonRecord | undefined, { password, ...body }: Schemas['PersonNewBody']): unknown {
    if (password && password.length < 10)
      throw invalid('password', `has ${password.length} characters; at least 10 are needed`)
    if (body.email && !body.email.includes('@')) throw invalid('email', `"${body.email}" is no address`)
    for (const r of this.records.values())
      if (body.login && r.id !== old?.id && r.login === body.login) throw invalid('login', `"${body.login}" is taken`)
    const r: PersonRecord = { ...body, id: old?.id ?? `p-${this.next++}`, directory: old?.directory }
    this.enter(r)
    const was = old && Object.fromEntries(Object.entries(old).filter(([k]) => k !== 'id'))
    this.note(old ? 'person.put' : 'person.add', r.id, { name: r.name, ...(old ? { before: was, after: body } : {}) })
    return r
  }
}

/** The answer to what is no call of the administration. */
export const NOT_HERE = Symbol('not here')
