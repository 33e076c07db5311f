/** The state of the invented office, and what the API answers about it. Differences from the server: README.md. */
import type {
  Appointment,
  Coming,
  Explanation,
  Level,
  Presence,
  Profile,
  Reason,
  Schemas,
  Status,
} from '../src/lib/model'
import { EVENTS, type EventName, LEVELS, STATUSES } from '../src/lib/model'
import { Administration, NOT_HERE } from './admin'
import { groups, ME, makeAgenda, makePeople, ownProfiles, type Person, ZONE } from './office'
import { Refused } from './refused'
import { type FullLevel, reads, seeAppointment, seeCard, seeExplanation, seePresence, writes } from './rights'

type Claim = {
  source: 'hand' | 'assistant' | 'start'
  status: Status
  profile?: string
  text?: string
  from: string
  until?: string
}
/** A reason that may decide what a presence is. */
type Decider = Reason & { source: NonNullable<Presence['cause']> }
const LIVE = ['teams', 'microphone'] as const
type Mark = { dismissed: boolean; by: 'hand' | 'choice'; profile?: Profile }

export type Options = {
  signedIn?: boolean
  setup?: boolean
  quiet?: boolean
  many?: number
  language?: 'en' | 'de'
  /** Where my calendars come from; otherwise from programs and what I enter. */
  calendar?: Partial<Schemas['CalendarSection']>
  /** How I am kept in step with Teams; otherwise I am not. call: I am in one there. */
  teams?: Partial<Schemas['Teams']> & { person?: Partial<Schemas['PersonTeams']>; call?: boolean }
  /** Where the lines of the office are, and how mine is; otherwise nobody has one. */
  telephone?: Schemas['Telephony'] & { line?: Partial<Schemas['PersonLine']> }
  /** Mine; otherwise I administer the office. */
  role?: Schemas['Me']['role']
}

export class Server {
  readonly people: Map<string, Person>
  readonly agenda: Map<string, Appointment[]>
  /** Told of everybody whose presence changed, and of cards that changed. */
  onChange: (changed: string[], stale: string[]) => void = () => {}
  signedIn: boolean
  private setupNeeded: boolean
  private favourites = ['mira', 'jonas', 'ulrike', 'hannah']
  private own = structuredClone(ownProfiles)
  private claims: Claim[]
  private readonly marks = new Map<string, Mark>()
  private settings: Schemas['PersonSettingsInputBody']
  private ownLevels = new Map<string, Level>([
    ['tom', 'assistant'],
    ['zoe', 'blocked'],
    ['clara', 'team_colleague'],
  ])
  private calendars: Schemas['Calendar'][]
  private clients: Schemas['Client'][]
  private next = 1
  private readonly role: Schemas['Me']['role']
  private readonly admin: Administration

  constructor(options: Options) {
    const now = new Date()
    this.people = makePeople(now)
    this.agenda = makeAgenda(now)
    this.setupNeeded = options.setup === true
    this.signedIn = options.signedIn === true
    const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString()
    this.claims = [{ source: 'start', status: 'available', profile: 'Available', from: ago(133) }]
    this.settings = {
      language: options.language,
      activation: { inactivity: { on: true, profile: 't-break', minutes: 15 } },
    }
    this.calendars = [
      {
        id: 'c1',
        kind: 'ics',
        name: 'Work',
        url: 'https://calendar.example.com/anna/work.ics',
        checked_at: ago(3),
        succeeded_at: ago(3),
        problems: [],
        appointments: 17,
      },
      {
        id: 'c2',
        kind: 'caldav',
        name: 'Private',
        url: 'https://dav.example.com/anna/private/',
        username: 'anna',
        has_password: true,
        checked_at: ago(6),
        succeeded_at: ago(26 * 60),
        error: 'The server refuses the user name or password (401). Enter the password again.',
        problems: [],
        appointments: 4,
      },
      {
        id: 'c3',
        kind: 'ics',
        name: 'Public holidays',
        url: 'https://calendar.example.com/holidays.ics',
        checked_at: ago(41),
        succeeded_at: ago(41),
        problems: ['“Easter” has no start and was left out.'],
        appointments: 2,
      },
      {
        id: 'c4',
        kind: 'local',
        name: 'Outlook',
        checked_at: ago(8),
        succeeded_at: ago(8),
        problems: [],
        appointments: 9,
      },
    ]
    this.clients = [
      {
        id: 'agent-1',
        label: 'Doorlight agent on WS-0412',
        since: ago(133),
        activity: 'active',
        activity_since: ago(1),
        lease: ago(-2),
      },
      {
        id: 'phone-1',
        label: 'Safari on iPhone',
        since: ago(44),
        activity: 'idle',
        activity_since: ago(31),
        lease: ago(-1),
      },
    ]
    for (let i = 0; i < (options.many ?? 0); i++) {
      const id = `many${i}`
      this.people.set(id, {
        facts: {
          id,
          name: `${['Alva', 'Bruno', 'Cora', 'Dario', 'Elif', 'Finn'][i % 6]} Muster ${i + 1}`,
          work_number: `+49 30 555 1${i}`,
        },
        group: 'support',
        mine: 'team_colleague',
        theirs: 'team_colleague',
        presence: {
          id,
          status: STATUSES[i % STATUSES.length],
          since: ago(i % 90),
          cause: 'start',
          line: { state: 'idle' },
        },
      })
    }
    this.role = options.role ?? 'admin'
    this.admin = new Administration(this.people, (id) => this.onChange([], [id]), now)
    if (options.calendar) this.admin.setCalendar('berlin', options.calendar)
    if (options.teams) {
      const { person, call, ...section } = options.teams
      this.admin.setTeams('berlin', { sync: 'telephony_and_status', connector: 'g1', ...section })
      this.inTeams = { ...person, ...(call ? { entry: 'call', availability: 'Busy', activity: 'InACall' } : {}) }
      if (call) this.startCall(new Date(now.getTime() - 12 * 60_000))
    }
    if (options.telephone) {
      const { line, ...section } = options.telephone
      this.admin.setTelephony('berlin', section)
      this.admin.telephony.mine = line ?? {}
    }
    this.settle()
  }

