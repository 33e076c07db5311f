/** Work that goes on after the answer: what begins it, and how far it is. */
import { queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Schemas } from '../lib/model'
import { connectorsQuery, peopleChanged } from './admin'
import { api } from './client'
import { unwrap } from './errors'
import { queryClient, stale } from './queries'

export type Job = Schemas['Job']
export type Report = Schemas['Report']

/** How often a job is asked how far it is. */
const ASK_EVERY = 400

const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    staleTime: 0,
    retry: false,
    refetchInterval: (q) => (q.state.data?.state === 'running' && !q.state.error ? ASK_EVERY : false),
    queryFn: () => unwrap(api.GET('/api/v1/jobs/{job}', { params: { path: { job: id } } })),
  })

const begun = (job: Job) => queryClient.setQueryData(jobQuery(job.id).queryKey, job)

/** Follows a job to its end. Of one that changes people, everything is read anew then. */
export function useJob(id: string | undefined, dry: boolean) {
  const query = useQuery({ ...jobQuery(id ?? ''), enabled: !!id })
  const over = !!query.data && query.data.state !== 'running'
  useEffect(() => {
    if (!over) return
    if (!dry) void peopleChanged()
    void stale('connectors')
  }, [over, dry])
  return query
}

export const useImport = () =>
  useMutation({
    mutationFn: (body: Schemas['ImportInputBody']) => unwrap(api.POST('/api/v1/people/import', { body })),
    // The list is large, and is not kept.
    gcTime: 0,
    onSuccess: begun,
  })

const of = (connector: string) => ({ params: { path: { connector } } })

export const useSync = (connector: string) =>
  useMutation({
    mutationFn: (body: Schemas['ConnectorSyncBody']) =>
      unwrap(api.POST('/api/v1/connectors/{connector}/sync', { ...of(connector), body })),
    onSuccess: (job) => {
      begun(job)
      return queryClient.invalidateQueries({ queryKey: connectorsQuery.queryKey })
    },
  })
