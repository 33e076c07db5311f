import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Tab } from './tab'

type Listener = (e: MessageEvent) => void

/** The channel that all tabs of a browser share. */
function bus() {
  const ends: Listener[][] = []
  return () => {
    const mine: Listener[] = []
    ends.push(mine)
    return {
      addEventListener: (_type: string, l: unknown) => void mine.push(l as Listener),
      postMessage: (data: unknown) => {
        for (const end of ends) if (end !== mine) for (const l of end) l({ data } as MessageEvent)
      },
    }
  }
}

function storage(from: Record<string, string> = {}) {
  const held = { ...from }
  return {
    held,
    getItem: (k: string) => held[k] ?? null,
    setItem: (k: string, v: string) => {
      held[k] = v
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const settled = async (t: Tab) => {
  const id = t.claim()
  await vi.advanceTimersByTimeAsync(1000)
  return id
}

it('has a new tab use an ID at once and keep it when it is reloaded', async () => {
  const channel = bus()
  const first = storage()
  const id = await new Tab(first, channel).claim() // no time passes
  expect(id).toMatch(/^web-[0-9a-f]{24}$/)
  // The page before the reload does not answer any more.
  expect(await settled(new Tab(storage(first.held), bus()))).toBe(id)
})

it('gives a duplicated tab an ID of its own', async () => {
  const channel = bus()
  const first = storage()
  const original = new Tab(first, channel)
  const id = await settled(original)
  const duplicate = new Tab(storage(first.held), channel)
  const other = await settled(duplicate)
  expect(other).not.toBe(id)
  expect(duplicate.id).toBe(other)
  expect(original.id).toBe(id)
})

it('tells tabs apart that ask at the same time', async () => {
  const channel = bus()
  const first = storage({ 'doorlight-client': 'web-1' })
  const tabs = [1, 2, 3].map(() => new Tab(storage(first.held), channel))
  const claims = tabs.map((t) => t.claim())
  await vi.advanceTimersByTimeAsync(1000)
  expect(new Set(await Promise.all(claims)).size).toBe(3)
})

it('does without a channel where there is none', async () => {
  expect(await settled(new Tab(storage({ 'doorlight-client': 'web-1' }), () => undefined))).toBe('web-1')
})