  /** What there is of me in Teams. */
  private inTeams: Partial<Schemas['PersonTeams']> = {}

  /** I am in a call in Teams: nobody knows until when. */
  private startCall(from: Date): void {
    const profile = this.admin.of(ME).templates.find((x) => x.active && x.name === 'MS Teams')?.name ?? 'Appointment'
    this.agenda.set(ME, [
      ...(this.agenda.get(ME) ?? []),
      {
        ref: 'teams#call',
        start: from.toISOString(),
        show_as: 'busy',
        status: 'busy',
        profile,
        subject: 'On the phone (MS Teams)',
        counts: true,
      },
    ])
  }

  private teams(): Schemas['PersonTeams'] {
    const { sync: central, user_may_change, access, remember, connector } = this.admin.of(ME).teams
    const own = user_may_change ? this.settings.teams?.sync : undefined
    const sync = connector ? (own ?? central) : 'none'
    const system = this.admin.provision.systems().find((s) => s.id === connector)
    const asks = access === 'delegated' && sync !== 'none' && system?.enabled === true
    const known = sync !== 'none' && (!asks || this.inTeams.account !== undefined)
    return {
      sync,
      own,
      user_may_change,
      access,
      remember: access === 'delegated' && remember,
      connector,
      application: system?.name,
      path: asks ? `/accounts/${encodeURIComponent(connector ?? '')}/begin?for=teams` : undefined,
      sign_in_needed: asks && !this.inTeams.account,
      written: [],
      ...(known
        ? {
            heard_at: new Date(Date.now() - 4_000).toISOString(),
            availability: 'Available',
            activity: 'Available',
          }
        : {}),
      ...(this.inTeams.availability ? { activity: this.inTeams.availability } : {}),
      ...this.inTeams,
    }
  }

  level(id: string): FullLevel {
    return id === ME ? 'self' : (this.person(id).mine as FullLevel)
  }

  private person(id: string): Person {
    const p = this.people.get(id === 'me' ? ME : id)
    if (!p || p.mine === 'blocked') throw new Refused(404, `there is no person "${id}"`)
    return p
  }

  see(id: string): Presence | undefined {
    const p = this.people.get(id)
    return p && seePresence(this.level(id), p.presence)
  }

  /** Changes somebody's presence, as something out there would. */
  set(id: string, patch: Partial<Presence>): void {
    const p = this.person(id)
    const status = patch.status && patch.status !== p.presence.status
    p.presence = { ...p.presence, ...(status ? { since: new Date().toISOString() } : {}), ...patch }
    this.onChange([id], [])
  }

  // What I am, out of my claims. A small part of package presence: enough to try the client on.

  private running(now: string): Appointment[] {
    return (this.agenda.get(ME) ?? []).filter((a) => a.counts && a.start <= now && (!a.end || now < a.end))
  }

