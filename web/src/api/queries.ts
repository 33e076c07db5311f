/** Every call of the API that the pages make, with its place in the query cache; those of the administration: admin.ts. */
import {
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  useMutation,
} from '@tanstack/react-query'
import type { Level, Me, Presence, Profile, Schemas } from '../lib/model'
import { withOwn } from '../lib/settings'
import { api } from './client'
import { Problem, unwrap } from './errors'
import { live } from './live'
import { presences } from './presence-store'

let signedOut: () => void = () => {}

/** What to do when the server says that nobody is signed in. */
export function onSignedOut(then: () => void): void {
  signedOut = then
}

declare module '@tanstack/react-query' {
  interface Register {
    // tell: the place of the click has no room for an error, so it is told at the top of the page.
    mutationMeta: { tell?: boolean }
  }
}

/** What the last click did that could not be told where it was made. */
export const untoldQuery = queryOptions<Error | null>({ queryKey: ['untold'], enabled: false, initialData: null })
const tell = (error: Error | null) => queryClient.setQueryData(untoldQuery.queryKey, error)
export const forgetUntold = () => tell(null)

/** The server is there again: what failed while it was away is tried once more, and the words about it go. */
export function serverIsBack(): void {
  void queryClient.refetchQueries({ predicate: (q) => q.state.status === 'error' })
  const told = queryClient.getQueryData(untoldQuery.queryKey)
  if (told instanceof Problem && told.status === 0) forgetUntold()
}

export const queryClient = new QueryClient({
  mutationCache: new MutationCache({
    onError: (error, _v, _c, mutation) => {
      if (error instanceof Problem && error.status === 401 && queryClient.getQueryData(sessionQuery.queryKey)) leave()
      else if (mutation.meta?.tell) tell(error)
    },
    onSuccess: (_d, _v, _c, mutation) => void (mutation.meta?.tell && tell(null)),
  }),
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof Problem && error.status === 401) leave()
    },
  }),
  defaultOptions: {
    // Without a network a click fails and says so. It must not wait, and count when nobody remembers it.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      staleTime: 30_000,
      retry: (n, error) => n < 2 && error instanceof Problem && (error.status === 0 || error.status >= 500),
    },
  },
})

/** Forgets everything about who was signed in. */
export function leave(): void {
  live.stop()
  queryClient.clear()
  queryClient.setQueryData(sessionQuery.queryKey, null)
  signedOut()
}

const me = { params: { path: { person: 'me' } } } as const
const of = (person: string) => ({ params: { path: { person } } })

export const setupQuery = queryOptions({ queryKey: ['setup'], queryFn: () => unwrap(api.GET('/api/v1/setup')) })

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: 5 * 60_000,
  queryFn: async (): Promise<Me | null> => {
    try {
      return await unwrap(api.GET('/api/v1/session'))
    } catch (e) {
      if (e instanceof Problem && e.status === 401) return null
      throw e
    }
  },
})

export const teamQuery = queryOptions({ queryKey: ['team'], queryFn: () => unwrap(api.GET('/api/v1/team')) })

export const searchQuery = (q: string) =>
  queryOptions({
    queryKey: ['people', q],
    enabled: q !== '',
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/people', { params: { query: { q, limit: 100 } }, signal })),
  })

export const personQuery = (id: string) =>
  queryOptions({ queryKey: ['person', id], queryFn: () => unwrap(api.GET('/api/v1/people/{person}', of(id))) })

/** presence: what is to be explained; another one has another explanation. */
export const explanationQuery = (id: string, presence?: Presence) =>
  queryOptions({
    queryKey: ['explanation', id, presence],
    placeholderData: keepPreviousData,
    staleTime: 0,
    queryFn: () => unwrap(api.GET('/api/v1/people/{person}/explanation', of(id))),
  })

export const agendaQuery = (id: string, from: Date, to: Date) =>
  queryOptions({
    queryKey: ['agenda', id, from.toISOString(), to.toISOString()],
    refetchInterval: 60_000,
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/people/{person}/agenda', {
          params: { path: { person: id }, query: { from: from.toISOString(), to: to.toISOString() } },
        }),
      ),
  })

export const profilesQuery = (id: string) =>
  queryOptions({
    queryKey: ['profiles', id],
    queryFn: () => unwrap(api.GET('/api/v1/people/{person}/profiles', of(id))),
  })

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/settings', me)),
})

export const calendarsQuery = queryOptions({
  queryKey: ['calendars'],
  // A calendar that was just entered is read in a moment.
  refetchInterval: ({ state }) =>
    state.data?.calendars.some((c) => !c.checked_at && c.kind !== 'local') ? 2_000 : 60_000,
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/calendars', me)),
})

/** How I and Microsoft Teams are doing. */
export const ownTeamsQuery = queryOptions({
  queryKey: ['teams'],
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/teams', me)),
})

/** Telephone lines of somebody, and how they are forwarded. */
export const linesQuery = (person: string) =>
  queryOptions({
    queryKey: ['lines', person],
    staleTime: 0,
    queryFn: () => unwrap(api.GET('/api/v1/people/{person}/lines', of(person))),
  })

