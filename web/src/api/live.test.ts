import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Live } from './live'
import { PresenceStore } from './presence-store'

class FakeSocket {
  static readonly all: FakeSocket[] = []
  static readonly OPEN = 1
  readyState = 0
  onopen?: () => void
  onmessage?: (m: { data: string }) => void
  onclose?: (c: { code: number }) => void
  readonly sent: { type: string; people?: string[]; resume?: unknown }[] = []
  constructor(readonly url: URL) {
    FakeSocket.all.push(this)
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {}
  open() {
    this.readyState = 1
    this.onopen?.()
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  end(code: number) {
    this.readyState = 3
    this.onclose?.({ code })
  }
}

const last = () => FakeSocket.all.at(-1) as FakeSocket
let live: Live
let store: PresenceStore
const handlers = { onStale: vi.fn(), onSignedOut: vi.fn() }
const snapshot = { type: 'snapshot', epoch: 'e1', seq: 1, position: 'p1', people: [{ id: 'anna', status: 'busy' }] }

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all.length = 0
  vi.clearAllMocks()
  store = new PresenceStore()
  live = new Live(store)
  live.watch(['anna'])
  live.start(handlers)
  last().open()
})

afterEach(() => {
  live.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('says who it is and whom it watches, then shows what it hears', () => {
  expect(last().sent.map((m) => m.type)).toEqual(['client', 'watch'])
  expect(last().sent[1]).toMatchObject({ people: ['anna'] })
  last().say(snapshot)
  expect(store.get('anna')?.status).toBe('busy')
  expect(live.current().state).toBe('live')
})

it('sends the watched set once when several parts of a page ask', () => {
  live.watch(['ben'])
  const stop = live.watch(['ben', 'carl'])
  vi.advanceTimersByTime(50)
  expect(last().sent.slice(2)).toEqual([{ type: 'watch', people: ['anna', 'ben', 'carl'] }])
  stop()
  vi.advanceTimersByTime(50)
  expect(last().sent.at(-1)).toEqual({ type: 'watch', people: ['anna', 'ben'] })
})

it('keeps what it knows while it is away, and resumes where it was', () => {
  last().say(snapshot)
  last().end(1006)
  expect(live.current().state).toBe('lost')
  expect(store.get('anna')?.status).toBe('busy')
  vi.advanceTimersByTime(500)
  expect(FakeSocket.all).toHaveLength(2)
  last().open()
  expect(last().sent[1]).toMatchObject({ type: 'watch', resume: { epoch: 'e1', position: 'p1' } })
  last().say({ type: 'resumed', seq: 1, position: 'p2', people: [] })
  expect(live.current().state).toBe('live')
  expect(live.current().lostAt).toBeUndefined()
})

it('connects again when a frame is missing', () => {
  last().say(snapshot)
  last().say({ type: 'changes', seq: 3, position: 'p3', people: [{ id: 'anna', status: 'available' }] })
  expect(store.get('anna')?.status).toBe('busy')
  vi.advanceTimersByTime(1)
  expect(FakeSocket.all).toHaveLength(2)
})

it('waits longer each time, up to half a minute', () => {
  for (let i = 0; i < 12; i++) {
    last().end(1006)
    const before = FakeSocket.all.length
    const longest = Math.min(30_000, 500 * 2 ** i)
    vi.advanceTimersByTime(longest / 2 - 1)
    expect(FakeSocket.all).toHaveLength(before)
    vi.advanceTimersByTime(longest / 2 + 2)
    expect(FakeSocket.all).toHaveLength(before + 1)
  }
})

it('comes back at once when the browser is online again', () => {
  for (let i = 0; i < 6; i++) {
    last().end(1006)
    vi.advanceTimersByTime(30_000)
  }
  last().end(1006)
  const before = FakeSocket.all.length
  window.dispatchEvent(new Event('online'))
  expect(FakeSocket.all).toHaveLength(before + 1)
})

it('notices at once that the computer has lost its network', () => {
  last().say(snapshot)
  window.dispatchEvent(new Event('offline'))
  expect(live.current().state).toBe('lost')
  expect(store.get('anna')?.status).toBe('busy')
})

it('connects again when not even a sign of life is heard', () => {
  last().say(snapshot)
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(75_000)
    last().say({ type: 'alive' })
  }
  expect(FakeSocket.all).toHaveLength(1)
  expect(last().sent).toHaveLength(2) // nothing is asked for meanwhile
  vi.advanceTimersByTime(101_000)
  expect(FakeSocket.all).toHaveLength(2)
  last().open()
  expect(last().sent[1]).toMatchObject({ resume: { epoch: 'e1', position: 'p1' } })
})

it('tells when the session has ended, and does not come back', () => {
  last().end(4401)
  expect(handlers.onSignedOut).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(60_000)
  expect(FakeSocket.all).toHaveLength(1)
})

it('passes on whose card is to be fetched again', () => {
  last().say(snapshot)
  last().say({ type: 'changes', seq: 2, position: 'p2', stale: ['anna'], gone: ['ben'] })
  expect(handlers.onStale).toHaveBeenCalledWith(['anna'], ['ben'])
})