  private explain(now = new Date().toISOString()): Explanation {
    const standing = this.claims.filter((c) => !c.until || now < c.until)
    const timed = standing.filter((c) => c.until)
    const base = standing.filter((c) => !c.until).sort((a, b) => b.from.localeCompare(a.from))
    const shield = [...timed, ...base].find((c) => c.source !== 'start' && c.status === 'do_not_disturb')
    const refOf = (c: Claim) => (c.source === 'start' ? 'start' : `${c.source}#${c.until ? 'timed' : 'choice'}`)
    const fromClaim = (c: Claim): Decider => ({
      ref: refOf(c),
      source: c.source,
      layer: c.until ? 'appointment' : 'base',
      status: c.status,
      profile: c.profile,
      text: c.text,
      from: c.from,
      until: c.until,
      outcome: 'won',
    })
    const fromEntry = (a: Appointment): Decider => {
      const mark = this.marks.get(a.ref)
      return {
        ref: a.ref,
        source: LIVE.find((s) => a.ref.startsWith(`${s}#`)) ?? 'calendar',
        layer: 'appointment',
        status: mark?.profile?.status ?? a.status,
        profile: mark?.profile?.name ?? a.profile,
        text: a.subject,
        from: a.start,
        until: a.end,
        outcome: 'won',
      }
    }
    const order = (x: Reason, y: Reason, ax?: Appointment, ay?: Appointment): [number, string] => {
      const weight = (a?: Appointment) => ['out_of_office', 'busy', 'tentative'].indexOf(a?.show_as ?? 'busy')
      if (weight(ax) !== weight(ay)) return [weight(ax) - weight(ay), 'show_as']
      return [(y.from ?? '').localeCompare(x.from ?? ''), 'newest']
    }
    const running = this.running(now)
    const allowed = running.filter((a) => !this.marks.get(a.ref)?.dismissed && (!shield || a.start < shield.from))
    allowed.sort((a, b) => order(fromEntry(a), fromEntry(b), a, b)[0])
    const winner = timed[0]
      ? fromClaim(timed[0])
      : allowed[0]
        ? fromEntry(allowed[0])
        : base[0]
          ? fromClaim(base[0])
          : undefined
    const lost = (r: Reason): Reason => {
      if (!winner || r.ref === winner.ref) return { ...r, outcome: 'won' }
      const same = r.layer === winner.layer
      return {
        ...r,
        outcome: same ? 'weaker_in_layer' : 'weaker_layer',
        criterion: same ? 'newest' : undefined,
        by: winner.ref,
        by_source: winner.source,
      }
    }
    const entries: Reason[] = [...timed.map(fromClaim), ...allowed.map(fromEntry), ...base.map(fromClaim)].map(lost)
    for (const a of running) {
      const r = fromEntry(a)
      const mark = this.marks.get(a.ref)
      if (mark?.dismissed)
        entries.push({ ...r, outcome: mark.by === 'hand' ? 'dismissed_by_hand' : 'dismissed_by_choice' })
      else if (!allowed.includes(a)) entries.push({ ...r, outcome: 'shielded' })
      const i = entries.findIndex((e) => e.ref === a.ref && e.outcome === 'weaker_in_layer')
      const won = running.find((x) => x.ref === winner?.ref)
      if (i >= 0 && entries[i])
        entries[i] = {
          ...entries[i],
          criterion: winner?.source === 'hand' ? 'choice' : won?.show_as !== a.show_as ? 'show_as' : 'newest',
        }
    }
    entries.sort((a, b) => Number(b.outcome === 'won') - Number(a.outcome === 'won'))
    for (const c of this.clients) {
      entries.push({
        ref: `client#${c.id}`,
        source: 'client',
        status: 'be_right_back',
        label: c.label,
        from: c.since,
        lease: c.lease,
        activity: c.activity,
        activity_since: c.activity_since,
        outcome: c.activity === 'idle' ? 'other_in_use' : 'in_use',
      })
    }
    const later = (this.agenda.get(ME) ?? []).find((a) => a.counts && a.start > now && !a.all_day)
    if (later) entries.push({ ...fromEntry(later), outcome: 'not_yet' })
    const presence: Presence = {
      id: ME,
      status: winner?.status ?? 'logged_out',
      profile: winner?.profile === 'Available' ? undefined : winner?.profile,
      text: winner?.text,
      since: winner?.from,
      until: winner?.until,
      cause: winner?.source,
      line: { state: 'idle' },
    }
    return { at: now, rules: 'standard-1', presence, entries, next: [] }
  }

  private explainWithNext(): Explanation {
    const e = this.explain()
    const next: Coming[] = []
    let shown = e.presence
    const times = [
      ...this.claims.map((c) => c.until),
      ...(this.agenda.get(ME) ?? []).flatMap((a) => (a.counts ? [a.start, a.end] : [])),
    ].filter((x): x is string => !!x && x > e.at)
    for (const at of [...new Set(times)].sort().slice(0, 12)) {
      const p = this.explain(at).presence
      if (p.status === shown.status && p.profile === shown.profile && p.text === shown.text) continue
      const because = (this.agenda.get(ME) ?? []).filter((a) => a.start === at || a.end === at).map((a) => a.ref)
      if (this.claims.some((c) => c.until === at)) because.unshift('hand#timed')
      const known = because.filter((ref) => e.entries.some((x) => x.ref === ref))
      next.push({ at, presence: p, because: known })
      shown = p
    }
    return { ...e, next: next.slice(0, 4) }
  }

