import { useEffect, useSyncExternalStore } from 'react'
import type { RosterEvent } from '../lib/roster'
import { type PresenceStore, presences } from './presence-store'
import { tab } from './tab'

/** How the stream is doing. heard: when it last brought something. */
export type Connection = { state: 'off' | 'connecting' | 'live' | 'lost'; heard?: number; lostAt?: number }

type Handlers = {
  /** Cards whose rights or data changed, and people who are not visible any more. */
  onStale(ids: string[], gone: string[]): void
  /** The session has ended. */
  onSignedOut(): void
}

const SHORTEST_WAIT = 500
const LONGEST_WAIT = 30_000

/** The server says at least every 75 seconds that it lives. After a longer silence the connection is dead. */
const DEAD_AFTER = 90_000
const LISTEN_EVERY = 10_000

/** What a close code asks for; the table is in docs/architecture.md of the server. Unlisted ones: reconnect. */
const CLOSE = { badMessage: 4400, signedOut: 4401, tooSlow: 4408, tooMany: 4413 } as const

/**
 * The only WebSocket. It watches what the pages show, resumes after a drop from where it was, and keeps what is known
 * until the server has said something newer.
 */
export class Live {
  private socket: WebSocket | undefined
  private handlers: Handlers | undefined
  private connection: Connection = { state: 'off' }
  private readonly listeners = new Set<() => void>()
  private readonly wanted = new Map<string, number>()
  private epoch: string | undefined
  private position: string | undefined
  private seq = 0
  private attempt = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private soon: ReturnType<typeof setTimeout> | undefined
  private sent = ''
  private lifeSign = 0
  private watchdog: ReturnType<typeof setInterval> | undefined

  constructor(private readonly store: PresenceStore) {}

  start(handlers: Handlers): void {
    this.handlers = handlers
    if (this.connection.state !== 'off') return
    globalThis.addEventListener('online', this.now)
    globalThis.addEventListener('offline', this.gone)
    this.watchdog = setInterval(this.listen, LISTEN_EVERY)
    document.addEventListener('visibilitychange', this.now)
    this.connect()
  }

  stop(): void {
    globalThis.removeEventListener('online', this.now)
    globalThis.removeEventListener('offline', this.gone)
    clearInterval(this.watchdog)
    document.removeEventListener('visibilitychange', this.now)
    clearTimeout(this.retry)
    clearTimeout(this.soon)
    this.drop()
    this.epoch = this.position = undefined
    this.set({ state: 'off' })
    this.store.clear()
  }

  /** Watches people until the returned function is called. Counts, because several parts of a page may ask. */
  watch(ids: readonly string[]): () => void {
    for (const id of ids) this.wanted.set(id, (this.wanted.get(id) ?? 0) + 1)
    this.tellSoon()
    return () => {
      for (const id of ids) {
        const n = (this.wanted.get(id) ?? 1) - 1
        if (n) this.wanted.set(id, n)
        else this.wanted.delete(id)
      }
      this.tellSoon()
    }
  }

  subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell)
    return () => this.listeners.delete(tell)
  }

  current = (): Connection => this.connection

  private set(c: Connection): void {
    this.connection = c
    for (const tell of this.listeners) tell()
  }

  private connect(): void {
    clearTimeout(this.retry)
    this.drop()
    const { heard, lostAt } = this.connection
    this.set({ state: lostAt ? 'lost' : 'connecting', heard, lostAt })
    const url = new URL('/api/v1/live', globalThis.location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = new WebSocket(url)
    this.socket = socket
    this.seq = 0
    this.sent = ''
    socket.onopen = () => {
      this.lifeSign = Date.now()
      socket.send(JSON.stringify({ type: 'client', id: tab.id, label: browserLabel() }))
      this.tell(true)
    }
    socket.onmessage = (m) => this.take(String(m.data))
    socket.onclose = (c) => this.closed(socket, c.code)
  }

  private drop(): void {
    const s = this.socket
    this.socket = undefined
    if (!s) return
    s.onopen = s.onmessage = s.onclose = null
    s.close()
  }

  private take(data: string): void {
    const ev = JSON.parse(data) as RosterEvent | { type: 'alive' }
    this.lifeSign = Date.now()
    if (ev.type === 'alive') {
      this.set({ ...this.connection, heard: Date.now() })
      return
    }
    if (ev.seq !== this.seq + 1) {
      this.again(0) // a frame is missing: resume brings it, or a snapshot does
      return
    }
    this.seq = ev.seq
    this.position = ev.position
    if (ev.epoch) this.epoch = ev.epoch
    this.attempt = 0
    this.store.apply(ev)
    this.set({ state: 'live', heard: Date.now() })
    if (ev.type !== 'snapshot' && (ev.stale?.length || ev.gone?.length)) {
      this.handlers?.onStale(ev.stale ?? [], ev.gone ?? [])
    }
  }

  private closed(socket: WebSocket, code: number): void {
    if (socket !== this.socket) return
    this.socket = undefined
    if (code === CLOSE.signedOut) {
      this.stop()
      this.handlers?.onSignedOut()
      return
    }
    // Resuming what the server refused would be refused again.
    if (code === CLOSE.badMessage || code === CLOSE.tooMany) this.epoch = this.position = undefined
    this.again(Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** this.attempt++))
  }

  private again(wait: number): void {
    this.drop()
    this.set({ ...this.connection, state: 'lost', lostAt: this.connection.lostAt ?? Date.now() })
    clearTimeout(this.retry)
    // Jitter, so that a whole office does not come back in one instant.
    this.retry = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2))
  }

  private readonly now = () => {
    if (this.connection.state === 'off' || document.visibilityState === 'hidden') return
    if (!this.socket) this.connect()
  }

  /** The computer has lost its network. The socket would notice only when it next sends something. */
  private readonly gone = () => {
    if (this.connection.state !== 'off') this.again(LONGEST_WAIT)
  }

  /** Notices a connection that died without closing, as after a sleep or behind a router that forgot it. */
  private readonly listen = () => {
    if (this.socket?.readyState !== WebSocket.OPEN) return
    if (Date.now() - this.lifeSign >= DEAD_AFTER) this.again(0)
  }

  private tellSoon(): void {
    clearTimeout(this.soon)
    this.soon = setTimeout(() => this.tell(false), 20) // several parts of a page ask in one go
  }

  private tell(first: boolean): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return
    const people = [...this.wanted.keys()].sort()
    const key = people.join('\n')
    if (!first && key === this.sent) return
    this.sent = key
    const resume = first && this.epoch && this.position ? { epoch: this.epoch, position: this.position } : undefined
    this.socket.send(JSON.stringify({ type: 'watch', people, resume }))
  }
}

/** Names the browser for its owner; the server does the same (browserOf in internal/api/start.go). */
export function browserLabel(agent = navigator.userAgent): string {
  const first = (signs: [string, string][]) => signs.find(([sign]) => agent.includes(sign))?.[1]
  const browser = first([
    ['Edg/', 'Edge'],
    ['OPR/', 'Opera'],
    ['Firefox/', 'Firefox'],
    ['Chrome/', 'Chrome'],
    ['Safari/', 'Safari'],
  ])
  const system = first([
    ['Windows', 'Windows'],
    ['Android', 'Android'],
    ['iPhone', 'iPhone'],
    ['iPad', 'iPad'],
    ['Mac OS', 'macOS'],
    ['Linux', 'Linux'],
  ])
  return [browser ?? 'Browser', system].filter(Boolean).join(' on ')
}

export const live = new Live(presences)

export function useConnection(): Connection {
  return useSyncExternalStore(live.subscribe, live.current)
}

/** Watches people for as long as the component is there. */
export function useWatch(ids: readonly string[]): void {
  const key = ids.join('\n')
  useEffect(() => (key ? live.watch(key.split('\n')) : undefined), [key])
}