/** My desk telephones, and where they sign in. */
export const telephonesQuery = queryOptions({
  queryKey: ['telephones'],
  staleTime: 0,
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/telephones', me)),
})

export const relationshipsQuery = (q: string) =>
  queryOptions({
    queryKey: ['relationships', q],
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/people/{person}/relationships', {
          params: { path: { person: 'me' }, query: { q: q || undefined, limit: 100 } },
        }),
      ),
  })

export const seenQuery = queryOptions({
  queryKey: ['seen'],
  staleTime: 0,
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/seen', me)),
})

export const clientsQuery = queryOptions({
  queryKey: ['clients'],
  refetchInterval: 15_000,
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/clients', me)),
})

export const stale = (...keys: string[]) =>
  Promise.all(keys.map((k) => queryClient.invalidateQueries({ queryKey: [k] })))

export const useSignIn = () =>
  useMutation({
    mutationFn: (body: Schemas['SignInBody']) => unwrap(api.POST('/api/v1/session', { body })),
    onSuccess: (who) => queryClient.setQueryData(sessionQuery.queryKey, who),
  })

export const useSetup = () =>
  useMutation({
    mutationFn: (body: Schemas['SetupInputBody']) => unwrap(api.POST('/api/v1/setup', { body })),
    onSuccess: (who) => {
      queryClient.removeQueries({ queryKey: ['setup'] })
      queryClient.setQueryData(sessionQuery.queryKey, who)
    },
  })

export const usePasswordByLink = () =>
  useMutation({
    mutationFn: (body: Schemas['LinkUseBody']) => unwrap(api.POST('/api/v1/password', { body })),
    onSuccess: (who) => queryClient.setQueryData(sessionQuery.queryKey, who),
  })

/** Which program asks with a code. It is asked once: a code that is no good stays so. */
export const deviceQuery = (code: string) =>
  queryOptions({
    queryKey: ['device', code],
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0, // asked about again it is a new question
    queryFn: () => unwrap(api.GET('/api/v1/devices/{code}', { params: { path: { code } } })),
  })

/** Lets a program in, or refuses it. */
export const useAnswerDevice = (code: string) =>
  useMutation({
    mutationFn: (allow: boolean) =>
      unwrap(api.POST('/api/v1/devices/{code}', { params: { path: { code } }, body: { allow } })),
    onSuccess: () => stale('sessions'),
  })

/** Ends all sign-ins, this one too. */
export const useChangePassword = () =>
  useMutation({
    mutationFn: (body: Schemas['PasswordInputBody']) =>
      unwrap(api.PUT('/api/v1/people/{person}/password', { ...of('me'), body })),
    onSuccess: () => leave(),
  })

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: () => unwrap(api.GET('/api/v1/people/{person}/sessions', of('me'))),
})

export const useEndSession = () =>
  useMutation({
    mutationFn: (session: string) =>
      unwrap(api.DELETE('/api/v1/people/{person}/sessions/{session}', { params: { path: { person: 'me', session } } })),
    onSettled: () => stale('sessions'),
  })

/** The ways to sign in beside a password. */
export const providersQuery = queryOptions({
  queryKey: ['providers'],
  queryFn: async () => (await unwrap(api.GET('/api/v1/providers'))).providers,
})

/** As whom sign-in providers know somebody. */
export const identitiesQuery = (person: string) =>
  queryOptions({
    queryKey: ['identities', person],
    queryFn: async () => (await unwrap(api.GET('/api/v1/people/{person}/identities', of(person)))).identities,
  })

export const useRelease = (person: string) =>
  useMutation({
    mutationFn: (connector: string) =>
      unwrap(api.DELETE('/api/v1/people/{person}/identities/{connector}', { params: { path: { person, connector } } })),
    onSettled: () => stale('identities', 'sessions', 'audit'),
  })

export const useSignOut = () =>
  useMutation({ mutationFn: () => unwrap(api.DELETE('/api/v1/session')), onSettled: () => leave() })

export type Choice = Schemas['ChoiceInputBody']

export const useChoice = (person: string, meta?: { tell: boolean }) =>
  useMutation({
    meta,
    mutationFn: (body: Choice) => unwrap(api.PUT('/api/v1/people/{person}/choice', { ...of(person), body })),
    onSuccess: (presence) => {
      presences.put(presence)
      return stale('explanation', 'agenda', 'seen')
    },
  })

export const useFavourites = () =>
  useMutation({
    meta: { tell: true },
    mutationFn: (favourites: string[]) =>
      unwrap(api.PUT('/api/v1/people/{person}/favourites', { ...me, body: { favourites } })),
    onMutate: (favourites) => {
      const before = queryClient.getQueryData(teamQuery.queryKey)
      queryClient.setQueryData(teamQuery.queryKey, (t) => t && { ...t, favourites })
      return before
    },
    onError: (_e, _f, before) => before && queryClient.setQueryData(teamQuery.queryKey, before),
    onSuccess: (team) => queryClient.setQueryData(teamQuery.queryKey, team),
  })