  /** Works out my presence again; called when something changed and every second. */
  settle(): void {
    const p = this.person(ME)
    const e = this.explain().presence
    const before = p.presence
    if (
      before.status === e.status &&
      before.text === e.text &&
      before.profile === e.profile &&
      before.until === e.until
    )
      return
    p.presence = { ...e, line: before.line }
    this.onChange([ME], [])
  }

  private me(): Schemas['Me'] {
    return {
      person: this.card(ME),
      login: 'anna',
      role: this.role,
      language: this.settings.language,
      time_zone: this.settings.time_zone ?? ZONE,
      presence_enabled: true,
      version: '0.0.0-mock',
    }
  }

  private card(id: string): Schemas['Card'] {
    const p = this.person(id)
    const card = seeCard(this.level(p.facts.id), p.facts, p.presence)
    if (!card) throw new Refused(404, `there is no person "${id}"`)
    return card
  }

  private cards(ids: string[]): Schemas['Card'][] {
    return ids.flatMap((id) => (this.people.get(id)?.mine === 'blocked' ? [] : [this.card(id)]))
  }

  private team(): Schemas['Team'] {
    const list = groups.map((g) => ({
      ...g,
      people: [...this.people.values()].filter((p) => p.group === g.id).map((p) => p.facts.id),
    }))
    return {
      groups: list,
      favourites: this.favourites,
      people: this.cards([...new Set([ME, ...list.flatMap((g) => g.people), ...this.favourites])]),
    }
  }

  private profiles(id: string): unknown {
    const l = this.level(id)
    return {
      own: reads(l, 'own') ? this.own : [],
      templates: this.admin.of(ME).templates.filter((x) => x.active),
      own_allowed: reads(l, 'own') && this.admin.of(ME).own_profiles.allowed,
      permitted: this.admin.of(ME).own_profiles.permitted,
    }
  }

  private choose(id: string, b: Schemas['ChoiceInputBody']): Presence {
    const l = this.level(id)
    if (!writes(l, 'status')) throw new Refused(403, `as ${l} you may not change this`)
    const f = b.profile ? [...this.own, ...this.admin.of(ME).templates].find((x) => x.id === b.profile) : undefined
    if (!f && !b.status)
      throw new Refused(422, 'validation failed', [
        { field: 'body.status', message: 'give either a status or a profile' },
      ])
    const now = new Date().toISOString()
    const claim: Claim = {
      source: id === ME ? 'hand' : 'assistant',
      status: f?.status ?? b.status ?? 'available',
      profile: f?.name,
      text: b.text ?? f?.text,
      from: now,
      until: b.until,
    }
    if (id !== ME) {
      this.set(id, {
        ...claim,
        since: now,
        cause: 'assistant',
        profile: claim.profile,
        text: claim.text,
        until: claim.until,
      })
      return this.see(id) ?? { id }
    }
    for (const a of this.running(now)) this.marks.set(a.ref, { dismissed: true, by: 'choice' })
    this.claims = [...this.claims.filter((c) => c.source === 'start' || (b.until && !c.until)), claim]
    this.settle()
    return this.see(ME) ?? { id }
  }

  private entries(id: string, from: string, to: string): Appointment[] {
    const list = (this.agenda.get(id) ?? []).map((a) => {
      const m = id === ME ? this.marks.get(a.ref) : undefined
      return m
        ? { ...a, dismissed: m.dismissed, ...(m.profile ? { profile: m.profile.name, status: m.profile.status } : {}) }
        : a
    })
    if (id === ME) {
      for (const c of this.claims) {
        if (c.until)
          list.push({
            ref: `${c.source}#timed`,
            start: c.from,
            end: c.until,
            show_as: 'busy',
            status: c.status,
            profile: c.profile,
            subject: c.text,
            counts: true,
          })
      }
    }
    return list.filter((a) => a.start < to && (!a.end || a.end > from)).sort((a, b) => a.start.localeCompare(b.start))
  }

  private personSettings(): unknown {
    const { activation: central, calendar, teams } = this.admin.of(ME)
    const activation = Object.fromEntries(
      Object.entries(central).map(([e, c]) => {
        const own = this.settings.activation?.[e]
        const { user_may_change: _, ...value } = c
        return [e, { central: c, own, effective: own ?? value }]
      }),
    )
    const {
      user_may_change: _,
      own_calendars: __,
      method: ___,
      connector: ____,
      accounts: _____,
      ...options
    } = calendar
    return {
      activation,
      calendar: {
        central: calendar,
        own: this.settings.calendar,
        effective: this.settings.calendar ?? options,
      },
      teams: { central: teams, own: this.settings.teams, effective: { sync: this.teams().sync } },
      language: this.settings.language,
      time_zone: this.settings.time_zone,
    }
  }

