import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderHook } from '@testing-library/react'
import type { ReactNode } from 'react'
import { expect, it } from 'vitest'
import { useAddress } from './session'

/** The address of a page as somebody reads it whose session says this. */
function address(session: object, path: string): string {
  const client = new QueryClient()
  client.setQueryData(['session'], session)
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  )
  return renderHook(useAddress, { wrapper }).result.current(path)
}

it('hands on addresses that others can reach, wherever the page was opened', () => {
  expect(address({ public_url: 'https://presence.example.com' }, '/password#x')).toBe(
    'https://presence.example.com/password#x',
  )
  expect(address({ public_url: 'http://presence.example.com:8080' }, '/scim/c')).toBe(
    'http://presence.example.com:8080/scim/c',
  )
  expect(address({}, '/scim/c')).toBe(`${globalThis.location.origin}/scim/c`)
})
