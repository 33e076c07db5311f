import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { usePresence } from '../api/presence-store'
import { agendaQuery } from '../api/queries'

/**
 * What stands in somebody's agenda; id: as the call names them. It is asked for anew when their presence changes: calls
 * in Teams that begin and end stand in it.
 */
export function useAgenda(id: string, person: string, from: Date, to: Date) {
  const p = usePresence(person)
  const query = useQuery(agendaQuery(id, from, to))
  const { refetch } = query
  const shown = p && JSON.stringify([p.since, p.cause, p.profile, p.text, p.line?.state])
  const before = useRef(shown)
  useEffect(() => {
    const first = before.current === undefined // it was not known: nothing has changed
    if (!shown || before.current === shown) return
    before.current = shown
    if (!first) void refetch()
  }, [shown, refetch])
  return query
}