  private relation(id: string): Schemas['Relationship'] {
    const p = this.person(id)
    const own = this.ownLevels.get(id)
    return { viewer: id, name: p.facts.name, administrative: p.theirs, own, effective: own ?? p.theirs }
  }

  private relations(): Schemas['Relationship'][] {
    return [...this.people.values()]
      .filter((p) => p.facts.id !== ME)
      .map((p) => this.relation(p.facts.id))
      .sort((a, b) => a.name.localeCompare(b.name))
  }

  private seen(): Schemas['Seen'] {
    const p = this.person(ME)
    const all = this.relations()
    return {
      levels: LEVELS.toReversed().map((level) => {
        const of = all.filter((r) => r.effective === level)
        return {
          level,
          people: of.length,
          names: of.slice(0, 20).map((r) => r.name),
          card: seeCard(level, p.facts, p.presence),
        }
      }),
    }
  }

  private readonly identities = new Map<string, Omit<Schemas['Identity'], 'name'>[]>([
    ['jonas', [{ connector: 'o1', subject: 'f2a81c', created_at: new Date(Date.now() - 40 * 864e5).toISOString() }]],
    [
      ME,
      [{ connector: 'o1', subject: 'anna@example.com', created_at: new Date(Date.now() - 9 * 864e5).toISOString() }],
    ],
  ])

  /** What the pages of a sign-in provider lead back to; the one of the partners knows nobody here. */
  comeBack(provider: string, to: string, connect: boolean): string {
    const refused = (why: string) =>
      `${this.signedIn ? '/settings/sign-in' : '/sign-in'}?refused=${why}&provider=${encodeURIComponent(provider)}`
    if (!this.admin.provision.nameOf(provider)) return refused('switchedoff')
    if (connect && this.signedIn)
      this.identities.set(ME, [
        ...(this.identities.get(ME) ?? []),
        { connector: provider, subject: 'anna', created_at: new Date().toISOString() },
      ])
    else if (provider === 'o2') return refused('unknown')
    else this.signedIn = true
    return /^\/(?![/\\])/.test(to) ? to : '/'
  }

  /** What the pages on which an account is connected lead back to; at the subsidiary nobody agrees. */
  connectAccount(connector: string, query: URLSearchParams): string {
    const system = this.admin.provision.systems().find((s) => s.id === connector && s.accounts && s.enabled)
    const page = query.get('for') === 'teams' ? '/settings/teams' : '/settings/calendars'
    const refused = (why: string) => `${page}?refused=${why}&connector=${encodeURIComponent(connector)}`
    if (!system) return refused('switchedoff')
    // A page of the server begins a new office, in which the administrator may have said nothing yet.
    if (query.get('for') === 'teams') {
      const remember = this.admin.of(ME).teams.remember || query.get('remember') === 'true'
      this.admin.setTeams('berlin', { sync: 'telephony_and_status', connector, access: 'delegated', remember })
      if (connector === 'g2') return refused('denied')
      this.inTeams = { account: 'anna@example.com', remembered: query.get('remember') === 'true' || undefined }
      return page
    }
    this.admin.setCalendar('berlin', { method: 'local', accounts: connector, connector: undefined })
    if (connector === 'g2') return refused('denied')
    const now = new Date().toISOString()
    this.calendars = [
      ...this.calendars,
      {
        id: 'c-account',
        kind: 'graph_account',
        name: system.name,
        connector,
        username: 'anna@example.com',
        checked_at: now,
        succeeded_at: now,
        problems: [],
        appointments: 23,
      },
    ]
    return '/settings/calendars'
  }

  /** Those that I have entered, connected or had handed over, and the one that the settings give me. */
  private allCalendars(): Schemas['Calendars'] {
    const { method, connector, accounts, own_calendars } = this.admin.of(ME).calendar
    const system = this.admin.provision.systems().find((s) => s.id === (method === 'central' ? connector : accounts))
    const at = new Date(Date.now() - 2 * 60_000).toISOString()
    const central: Schemas['Calendar'][] =
      method === 'central' && system
        ? [
            {
              id: 'c-central',
              kind: system.kind as Schemas['Calendar']['kind'],
              name: system.name,
              central: true,
              connector,
              checked_at: at,
              succeeded_at: at,
              problems: [],
              appointments: 31,
            },
          ]
        : []
    const mine = this.calendars.filter((c) => method === 'local' || (c.kind !== 'local' && c.kind !== 'graph_account'))
    return {
      calendars: [...central, ...mine],
      allowed: own_calendars,
      local: method === 'local',
      accounts:
        method === 'local' && system
          ? [{ id: system.id, name: system.name, path: `/accounts/${encodeURIComponent(system.id)}/begin` }]
          : [],
    }
  }

