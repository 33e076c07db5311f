/**
 * A Doorlight server in the browser, for development and browser tests. It takes the place of fetch and WebSocket for
 * the API and leaves everything else alone. Only builds with --mode mock hold it.
 */
import type { Presence, Status } from '../src/lib/model'
import { ME } from './office'
import { Refused } from './refused'
import { type Options, Server } from './server'

/** What browser tests may do to the office. */
export type MockControl = {
  set(id: string, patch: Partial<Presence>): void
  stale(ids: string[]): void
  /** Closes the live stream; while offline it cannot be opened again. */
  drop(code: number): void
  offline(yes: boolean): void
}

declare global {
  interface Window {
    doorlightMockOptions?: Options
    doorlightMock?: MockControl
  }
}

const SESSION = 'doorlight-mock-session'

export function startMock(): void {
  const asked = new URLSearchParams(location.search).get('mock')
  const options: Options = {
    signedIn: sessionStorage.getItem(SESSION) === 'yes',
    setup: asked === 'setup',
    quiet: false,
    ...window.doorlightMockOptions,
  }
  const server = new Server(options)
  const sockets = new Set<MockSocket>()
  // The page of a provider leads back at once: there is nobody to ask.
  const provider = /^\/auth\/([^/]+)\/begin$/.exec(location.pathname)?.[1]
  if (provider) {
    const query = new URLSearchParams(location.search)
    const back = server.comeBack(decodeURIComponent(provider), query.get('to') ?? '/', query.has('connect'))
    history.replaceState(null, '', back)
    sessionStorage.setItem(SESSION, server.signedIn ? 'yes' : 'no')
  }
  const account = /^\/accounts\/([^/]+)\/begin$/.exec(location.pathname)?.[1]
  if (account) {
    const query = new URLSearchParams(location.search)
    history.replaceState(null, '', server.connectAccount(decodeURIComponent(account), query))
  }
  let offline = false

  server.onChange = (changed, stale) => {
    for (const s of sockets) s.changes(changed, stale)
  }
  setInterval(() => server.settle(), 1_000)
  if (!options.quiet) setInterval(() => somebodyMoves(server), 2_500)

  const realFetch = globalThis.fetch.bind(globalThis)
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (!url.pathname.startsWith('/api/v1/')) return realFetch(input, init)
    await new Promise((done) => setTimeout(done, options.quiet ? 5 : 60 + Math.random() * 80))
    if (offline) throw new TypeError('Failed to fetch')
    try {
      const text = await request.text()
      const body = server.answer(
        request.method,
        url.pathname.slice('/api/v1'.length),
        url.searchParams,
        (text ? JSON.parse(text) : undefined) as never,
      )
      sessionStorage.setItem(SESSION, server.signedIn ? 'yes' : 'no')
      if (body === undefined) return new Response(null, { status: 204 })
      return Response.json(body)
    } catch (e) {
      if (!(e instanceof Refused)) throw e
      return Response.json(
        { status: e.status, title: 'Refused', detail: e.message, errors: e.errors },
        { status: e.status },
      )
    }
  }

  const RealSocket = globalThis.WebSocket
  globalThis.WebSocket = new Proxy(RealSocket, {
    construct(target, args) {
      const url = new URL(String(args[0]), location.href)
      if (!url.pathname.startsWith('/api/v1/')) return Reflect.construct(target, args)
      return new MockSocket(server, sockets, () => offline)
    },
  })

  window.doorlightMock = {
    set: (id, patch) => server.set(id, patch),
    stale: (ids) => server.onChange([], ids),
    drop: (code) => {
      for (const s of [...sockets]) s.end(code)
    },
    offline: (yes) => {
      offline = yes
    },
  }
}

const EPOCH = 'mock-1'

class MockSocket {
  readyState: number = WebSocket.CONNECTING
  onopen: (() => void) | null = null
  onmessage: ((m: { data: string }) => void) | null = null
  onclose: ((c: { code: number }) => void) | null = null
  private watched = new Set<string>()
  private seq = 0

  constructor(
    private readonly server: Server,
    private readonly all: Set<MockSocket>,
    offline: () => boolean,
  ) {
    setTimeout(() => {
      if (offline()) return this.end(1006)
      if (!server.signedIn) return this.end(4401)
      this.readyState = WebSocket.OPEN
      all.add(this)
      this.onopen?.()
    }, 10)
  }

  send(text: string): void {
    const m = JSON.parse(text)
    if (m.type === 'client') this.server.client(m.id, m.label)
    if (m.type !== 'watch') return
    this.watched = new Set(m.people)
    const people = [...this.watched].flatMap((id) => this.server.see(id) ?? [])
    if (m.resume?.epoch === EPOCH) this.say({ type: 'resumed', people })
    else this.say({ type: 'snapshot', epoch: EPOCH, people })
  }

  changes(ids: string[], stale: string[]): void {
    const people = ids.filter((id) => this.watched.has(id)).flatMap((id) => this.server.see(id) ?? [])
    if (people.length || stale.length) this.say({ type: 'changes', people, stale })
  }

  private say(frame: object): void {
    this.seq++
    const data = JSON.stringify({ ...frame, seq: this.seq, position: String(Date.now()) })
    setTimeout(() => this.onmessage?.({ data }), 1)
  }

  end(code: number): void {
    this.all.delete(this)
    this.readyState = WebSocket.CLOSED
    setTimeout(() => this.onclose?.({ code }), 0)
  }

  close(): void {
    this.all.delete(this)
    this.readyState = WebSocket.CLOSED
  }
}

/** One small event of an ordinary day. */
function somebodyMoves(server: Server): void {
  const ids = [...server.people.keys()].filter((id) => id !== ME && !server.people.get(id)?.presence.off)
  const id = ids[Math.floor(Math.random() * ids.length)]
  if (!id) return
  const dice = Math.random()
  const line = server.people.get(id)?.presence.line?.state
  if (line === 'ringing') {
    server.set(id, { line: { state: 'on_the_phone', reach: 'internal' } })
    return
  }
  if (line === 'on_the_phone') {
    server.set(id, { line: { state: 'idle' } })
    return
  }
  if (dice < 0.35) {
    server.set(id, { line: { state: 'ringing', reach: dice < 0.2 ? 'external' : 'internal' } })
    return
  }
  const [status, profile, text] = (
    [
      ['available'],
      ['available'],
      ['available', 'Home office'],
      ['busy', 'Appointment', 'Weekly'],
      ['be_right_back', 'Break', 'Coffee'],
      ['be_right_back'],
      ['do_not_disturb', 'Focus time'],
    ] as [Status, string?, string?][]
  )[Math.floor(Math.random() * 7)] ?? ['available']
  const until = profile === 'Appointment' ? new Date(Date.now() + 30 * 60_000).toISOString() : undefined
  server.set(id, {
    status,
    profile,
    text,
    until,
    cause: profile === 'Appointment' ? 'calendar' : profile ? 'hand' : 'start',
  })
}
