import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { sessionQuery } from '../api/queries'
import type { Me } from '../lib/model'
import { type Clock, localeFor } from '../lib/time'

/** Who is signed in. Pages behind the sign-in have it always: the router waits for it. */
export function useMe(): Me {
  const { data } = useQuery(sessionQuery)
  // Signing out takes the session away a moment before the router leaves the page.
  const last = useRef(data)
  if (data) last.current = data
  if (!last.current) throw new Error('a page behind the sign-in was shown without a session')
  return last.current
}

/** The address under which others reach this server: the one that its administrator named, else the page's own. */
export const usePublicURL = () => useMe().public_url ?? globalThis.location.origin

/** Makes the whole address of something on this server, for others. */
export function useAddress(): (path?: string) => string {
  const base = usePublicURL()
  return (path = '') => new URL(path, base).href
}

/** Language and time zone for times: the person's, not the browser's. */
export function useClock(): Clock {
  const { i18n } = useTranslation()
  const { data } = useQuery(sessionQuery)
  const zone = data?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  return useMemo(() => ({ locale: localeFor(i18n.language, navigator.languages), zone }), [i18n.language, zone])
}

// One ticker for all rows; it runs only while somebody looks.
let now = new Date()
let timer: ReturnType<typeof setInterval> | undefined
const listeners = new Set<() => void>()

function subscribe(l: () => void) {
  if (!listeners.size) {
    now = new Date()
    timer = setInterval(() => {
      now = new Date()
      for (const tell of listeners) tell()
    }, 10_000)
  }
  listeners.add(l)
  return () => {
    listeners.delete(l)
    if (!listeners.size) clearInterval(timer)
  }
}

/** Now, exact to ten seconds. */
export const useNow = () => useSyncExternalStore(subscribe, () => now)