  /** Codes of programs that were answered. */
  private devices = new Set<string>()
  private sessions: Schemas['Session'][] = [
    {
      id: 'here',
      label: 'Firefox on Linux',
      address: '192.0.2.7',
      current: true,
      created_at: new Date(Date.now() - 3_600_000).toISOString(),
      expires_at: new Date(Date.now() + 864e5).toISOString(),
    },
    {
      id: 'phone',
      label: 'Safari on iPhone',
      address: '198.51.100.4',
      provider: 'Company account',
      created_at: new Date(Date.now() - 3 * 864e5).toISOString(),
      expires_at: new Date(Date.now() + 864e5).toISOString(),
    },
  ]

  private matches(p: Person, q: string): boolean {
    const name = fold(p.facts.name)
    return fold(q)
      .split(/\s+/)
      .every(
        (w) =>
          name.split(/\s+/).some((x) => x.startsWith(w)) ||
          (/^\d+$/.test(w) && (p.facts.work_number ?? '').replace(/\D/g, '').includes(w)),
      )
  }

  /** Answers one call; what it returns is the body. */
  answer(method: string, path: string, query: URLSearchParams, body: never): unknown {
    const call = `${method} ${path}`
    if (call === 'GET /setup') return { needed: this.setupNeeded, code_required: this.setupNeeded, demo: true }
    if (call === 'POST /setup') {
      const b = body as Schemas['SetupInputBody']
      if (b.password.length < 10) {
        throw new Refused(422, 'the request is not valid', [
          { field: 'body.password', message: `has ${b.password.length} characters; at least 10 are needed` },
        ])
      }
      this.setupNeeded = false
      this.signedIn = true
      return this.me()
    }
    if (call === 'POST /session') {
      const b = body as Schemas['SignInBody']
      if (b.password === 'wrong') throw new Refused(401, 'login or password is wrong')
      this.signedIn = true
      return this.me()
    }
    if (call === 'POST /password') {
      const b = body as Schemas['LinkUseBody']
      if (b.secret !== 'dll_good')
        throw new Refused(404, 'the link was used already, has expired, or was replaced by a newer one')
      this.signedIn = true
      return this.me()
    }
    if (call === 'GET /providers') return { providers: this.admin.provision.providers() }
    if (!this.signedIn) throw new Refused(401, 'sign in first')
    if (call === 'GET /session') return this.me()
    if (call === 'DELETE /session') {
      this.signedIn = false
      return undefined
    }
    if (/^(GET|POST) \/devices\//.test(call)) {
      const code = decodeURIComponent(call.split('/')[2] ?? '').toUpperCase()
      if (!/^BCDF-?GHJ[KL]$/.test(code) || this.devices.has(code))
        throw new Refused(404, 'no program asks with this code; codes are good for ten minutes, once')
      if (call.startsWith('POST')) {
        this.devices.add(code)
        if ((body as Schemas['DeviceAnswerBody']).allow)
          this.sessions.unshift({
            id: `desk-${code}`,
            label: 'mira-laptop',
            client: true,
            address: '192.0.2.7',
            created_at: new Date().toISOString(),
            expires_at: new Date(Date.now() + 90 * 864e5).toISOString(),
          })
        return undefined
      }
      return {
        label: 'mira-laptop',
        address: code.endsWith('L') ? '198.51.100.4' : '192.0.2.7',
        elsewhere: code.endsWith('L'),
        created_at: new Date(Date.now() - 20_000).toISOString(),
      }
    }
    if (call === 'GET /team') return this.team()
    if (call === 'GET /people') {
      const found = [...this.people.values()]
        .filter((p) => this.matches(p, query.get('q') ?? ''))
        .sort((a, b) => a.facts.name.localeCompare(b.facts.name))
      const [from, limit] = [Number(query.get('after') ?? 0), Number(query.get('limit') ?? 50)]
      return {
        people: this.cards(found.slice(from, from + limit).map((p) => p.facts.id)),
        next: found.length > from + limit ? String(from + limit) : undefined,
      }
    }
    const administered = this.administer(method, path, query, body)
    if (administered !== NOT_HERE) return administered
    const m = /^\/people\/([^/]+)(?:\/(.*))?$/.exec(path)
    if (!m) throw new Refused(404, 'there is nothing here')
    const id = this.person(decodeURIComponent(m[1] ?? '')).facts.id
    return this.aboutPerson(id, `${method} ${m[2] ?? ''}`.trim(), query, body)
  }