export const useDecision = (person: string) =>
  useMutation({
    mutationFn: (body: Schemas['DecisionInputBody']) =>
      unwrap(api.PUT('/api/v1/people/{person}/agenda/decision', { ...of(person), body })),
    onSuccess: () => stale('agenda', 'explanation'),
  })

export const useOwnProfiles = () =>
  useMutation({
    mutationFn: (own: Profile[]) => unwrap(api.PUT('/api/v1/people/{person}/profiles', { ...me, body: { own } })),
    onMutate: (own) => {
      // What is new has no ID yet; it shows when the server has given it one.
      if (own.some((p) => !p.id)) return
      for (const id of ['me', queryClient.getQueryData(sessionQuery.queryKey)?.person.id ?? '']) {
        queryClient.setQueryData(profilesQuery(id).queryKey, (p) => p && { ...p, own })
      }
    },
    onSettled: () => stale('profiles', 'settings'),
  })

export type SettingsInput = Schemas['PersonSettingsInputBody']

export const useSettings = () =>
  useMutation({
    mutationKey: ['settings'],
    scope: { id: 'settings' }, // one after the other: each replaces all of them
    mutationFn: (body: SettingsInput) => unwrap(api.PUT('/api/v1/people/{person}/settings', { ...me, body })),
    onMutate: (body) => {
      const before = queryClient.getQueryData(settingsQuery.queryKey)
      if (before) queryClient.setQueryData(settingsQuery.queryKey, withOwn(before, body))
      return before
    },
    onError: () => stale('settings'),
    onSuccess: (s) => {
      if (queryClient.isMutating({ mutationKey: ['settings'] }) === 1)
        queryClient.setQueryData(settingsQuery.queryKey, s)
      return stale('session', 'agenda', 'explanation', 'teams')
    },
  })

export const useReset = () =>
  useMutation({
    mutationFn: (body: Schemas['ResetInput']) => unwrap(api.POST('/api/v1/people/{person}/reset', { ...me, body })),
    onSuccess: (r) => (r.done ? stale('settings', 'profiles', 'teams') : undefined),
  })

export const useSaveCalendar = () =>
  useMutation({
    mutationFn: ({ id, body }: { id?: string; body: Schemas['CalendarBody'] }) =>
      id
        ? unwrap(
            api.PUT('/api/v1/people/{person}/calendars/{calendar}', {
              params: { path: { person: 'me', calendar: id } },
              body,
            }),
          )
        : unwrap(api.POST('/api/v1/people/{person}/calendars', { ...me, body })),
    onSuccess: () => stale('calendars', 'agenda'),
  })

const calendar = (id: string) => ({ params: { path: { person: 'me', calendar: id } } })

export const useDeleteCalendar = () =>
  useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE('/api/v1/people/{person}/calendars/{calendar}', calendar(id))),
    onSuccess: () => stale('calendars', 'agenda'),
  })

export const useReadCalendar = () =>
  useMutation({
    mutationFn: (id: string) => unwrap(api.POST('/api/v1/people/{person}/calendars/{calendar}/sync', calendar(id))),
    onSettled: () => stale('calendars', 'agenda'),
  })

export const useDisconnectTeams = () =>
  useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/people/{person}/teams/account', me)),
    onSettled: () => stale('teams'),
  })

/** Forwards a line by hand. */
export const useForward = (person: string) =>
  useMutation({
    mutationFn: (body: Schemas['ForwardingInputBody']) =>
      unwrap(api.PUT('/api/v1/people/{person}/forwarding', { ...of(person), body })),
    onSuccess: (lines) => queryClient.setQueryData(linesQuery(person).queryKey, lines),
    onError: () => stale('lines'),
  })

export const useAddTelephone = () =>
  useMutation({
    mutationFn: (name: string) => unwrap(api.POST('/api/v1/people/{person}/telephones', { ...me, body: { name } })),
    // The password is shown once and kept nowhere, the cache of calls included.
    gcTime: 0,
    onSuccess: () => stale('telephones'),
  })

export const useRemoveTelephone = () =>
  useMutation({
    mutationFn: (telephone: string) =>
      unwrap(
        api.DELETE('/api/v1/people/{person}/telephones/{telephone}', { params: { path: { person: 'me', telephone } } }),
      ),
    onSettled: () => stale('telephones'),
  })

export const useRelationship = () =>
  useMutation({
    mutationFn: ({ viewer, level }: { viewer: string; level: Level | 'default' }) =>
      unwrap(
        api.PUT('/api/v1/people/{person}/relationships/{viewer}', {
          params: { path: { person: 'me', viewer } },
          body: { level },
        }),
      ),
    onSettled: () => stale('relationships', 'seen'),
  })

export const useEndClient = () =>
  useMutation({
    mutationFn: (client: string) =>
      unwrap(api.DELETE('/api/v1/people/{person}/clients/{client}', { params: { path: { person: 'me', client } } })),
    onSettled: () => stale('clients'),
  })

export const useExport = () => useMutation({ mutationFn: () => unwrap(api.GET('/api/v1/people/{person}/export', me)) })
