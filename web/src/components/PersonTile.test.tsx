import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { act, render, screen } from '@testing-library/react'
import { beforeAll, expect, it } from 'vitest'
import { presences } from '../api/presence-store'
import type { Card } from '../lib/model'
import { startMessages } from '../messages'
import { PersonTile } from './PersonTile'

beforeAll(() => startMessages('en'))

const card = (id: string, presence: Partial<Card['presence']>): Card => ({
  id,
  name: `Person ${id}`,
  relationship: 'team_colleague',
  may: {},
  presence: { id, ...presence },
})

/** Nobody is signed in, and nothing is asked over the network. */
function signedOut(): QueryClient {
  const client = new QueryClient()
  client.setQueryData(['session'], null)
  return client
}

async function show(...cards: Card[]) {
  const root = createRootRoute()
  const list = createRoute({
    getParentRoute: () => root,
    path: '/',
    component: () => cards.map((c) => <PersonTile key={c.id} card={c} />),
  })
  const person = createRoute({ getParentRoute: () => root, path: '/people/$person' })
  const router = createRouter({ routeTree: root.addChildren([list, person]), history: createMemoryHistory() })
  render(
    <QueryClientProvider client={signedOut()}>
      {/* biome-ignore lint/suspicious/noExplicitAny: a router of its own, not the registered one */}
      <RouterProvider router={router as any} />
    </QueryClientProvider>,
  )
  await screen.findAllByRole('link')
}

it('shows what is known, and live changes of that person', async () => {
  await show(card('a', { status: 'available' }), card('b', { status: 'busy', text: 'Exam' }))
  expect(screen.getByRole('link', { name: /Person b/ }).textContent).toContain('Busy · Exam')
  act(() =>
    presences.apply({
      type: 'changes',
      seq: 1,
      position: '1',
      people: [{ id: 'a', status: 'available', line: { state: 'on_the_phone', service: 'MS Teams' } }],
    }),
  )
  const a = screen.getByRole('link', { name: /Person a/ }).textContent
  expect(a).toContain('On the phone (MS Teams)')
  expect(a).toContain('Available')
})

it('shows nothing where nothing may be seen, and says so where presence is off', async () => {
  await show(card('c', {}), card('d', { off: true }))
  expect(screen.getByRole('link', { name: /Person c/ }).querySelector('.shape')).toBeNull()
  expect(screen.getByRole('link', { name: /Person d/ }).textContent).toContain('No presence')
})
