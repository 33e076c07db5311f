/** The calls of the administration pages. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation } from '@tanstack/react-query'
import { type AuditFilter, auditQuery } from '../lib/audit'
import type { AuditEntry, Me, Schemas } from '../lib/model'
import { type Draft, readScope, type Scope, together, versionsOf } from '../lib/scope'
import { api } from './client'
import { changedMeanwhile, unwrap } from './errors'
import { queryClient, stale } from './queries'

export const locationsQuery = queryOptions({
  queryKey: ['locations'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/locations'))).locations,
})

export const groupsQuery = queryOptions({
  queryKey: ['groups'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/groups'))).groups,
})

export const scopeQuery = (scope: string) =>
  queryOptions({
    queryKey: ['scope', scope],
    queryFn: async () =>
      readScope(await unwrap(api.GET('/api/v1/scopes/{scope}/settings', { params: { path: { scope } } }))),
  })

export type RecordFilter = {
  q?: string
  location?: string
  group?: string
  role?: Me['role']
  blocked?: 'yes' | 'no'
}

/** Records by pages, in the order of their names. */
export const recordPages = (filter: RecordFilter) =>
  infiniteQueryOptions({
    queryKey: ['records', filter],
    placeholderData: keepPreviousData,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(api.GET('/api/v1/records', { params: { query: { ...filter, after: pageParam, limit: 50 } }, signal })),
    getNextPageParam: (page) => page.next,
  })

const of = (person: string) => ({ params: { path: { person } } })

export const recordQuery = (id: string) =>
  queryOptions({
    queryKey: ['record', id],
    staleTime: 5 * 60_000,
    queryFn: () => unwrap(api.GET('/api/v1/people/{person}/record', of(id))),
  })

export const workGroupsQuery = queryOptions({
  queryKey: ['work-groups'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/work-groups'))).work_groups,
})

export const monitoringGroupsQuery = queryOptions({
  queryKey: ['monitoring-groups'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/monitoring-groups'))).monitoring_groups,
})

export const connectorsQuery = queryOptions({
  queryKey: ['connectors'],
  // They are read by themselves, too.
  refetchInterval: (q) => (q.state.data?.some((c) => c.running) ? 2_000 : 30_000),
  queryFn: async () => (await unwrap(api.GET('/api/v1/connectors'))).connectors,
})

export const deliveriesQuery = (connector: string) =>
  queryOptions({
    queryKey: ['deliveries', connector],
    staleTime: 0,
    refetchInterval: 5_000,
    queryFn: () => unwrap(api.GET('/api/v1/connectors/{connector}/deliveries', { params: { path: { connector } } })),
  })

/** How many calendars a system holds for people here, and which of them cannot be read. */
export const systemCalendarsQuery = (connector: string) =>
  queryOptions({
    queryKey: ['system-calendars', connector],
    refetchInterval: 30_000,
    queryFn: () => unwrap(api.GET('/api/v1/connectors/{connector}/calendars', { params: { path: { connector } } })),
  })

/** How the people are doing whom an application keeps in step with Microsoft Teams. */
export const systemTeamsQuery = (connector: string) =>
  queryOptions({
    queryKey: ['system-teams', connector],
    staleTime: 0,
    refetchInterval: 5_000,
    queryFn: () => unwrap(api.GET('/api/v1/connectors/{connector}/teams', { params: { path: { connector } } })),
  })

/** How the lines of a telephone system are doing. */
export const systemLinesQuery = (connector: string) =>
  queryOptions({
    queryKey: ['system-lines', connector],
    staleTime: 0,
    refetchInterval: 5_000,
    queryFn: () => unwrap(api.GET('/api/v1/connectors/{connector}/lines', { params: { path: { connector } } })),
  })

/** What is run at a system to set it up, for browsers that know this server under the address base. */
export const scriptsQuery = (connector: string, base: string) =>
  queryOptions({
    queryKey: ['scripts', connector, base],
    queryFn: async () =>
      (
        await unwrap(
          api.GET('/api/v1/connectors/{connector}/scripts', { params: { path: { connector }, query: { base } } }),
        )
      ).scripts,
  })

/** The systems that the settings of a scope may name. */
export const systemsQuery = (scope: string) =>
  queryOptions({
    queryKey: ['systems', scope],
    queryFn: async () =>
      (await unwrap(api.GET('/api/v1/scopes/{scope}/systems', { params: { path: { scope } } }))).systems,
  })

/** How the parts of the server are doing. Whoever looks at the page sees it sooner than the hint in the navigation does. */
export const healthQuery = queryOptions({
  queryKey: ['health'],
  staleTime: 60_000,
  queryFn: () => unwrap(api.GET('/api/v1/health')),
})

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/tokens'))).tokens,
})

