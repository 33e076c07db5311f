import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { queryClient, sessionQuery, setupQuery } from './api/queries'
import { NotFound, PageTrouble } from './components/trouble'
import { STATUSES, type Status } from './lib/model'
import { type Day, isDay } from './lib/zone'
import { type Language, setLanguage } from './messages'
import { Shell } from './pages/shell'

export type StatusFilter = Status | 'on_the_phone'

/** What the address says beside the path. Anything that makes no sense there is left out. */
type Everywhere = { why?: string }
export type TeamSearch = { q?: string; status?: StatusFilter }
export type AgendaSearch = { day?: Day; view?: 'day' | 'week' }

const text = (v: unknown) => (v === undefined || v === '' ? undefined : String(v))

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: PageTrouble })

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  component: Shell,
  validateSearch: (s: Record<string, unknown>): Everywhere => ({ why: text(s.why) }),
  beforeLoad: async ({ location }) => {
    const me = await queryClient.ensureQueryData(sessionQuery)
    if (me) {
      if (me.language) await setLanguage(me.language as Language)
      return
    }
    const setup = await queryClient.ensureQueryData(setupQuery)
    if (setup.needed) throw redirect({ to: '/setup' })
    throw redirect({ to: '/sign-in', search: { to: location.href === '/' ? undefined : location.href } })
  },
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (s: Record<string, unknown>): { to?: string } => ({
    // Only places of this client: a link must not lead elsewhere after the sign-in.
    to: typeof s.to === 'string' && /^\/(?![/\\])/.test(s.to) ? s.to : undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/sign-in'), 'SignInPage'),
})

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('./pages/setup'), 'SetupPage'),
})

const team = createRoute({
  getParentRoute: () => app,
  id: 'team',
  validateSearch: (s: Record<string, unknown>): TeamSearch => ({
    q: text(s.q),
    status: [...STATUSES, 'on_the_phone' as const].find((x) => x === s.status),
  }),
  component: lazyRouteComponent(() => import('./pages/team'), 'TeamPage'),
})

const teamIndex = createRoute({ getParentRoute: () => team, path: '/' })

const person = createRoute({
  getParentRoute: () => team,
  path: '/people/$person',
  component: lazyRouteComponent(() => import('./pages/person'), 'PersonPage'),
})

const agendaSearch = (s: Record<string, unknown>): AgendaSearch => ({
  day: isDay(s.day) ? s.day : undefined,
  view: s.view === 'day' || s.view === 'week' ? s.view : undefined,
})

const agenda = createRoute({
  getParentRoute: () => app,
  path: '/agenda',
  validateSearch: agendaSearch,
  component: lazyRouteComponent(() => import('./pages/agenda'), 'OwnAgendaPage'),
})

const personAgenda = createRoute({
  getParentRoute: () => app,
  path: '/people/$person/agenda',
  validateSearch: agendaSearch,
  component: lazyRouteComponent(() => import('./pages/agenda'), 'PersonAgendaPage'),
})

const profiles = createRoute({
  getParentRoute: () => app,
  path: '/profiles',
  component: lazyRouteComponent(() => import('./pages/profiles'), 'ProfilesPage'),
})

const relationships = createRoute({
  getParentRoute: () => app,
  path: '/relationships',
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: text(s.q) }),
  component: lazyRouteComponent(() => import('./pages/relationships'), 'RelationshipsPage'),
})

const seen = createRoute({
  getParentRoute: () => app,
  path: '/relationships/seen',
  component: lazyRouteComponent(() => import('./pages/seen'), 'SeenPage'),
})

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings'), 'SettingsPage'),
})

const general = createRoute({
  getParentRoute: () => settings,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/settings-general'), 'GeneralPage'),
})

const activation = createRoute({
  getParentRoute: () => settings,
  path: '/activation',
  component: lazyRouteComponent(() => import('./pages/settings-activation'), 'ActivationPage'),
})

const calendars = createRoute({
  getParentRoute: () => settings,
  path: '/calendars',
  component: lazyRouteComponent(() => import('./pages/settings-calendars'), 'CalendarsPage'),
})

const clients = createRoute({
  getParentRoute: () => settings,
  path: '/clients',
  component: lazyRouteComponent(() => import('./pages/settings-clients'), 'ClientsPage'),
})

const data = createRoute({
  getParentRoute: () => settings,
  path: '/data',
  component: lazyRouteComponent(() => import('./pages/settings-data'), 'DataPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    setup,
    app.addChildren([
      team.addChildren([teamIndex, person]),
      agenda,
      personAgenda,
      profiles,
      relationships,
      seen,
      settings.addChildren([general, activation, calendars, clients, data]),
    ]),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
