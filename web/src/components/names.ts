import { useQueries } from '@tanstack/react-query'
import { recordQuery } from '../api/admin'

/** Names of people by their IDs, for administrators. One that is not there any more, or not yet known, has none. */
export function useNames(ids: readonly string[]): (id: string) => { name?: string; gone?: boolean } {
  const wanted = [...new Set(ids)]
  const found = useQueries({ queries: wanted.map((id) => ({ ...recordQuery(id), retry: false })) })
  return (id) => {
    const q = found[wanted.indexOf(id)]
    return { name: q?.data?.name, gone: q?.isError }
  }
}