const AUDIT_PAGE = 50

export const auditPages = (filter: AuditFilter, zone: string) =>
  infiniteQueryOptions({
    queryKey: ['audit', filter, zone],
    staleTime: 0,
    placeholderData: keepPreviousData,
    initialPageParam: undefined as number | undefined,
    queryFn: async ({ pageParam }): Promise<AuditEntry[]> => {
      const query = { ...auditQuery(filter, zone), before: pageParam, limit: AUDIT_PAGE }
      return (await unwrap(api.GET('/api/v1/audit', { params: { query } }))).entries
    },
    getNextPageParam: (page) => (page.length < AUDIT_PAGE ? undefined : page.at(-1)?.id),
  })

const settled = () => stale('locations', 'groups', 'scope', 'audit')

export const useSaveLocation = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['Location'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/locations/{location}', { params: { path: { location: id } }, body }))
        : unwrap(api.POST('/api/v1/locations', { body })),
    onSuccess: settled,
  })

export const useDuplicateLocation = () =>
  useMutation({
    mutationFn: ({ id, name }: { id: string; name: string }) =>
      unwrap(
        api.POST('/api/v1/locations/{location}/duplicate', { params: { path: { location: id } }, body: { name } }),
      ),
    onSuccess: settled,
  })

export const useSaveGroup = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['Group'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/groups/{group}', { params: { path: { group: id } }, body }))
        : unwrap(api.POST('/api/v1/groups', { body })),
    onSuccess: settled,
  })

export const useRemoveScope = () =>
  useMutation({
    mutationFn: ({ kind, id }: { kind: 'location' | 'group'; id: string }) =>
      kind === 'location'
        ? unwrap(api.DELETE('/api/v1/locations/{location}', { params: { path: { location: id } } }))
        : unwrap(api.DELETE('/api/v1/groups/{group}', { params: { path: { group: id } } })),
    onSettled: settled,
  })

/** Reads the settings anew if somebody else has changed them. */
function lookAgain(error: unknown): void {
  if (changedMeanwhile(error)) void stale('scope')
}

/** What the changes of a scope would do now, as the server works it out. */
export const consequencesQuery = (scope: string, saved: Scope, draft: Draft) =>
  queryOptions({
    queryKey: ['consequences', scope, draft, versionsOf(saved)],
    staleTime: 0,
    gcTime: 0,
    retry: false,
    queryFn: () =>
      unwrap(
        api.PUT('/api/v1/scopes/{scope}/settings', {
          params: { path: { scope } },
          body: { ...together(saved, draft), dry_run: true },
        }),
      ).then(
        (r) => r.consequences,
        (error) => {
          lookAgain(error)
          throw error
        },
      ),
  })

/** Saves all changes of a scope, or none of them, and takes what is in force then. */
export const useSaveScope = (scope: string) =>
  useMutation({
    mutationFn: ({ saved, draft }: { saved: Scope; draft: Draft }) =>
      unwrap(
        api.PUT('/api/v1/scopes/{scope}/settings', {
          params: { path: { scope } },
          body: together(saved, draft),
        }),
      ),
    onSuccess: (now) => {
      queryClient.setQueryData(scopeQuery(scope).queryKey, readScope(now))
      void stale(
        'scope',
        'profiles',
        'settings',
        'calendars',
        'teams',
        'system-teams',
        'lines',
        'system-lines',
        'session',
        'audit',
      )
    },
    onError: lookAgain,
  })

export const useResetScope = (scope: string) =>
  useMutation({
    mutationFn: (body: Schemas['ResetInput']) =>
      unwrap(api.POST('/api/v1/scopes/{scope}/reset', { params: { path: { scope } }, body })),
    onSuccess: (r) => (r.done ? stale('settings', 'profiles', 'audit') : undefined),
  })

export const useResetPerson = (person: string) =>
  useMutation({
    mutationFn: (body: Schemas['ResetInput']) =>
      unwrap(api.POST('/api/v1/people/{person}/reset', { ...of(person), body })),
    onSuccess: (r) => (r.done ? stale('settings', 'profiles', 'audit') : undefined),
  })

export const peopleChanged = () =>
  stale(
    'people',
    'records',
    'record',
    'person',
    'team',
    'locations',
    'groups',
    'work-groups',
    'monitoring-groups',
    'lines',
    'system-lines',
    'session',
    'audit',
  )

export const useSavePerson = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['PersonNewBody'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/people/{person}/record', { ...of(id), body }))
        : unwrap(api.POST('/api/v1/people', { body })),
    onSuccess: peopleChanged,
  })

