/** Telephone systems of the invented office, and how people's lines in them are forwarded. */
import { forwardingParts, type LineForwarding, type PersonLine } from '../src/lib/lines'
import type { Forwarding, PersonRecord, Presence, Schemas } from '../src/lib/model'
import type { Values } from '../src/lib/scope'
import { ME } from './office'
import { Refused } from './refused'

type Connector = Schemas['Connector']

export type Exchange = {
  records(): PersonRecord[]
  presence(person: string): Presence | undefined
  settings(person: string): Values
  connector(id: string): Connector | undefined
}

/** A start in life for the telephone systems. */
export function telephoneSystems(ago: (minutes: number) => string): Connector[] {
  const used = { enabled: true, checked_at: ago(1), succeeded_at: ago(1) }
  return [
    {
      id: 't1',
      kind: 'asterisk',
      name: 'Asterisk Berlin',
      ...used,
      has_secret: true,
      asterisk: {
        host: 'pbx.example.com',
        tls: true,
        username: 'doorlight',
        auth: 'md5',
        context: 'ext-local',
        prefixes: ['+49 30 555 0'],
        internal: ['1XX'],
        forwarding: 'freepbx',
      },
    },
    {
      id: 't2',
      kind: 'csta',
      name: 'OpenScape Hamburg',
      ...used,
      csta: {
        host: '10.0.0.5',
        port: 1040,
        session: 'register',
        edition: 'ed4',
        forwarding: ['all', 'internal', 'external', 'do_not_disturb'],
      },
    },
    { id: 't3', kind: 'sip', name: 'Gateway', enabled: false, sip: { server: 'gw.example.com', transport: 'tls' } },
    {
      id: 't4',
      kind: 'sip_server',
      name: 'Doorlight for telephones',
      ...used,
      sip_server: { listen: ['udp:0.0.0.0:5060'], desk: 'sip:{line}@pbx.example.com', trusted: ['192.0.2.10'] },
    },
  ]
}

/** What a connector may be for lines, as settings may name it. */
export function usesFor(c: Connector): Pick<Schemas['System'], 'lines' | 'forwards'> {
  return {
    lines: c.kind === 'asterisk' || c.kind === 'csta' || c.kind === 'sip',
    forwards: abilities(c).length > 0,
  }
}

function abilities(c: Connector | undefined): PersonLine['can'] {
  if (c?.kind === 'asterisk')
    return c.asterisk?.forwarding === 'freepbx' ? ['do_not_disturb', 'all', 'busy', 'no_answer'] : []
  if (c?.kind === 'csta') return c.csta?.forwarding ?? []
  return c?.kind === 'sip_server' ? ['do_not_disturb', 'all', 'internal', 'external'] : []
}