  private administer(method: string, path: string, query: URLSearchParams, body: never): unknown {
    const may = this.role === 'admin'
    const reset = /^\/people\/([^/]+)\/reset$/.exec(path)?.[1]
    if (reset && reset !== 'me' && reset !== ME && may) return this.admin.resetPerson(reset, body)
    if (!may && !/^\/people\/(?!import$|.*\/(record|link)$)/.test(path))
      throw new Refused(403, 'only an administrator may do this')
    const answer = this.admin.answer(method, path, query, body)
    // What I may not change any more is discarded for good (P9).
    const { activation, calendar, teams } = this.admin.of(ME)
    const kept = Object.entries(this.settings.activation ?? {}).filter(
      ([e]) => EVENTS.every((x) => x !== e) || activation[e as EventName].user_may_change,
    )
    this.settings = {
      ...this.settings,
      activation: Object.fromEntries(kept),
      calendar: calendar.user_may_change ? this.settings.calendar : undefined,
      teams: teams.user_may_change ? this.settings.teams : undefined,
    }
    return answer
  }

  private aboutPerson(id: string, call: string, query: URLSearchParams, body: never): unknown {
    const l = this.level(id)
    const needs = (right: Parameters<typeof reads>[1]) => {
      if (!reads(l, right))
        throw new Refused(403, `as ${l} you may not see this of ${this.person(id).facts.name} (right ${right})`)
    }
    const released = /^DELETE identities\/(.+)$/.exec(call)?.[1]
    if (released) {
      this.identities.set(
        id,
        (this.identities.get(id) ?? []).filter((x) => x.connector !== released),
      )
      this.sessions = this.sessions.filter((s) => !s.provider || s.provider !== this.admin.provision.nameOf(released))
      return undefined
    }
    const ended = /^DELETE sessions\/(.+)$/.exec(call)?.[1]
    if (ended) {
      this.sessions = this.sessions.filter((s) => s.id !== ended)
      return undefined
    }
    switch (call) {
      case 'GET sessions':
        return { sessions: this.sessions }
      case 'GET identities':
        return {
          identities: (this.identities.get(id) ?? []).map((x) => ({
            ...x,
            name: this.admin.provision.nameOf(x.connector),
          })),
        }
      case 'PUT password': {
        const b = body as Schemas['PasswordInputBody']
        if (b.old === 'none') throw new Refused(409, 'you sign in without a password of this server')
        if (b.old === 'wrong')
          throw new Refused(422, 'old: is not the password', [{ field: 'body.old', message: 'is not the password' }])
        this.signedIn = false
        return undefined
      }
      case 'GET':
        return this.card(id)
      case 'PUT favourites':
        this.favourites = (body as Schemas['FavouritesInputBody']).favourites
        return this.team()
      case 'PUT choice':
        return this.choose(id, body)
      case 'GET explanation':
        needs('text')
        return seeExplanation(l, id === ME ? this.explainWithNext() : this.explainOther(id))
      case 'GET agenda':
        needs('times')
        return {
          appointments: this.entries(id, query.get('from') ?? '', query.get('to') ?? '').map((a) =>
            seeAppointment(l, a),
          ),
        }
      case 'PUT agenda/decision': {
        const b = body as Schemas['DecisionInputBody']
        const profile = b.profile
          ? [...this.own, ...this.admin.of(ME).templates].find((x) => x.id === b.profile)
          : undefined
        if (id === ME) this.marks.set(b.ref, { dismissed: b.dismissed, by: 'hand', profile })
        this.settle()
        return undefined
      }
      case 'GET profiles':
        return this.profiles(id)
      case 'PUT profiles':
        this.own = (body as Schemas['OwnProfilesInputBody']).own.map((p) => ({
          ...p,
          id: p.id || `p-new${this.next++}`,
        }))
        return this.profiles(id)
      case 'GET settings':
        return this.personSettings()
      case 'PUT settings':
        this.settings = body
        return this.personSettings()
      case 'POST reset': {
        const b = body as Schemas['ResetInput']
        const touched =
          Object.keys(this.settings.activation ?? {}).length > 0 ||
          this.settings.calendar ||
          this.settings.teams ||
          (!b.keep_profiles && this.own.length > 0)
        if (!b.dry_run) {
          this.settings = { language: this.settings.language, time_zone: this.settings.time_zone }
          if (!b.keep_profiles) this.own = []
        }
        return { people: touched ? 1 : 0, done: !b.dry_run }
      }
      case 'GET teams':
        return this.teams()
      case 'GET telephones':
        return this.admin.telephony.telephones(this.admin.provision.all())
      case 'POST telephones':
        return this.admin.telephony.addTelephone(body)
      case 'GET lines':
        needs('forwarding')
        return { lines: this.admin.telephony.lines(id, writes(l, 'forwarding')) }
      case 'PUT forwarding':
        if (!writes(l, 'forwarding')) throw new Refused(403, `as ${l} you may not change this`)
        return this.admin.telephony.forward(id, body)
      case 'DELETE teams/account':
        if (!this.inTeams.account) throw new Refused(404, 'no account is connected with Teams')
        this.inTeams = {}
        return undefined
      case 'GET calendars':
        return this.allCalendars()
      case 'POST calendars': {
        const { password, ...b } = body as Schemas['CalendarBody']
        if (!/^https?:/.test(b.url))
          throw new Refused(422, 'the request is not valid', [
            { field: 'body.url', message: 'must be an http or https address' },
          ])
        const now = new Date().toISOString()
        const c: Schemas['Calendar'] = {
          ...b,
          id: `c-new${this.next++}`,
          has_password: !!password,
          checked_at: now,
          succeeded_at: now,
          problems: [],
          appointments: 5,
        }
        this.calendars = [...this.calendars, c]
        return c
      }
      case 'GET relationships': {
        const q = query.get('q') ?? ''
        const all = this.relations()
        const list = q
          ? all.filter((r) => this.matches(this.person(r.viewer), q))
          : all.filter((r) => r.own || r.effective !== 'employee')
        return { default: 'employee', extend_only: false, relationships: list }
      }
      case 'GET seen':
        return this.seen()
      case 'GET clients':
        return { clients: this.clients }
      case 'GET export':
        return {
          person: { id, name: this.person(id).facts.name },
          presence: this.see(id),
          profiles: this.own,
          favourites: this.favourites,
        }
    }
    const [, method, kind, item, verb] = /^(\w+) (\w+)\/([^/]+)(?:\/(\w+))?$/.exec(call) ?? []
    if (kind === 'relationships' && method === 'PUT' && item) {
      const { level } = body as Schemas['RelationshipInputBody']
      if (level === 'default') this.ownLevels.delete(item)
      else this.ownLevels.set(item, level)
      return this.relation(item)
    }
    if (kind === 'telephones' && method === 'DELETE') return this.admin.telephony.removeTelephone(item ?? '')
    if (kind === 'clients' && method === 'DELETE') {
      this.clients = this.clients.filter((c) => c.id !== item)
      return undefined
    }
    if (kind === 'calendars') {
      if (item === 'c-central') {
        if (method === 'POST') return this.allCalendars().calendars[0]
        throw new Refused(409, 'the calendar "Exchange Berlin" is there because the administrator\'s settings say so')
      }
      const i = this.calendars.findIndex((c) => c.id === item)
      const c = this.calendars[i]
      if (!c) throw new Refused(404, 'there is no such calendar')
      const now = new Date().toISOString()
      if (method === 'DELETE') {
        this.calendars = this.calendars.filter((x) => x !== c)
        return undefined
      }
      const { password, ...b } = (body ?? {}) as Partial<Schemas['CalendarBody']>
      const good = verb !== 'sync' || !c.error
      const fresh = {
        ...c,
        ...b,
        has_password: c.has_password || !!password,
        checked_at: now,
        error: good ? undefined : c.error,
        succeeded_at: good ? now : c.succeeded_at,
      }
      this.calendars = this.calendars.with(i, fresh)
      return fresh
    }
    throw new Refused(404, `the mock does not know ${call}`)
  }