export const useDeletePerson = () =>
  useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE('/api/v1/people/{person}/record', of(id))),
    onSuccess: peopleChanged,
  })

export const useMakeLink = () =>
  useMutation({
    mutationFn: ({ id, kind }: { id: string; kind: Schemas['LinkInputBody']['kind'] }) =>
      unwrap(api.POST('/api/v1/people/{person}/link', { ...of(id), body: { kind } })),
    // The link is shown once and kept nowhere, the cache of calls included.
    gcTime: 0,
    onSuccess: () => stale('audit'),
  })

const related = () => stale('work-groups', 'monitoring-groups', 'team', 'audit')

export const useSaveWorkGroup = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['WorkGroup'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/work-groups/{group}', { params: { path: { group: id } }, body }))
        : unwrap(api.POST('/api/v1/work-groups', { body })),
    onSuccess: related,
  })

export const useSaveMonitoringGroup = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['MonitoringGroup'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/monitoring-groups/{group}', { params: { path: { group: id } }, body }))
        : unwrap(api.POST('/api/v1/monitoring-groups', { body })),
    onSuccess: related,
  })

export const useRemoveGroup = () =>
  useMutation({
    mutationFn: ({ kind, id }: { kind: 'work' | 'monitoring'; id: string }) =>
      kind === 'work'
        ? unwrap(api.DELETE('/api/v1/work-groups/{group}', { params: { path: { group: id } } }))
        : unwrap(api.DELETE('/api/v1/monitoring-groups/{group}', { params: { path: { group: id } } })),
    onSettled: related,
  })

export const useSaveConnector = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['ConnectorBody'] }) =>
      id
        ? unwrap(api.PUT('/api/v1/connectors/{connector}', { params: { path: { connector: id } }, body }))
        : unwrap(api.POST('/api/v1/connectors', { body })),
    // A password that was sent is kept nowhere, the cache of calls included.
    gcTime: 0,
    onSuccess: () =>
      stale(
        'connectors',
        'providers',
        'deliveries',
        'systems',
        'system-calendars',
        'system-teams',
        'system-lines',
        'scripts',
        'calendars',
        'lines',
        'telephones',
        'health',
        'audit',
      ),
  })

/** A token with which a provider gets in, or the secret that signs calls; the one before ends. */
export const useMakeConnectorToken = () =>
  useMutation({
    mutationFn: ({ connector, body }: { connector: string; body: Schemas['ConnectorTokenBody'] }) =>
      unwrap(api.POST('/api/v1/connectors/{connector}/token', { params: { path: { connector } }, body })),
    // It is shown once and kept nowhere, the cache of calls included.
    gcTime: 0,
    onSuccess: () => stale('connectors', 'deliveries', 'audit'),
  })

/** leave goes to another page: it must be done before the connector is gone from the list, and the page with it. */
export const useDeleteConnector = (leave: () => Promise<void>) =>
  useMutation({
    mutationFn: (connector: string) =>
      unwrap(api.DELETE('/api/v1/connectors/{connector}', { params: { path: { connector } } })),
    onSuccess: async () => {
      await leave()
      await stale(
        'connectors',
        'providers',
        'systems',
        'calendars',
        'teams',
        'lines',
        'telephones',
        'identities',
        'health',
        'records',
        'record',
        'audit',
      )
    },
  })

export const useCheckConnector = () =>
  useMutation({
    mutationFn: ({
      connector,
      ...query
    }: {
      connector: string
      mailbox?: string
      line?: string
      for?: 'calendar' | 'teams'
    }) => unwrap(api.POST('/api/v1/connectors/{connector}/check', { params: { path: { connector }, query } })),
    onSettled: () => stale('connectors', 'deliveries', 'system-calendars', 'system-teams', 'system-lines'),
  })

/** Reads the file in which another product keeps how it hears of changes in Exchange. Nothing is saved. */
export const useReadExchangeConfig = () =>
  useMutation({ mutationFn: (xml: string) => unwrap(api.POST('/api/v1/exchange-config', { body: { xml } })) })

export const useMakeToken = () =>
  useMutation({
    mutationFn: (body: Schemas['Token']) => unwrap(api.POST('/api/v1/tokens', { body })),
    // The secret is shown once and kept nowhere, the cache of calls included.
    gcTime: 0,
    onSuccess: () => stale('tokens', 'audit'),
  })

export const useRevokeToken = () =>
  useMutation({
    mutationFn: (token: string) => unwrap(api.DELETE('/api/v1/tokens/{token}', { params: { path: { token } } })),
    onSettled: () => stale('tokens', 'audit'),
  })