const fold = (number: string) => number.replace(/[^+\d*#]/g, '')
const LEFT = ' The forwarding was left as it was.'

type State = {
  /** As it is while no profile asks for something. */
  hand: LineForwarding
  at: string
  /** Whose wish was overruled by hand. */
  over?: string
}

const MADE = 'k7tqf2vwx8hmz3jrbn5d'

export class Telephony {
  /** My desk telephones. */
  private desk: Schemas['Telephone'][] = []

  /** Where telephones sign in, and mine. */
  telephones(connectors: Connector[]): Schemas['Telephones'] {
    return {
      telephones: this.desk,
      servers: connectors.flatMap((c) =>
        c.sip_server && c.enabled
          ? [
              {
                name: c.name,
                host: c.sip_server.host,
                domains: c.sip_server.domains ?? [],
                addresses: c.sip_server.listen,
              },
            ]
          : [],
      ),
      realm: 'doorlight',
      address: this.x.records().find((r) => r.id === ME)?.work_number,
    }
  }

  addTelephone({ name }: Schemas['TelephoneNewBody']): Schemas['TelephoneAdded'] {
    if (!name.trim())
      throw new Refused(422, 'name: is needed, such as Desk, so that you know which telephone it is', [
        { field: 'body.name', message: 'is needed, such as Desk, so that you know which telephone it is' },
      ])
    const made = { user: `anna-${this.desk.length + 1}`, name: name.trim(), created_at: new Date().toISOString() }
    this.desk = [...this.desk, made]
    return { ...made, password: MADE }
  }

  removeTelephone(user: string): void {
    this.desk = this.desk.filter((x) => x.user !== user)
  }

  private readonly states = new Map<string, State>()
  /** What there is of my first line beside what follows from the office. */
  mine: Partial<PersonLine> = {}

  constructor(private readonly x: Exchange) {}

  /** The lines that somebody has, the main one first. */
  private entered(r: PersonRecord): Schemas['Line'][] {
    if (r.lines?.length) return r.lines
    const { connector, forwarding } = this.x.settings(r.id).telephony
    if (!connector || !r.work_number) return []
    return [{ connector, line: r.work_number.slice(-3), forwards: forwarding !== undefined }]
  }

  /** What the profile of somebody asks for, and why it is not done. */
  private wish(r: PersonRecord): { profile?: string; wish?: LineForwarding; refusal?: string } {
    const name = this.x.presence(r.id)?.profile
    const f: Forwarding | undefined = this.x.settings(r.id).templates.find((p) => p.name === name)?.forwarding
    if (!f || f.action === 'keep') return {}
    if (f.action === 'off') return { profile: name, wish: {} }
    if (f.action === 'do_not_disturb') return { profile: name, wish: { do_not_disturb: true } }
    const [number, what] = {
      number: [f.number, 'the number in the profile'] as const,
      home: [r.home_number, 'your home number'] as const,
      mobile: [r.mobile_number, 'your mobile number'] as const,
      voicemail: [r.voicemail_number, 'the number of your voicemail'] as const,
    }[f.target ?? 'number']
    if (number) return { profile: name, wish: { all: fold(number) } }
    return { profile: name, refusal: `${name} forwards calls, but ${what} is empty.${LEFT}` }
  }

  private key = (l: Pick<Schemas['Line'], 'connector' | 'line'>) => `${l.connector} ${l.line}`

  private state(l: Schemas['Line']): State {
    return this.states.get(this.key(l)) ?? { hand: {}, at: new Date(Date.now() - 40_000).toISOString() }
  }

  /** whole: the viewer may know why lines are as they are. */
  lines(person: string, whole: boolean): PersonLine[] {
    const r = this.x.records().find((p) => p.id === person)
    if (!r) return []
    return this.entered(r).map((l, i) => {
      const c = this.x.connector(l.connector)
      const s = this.state(l)
      const { profile, wish, refusal } = l.forwards ? this.wish(r) : {}
      const reported = wish && s.over !== profile ? wish : s.hand
      const line: PersonLine = {
        connector: l.connector,
        system: c?.name ?? '',
        line: l.line,
        can: abilities(c),
        reported,
        reported_at: s.at,
        follows: l.forwards || undefined,
        settled: true,
        refusal,
        ...(person === ME && i === 0 ? this.mine : {}),
      }
      if (whole) return line
      const { follows: _, wanted: __, settled: ___, refusal: ____, problem: _____, ...seen } = line
      return seen
    })
  }

  /** Forwards by hand. */
  forward(person: string, b: Schemas['ForwardingInputBody']): Schemas['PersonLines'] {
    const r = this.x.records().find((p) => p.id === person)
    const lines = r ? this.entered(r) : []
    const l = lines.find((x) => (!b.connector || x.connector === b.connector) && (!b.line || x.line === b.line))
    if (!r || !l) throw new Refused(404, `${r?.name} has no line ${b.line ?? 'that can be forwarded'}`)
    const c = this.x.connector(l.connector)
    const can = abilities(c)
    const errors: { field: string; message: string }[] = []
    for (const k of ['all', 'internal', 'external', 'busy', 'no_answer'] as const) {
      const number = b[k]
      if (!number) continue
      const refuse = (message: string) => errors.push({ field: `body.${k}`, message })
      if (!can.includes(k)) refuse(`is something that ${c?.name} cannot do`)
      else if (!/^[\d+ \-/().*#]+$/.test(number)) refuse('must hold digits and + - / ( ) . * # only')
      else {
        const other = this.x
          .records()
          .find((p) => p.work_number && [fold(p.work_number), p.work_number.slice(-3)].includes(fold(number)))
        if (other?.id === person) refuse('Calls would be forwarded to where they come from.')
        else if (other && this.x.presence(other.id)?.status === 'do_not_disturb')
          refuse(`${other.name} does not want to be disturbed.`)
      }
    }
    const said = errors.map((e) => `${e.field.replace('body.', '')}: ${e.message}`).join('; ')
    if (errors.length) throw new Refused(422, said, errors)
    const { connector: _, line: __, ...f } = b
    const hand = Object.fromEntries(Object.entries(f).map(([k, v]) => [k, typeof v === 'string' ? fold(v) : v]))
    this.states.set(this.key(l), { hand, at: new Date().toISOString(), over: this.wish(r).profile })
    if (person === ME && l === lines[0]) this.mine = {}
    return { lines: this.lines(person, true) }
  }

  /** How the lines in a system are doing; of those that follow presence one cannot be reached. */
  inSystem(connector: string): Schemas['ConnectorLines'] {
    const all = this.x.records().flatMap((r) =>
      this.lines(r.id, true)
        .filter((l) => l.connector === connector)
        .map((l) => ({ person: r.id, name: r.name, ...l })),
    )
    const failing = all
      .map((l) =>
        l.person === 'ines' ? { ...l, settled: false, problem: 'pbx.example.com does not answer any more.' } : l,
      )
      .filter((l) => l.refusal || l.problem)
    return {
      lines: all.length,
      heard: all.filter((l) => l.person !== 'noah').length,
      follow: all.filter((l) => l.follows).length,
      forwarded: all.filter((l) => l.follows && l.reported && forwardingParts(l.reported, String as never).length)
        .length,
      failing,
    }
  }

  /** For how many people a line in a system is entered. */
  enteredIn = (connector: string): number =>
    this.x.records().filter((r) => r.lines?.some((l) => l.connector === connector)).length
}

/** As the packages below internal/telephony say it. Only three digits are a line, and 9 at their beginning is none that is known. */
export function telephoneSteps(c: Connector, line: string): Schemas['Step'][] {
  const server = c.asterisk?.host ?? c.csta?.host ?? c.sip?.server
  const good = (name: string, found: string) => ({ name, server, ok: true, found })
  const bad = (name: string, found: string, remedy: string) => ({ name, server, ok: false, found, remedy })
  const known = /^[1-8]\d\d$/.test(line.slice(-3))
  const e = line.slice(-3)
  if (c.kind === 'asterisk') {
    const steps = [
      good('connection', 'it answers as Asterisk Call Manager/9.0.0, encrypted'),
      good('sign_in', `it takes the user ${c.asterisk?.username}`),
      good('rights', 'the user may do all that is needed'),
      good('ready', 'it is ready, and says so'),
      good('calls', 'it lists 41 devices, 38 extensions and 2 channels'),
    ]
    if (!line) return steps
    return known
      ? [...steps, good('line', `${e} is known (PJSIP/${e}: NOT_INUSE)`), good('forwarding', 'it can be read')]
      : [
          ...steps,
          bad(
            'line',
            `${e} has no hint with a device`,
            `Add a hint for ${e} to the dialplan (exten => ${e},hint,PJSIP/${e}), or enter a pattern for devices, such as PJSIP/{line}. If the number has something before the extension, enter that as a prefix.`,
          ),
        ]
  }
  if (c.kind === 'csta') {
    const steps = [
      good('connection', 'it answers'),
      good('session', 'it began, with http://www.ecma-international.org/standards/ecma-323/csta/ed4'),
    ]
    if (!line) return steps
    return [...steps, good('line', `${e} can be watched`), good('calls', 'they can be read')]
  }
  if (c.kind === 'sip')
    return [
      good('server', `The telephone system is ${server}.`),
      bad(
        'connect',
        'It refuses the connection.',
        'Look whether the port is right, and whether the transport is switched on in the telephone system.',
      ),
    ]
  const listens = [
    good('listen', 'it listens on udp:0.0.0.0:5060'),
    good('desk', 'calls ring at addresses such as sip:201@pbx.example.com'),
  ]
  if (!line) return listens
  return known
    ? [...listens, good('line', `${line} is a line of Anna Berger, which rings at sip:${line}@pbx.example.com`)]
    : [...listens, bad('line', `${line} is nobody's`, "Enter it as somebody's work number, or as a line of theirs.")]
}