  private explainOther(id: string): Explanation {
    const p = this.person(id).presence
    const entries: Reason[] = [
      {
        ref: `${p.cause}#1`,
        source: p.cause ?? 'start',
        status: p.status ?? 'logged_out',
        profile: p.profile,
        text: p.text,
        from: p.since,
        until: p.until,
        outcome: 'won',
      },
    ]
    if (p.cause !== 'start') {
      entries.push({
        ref: 'start',
        source: 'start',
        status: 'available',
        profile: 'Available',
        from: new Date(Date.now() - 200 * 60_000).toISOString(),
        outcome: 'weaker_layer',
        by: `${p.cause}#1`,
        by_source: p.cause,
      })
    }
    const next: Coming[] = p.until
      ? [{ at: p.until, presence: { id, status: 'available' }, because: [`${p.cause}#1`] }]
      : []
    return { at: new Date().toISOString(), rules: 'standard-1', presence: p, entries, next }
  }

  client(id: string, label: string): void {
    const now = new Date()
    const known = this.clients.find((c) => c.id === id)
    const lease = new Date(now.getTime() + 90_000).toISOString()
    this.clients = [
      ...this.clients.filter((c) => c.id !== id),
      { id, label, since: known?.since ?? now.toISOString(), activity: 'unknown', lease },
    ]
  }
}

function fold(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/ı/g, 'i')
}
