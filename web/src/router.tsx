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
import {
  accountSearch,
  agendaSearch,
  auditSearch,
  deviceSearch,
  everywhere,
  jobSearch,
  peopleSearch,
  personsSearch,
  refusedSearch,
  signInSearch,
  teamSearch,
  telephoneSearch,
} from './lib/search'
import { type Language, setLanguage } from './messages'
import { Shell } from './pages/shell'

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: PageTrouble })

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  component: Shell,
  validateSearch: everywhere,
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
  validateSearch: signInSearch,
  component: lazyRouteComponent(() => import('./pages/sign-in'), 'SignInPage'),
})

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('./pages/setup'), 'SetupPage'),
})

const password = createRoute({
  getParentRoute: () => root,
  path: '/password',
  component: lazyRouteComponent(() => import('./pages/password'), 'PasswordPage'),
})

const team = createRoute({
  getParentRoute: () => app,
  id: 'team',
  validateSearch: teamSearch,
  component: lazyRouteComponent(() => import('./pages/team'), 'TeamPage'),
})

const teamIndex = createRoute({ getParentRoute: () => team, path: '/' })

const person = createRoute({
  getParentRoute: () => team,
  path: '/people/$person',
  component: lazyRouteComponent(() => import('./pages/person'), 'PersonPage'),
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

const device = createRoute({
  getParentRoute: () => app,
  path: '/device',
  validateSearch: deviceSearch,
  component: lazyRouteComponent(() => import('./pages/device'), 'DevicePage'),
})

const profiles = createRoute({
  getParentRoute: () => app,
  path: '/profiles',
  component: lazyRouteComponent(() => import('./pages/profiles'), 'ProfilesPage'),
})

const relationships = createRoute({
  getParentRoute: () => app,
  path: '/relationships',
  validateSearch: peopleSearch,
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
  validateSearch: accountSearch,
  component: lazyRouteComponent(() => import('./pages/settings-calendars'), 'CalendarsPage'),
})

const teams = createRoute({
  getParentRoute: () => settings,
  path: '/teams',
  validateSearch: accountSearch,
  component: lazyRouteComponent(() => import('./pages/settings-teams'), 'TeamsPage'),
})

const telephone = createRoute({
  getParentRoute: () => settings,
  path: '/telephone',
  component: lazyRouteComponent(() => import('./pages/settings-telephone'), 'TelephoneSettingsPage'),
})

const clients = createRoute({
  getParentRoute: () => settings,
  path: '/clients',
  component: lazyRouteComponent(() => import('./pages/settings-clients'), 'ClientsPage'),
})

const signIns = createRoute({
  getParentRoute: () => settings,
  path: '/sign-in',
  validateSearch: refusedSearch,
  component: lazyRouteComponent(() => import('./pages/settings-sign-in'), 'SignInsPage'),
})

const data = createRoute({
  getParentRoute: () => settings,
  path: '/data',
  component: lazyRouteComponent(() => import('./pages/settings-data'), 'DataPage'),
})

const admin = createRoute({
  getParentRoute: () => app,
  path: '/admin',
  component: lazyRouteComponent(() => import('./pages/admin'), 'AdminPages'),
})

const adminIndex = createRoute({
  getParentRoute: () => admin,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/admin/locations', replace: true })
  },
})

const adminLocations = createRoute({
  getParentRoute: () => admin,
  path: '/locations',
  component: lazyRouteComponent(() => import('./pages/admin-locations'), 'LocationsPage'),
})

const adminScope = createRoute({
  getParentRoute: () => admin,
  path: '/scopes/$scope',
  component: lazyRouteComponent(() => import('./pages/admin-scope'), 'ScopePage'),
})

const adminPeople = createRoute({
  getParentRoute: () => admin,
  path: '/people',
  validateSearch: personsSearch,
  component: lazyRouteComponent(() => import('./pages/admin-people'), 'PersonsPage'),
})

const adminImport = createRoute({
  getParentRoute: () => admin,
  path: '/people/import',
  validateSearch: jobSearch,
  component: lazyRouteComponent(() => import('./pages/admin-import'), 'ImportPage'),
})

const adminGroups = createRoute({
  getParentRoute: () => admin,
  path: '/groups',
  component: lazyRouteComponent(() => import('./pages/admin-groups'), 'GroupsPage'),
})

const adminSystem = createRoute({
  getParentRoute: () => admin,
  path: '/system',
  component: lazyRouteComponent(() => import('./pages/admin-system'), 'SystemPages'),
})

const adminSystemIndex = createRoute({
  getParentRoute: () => adminSystem,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/admin/system/directories', replace: true })
  },
})

const adminDirectories = createRoute({
  getParentRoute: () => adminSystem,
  path: '/directories',
  component: lazyRouteComponent(() => import('./pages/admin-directories'), 'DirectoriesPage'),
})

const adminDirectory = createRoute({
  getParentRoute: () => adminSystem,
  path: '/directories/$connector',
  validateSearch: jobSearch,
  component: lazyRouteComponent(() => import('./pages/admin-directory'), 'DirectoryPage'),
})

const adminProviders = createRoute({
  getParentRoute: () => adminSystem,
  path: '/providers',
  component: lazyRouteComponent(() => import('./pages/admin-providers'), 'ProvidersPage'),
})

const adminProvider = createRoute({
  getParentRoute: () => adminSystem,
  path: '/providers/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-provider'), 'ProviderPage'),
})

const adminProvisionings = createRoute({
  getParentRoute: () => adminSystem,
  path: '/provisioning',
  component: lazyRouteComponent(() => import('./pages/admin-provisionings'), 'ProvisioningsPage'),
})

const adminProvisioning = createRoute({
  getParentRoute: () => adminSystem,
  path: '/provisioning/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-provisioning'), 'ProvisioningPage'),
})

const adminExchanges = createRoute({
  getParentRoute: () => adminSystem,
  path: '/exchange',
  component: lazyRouteComponent(() => import('./pages/admin-exchanges'), 'ExchangesPage'),
})

const adminExchange = createRoute({
  getParentRoute: () => adminSystem,
  path: '/exchange/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-exchange'), 'ExchangePage'),
})

const adminGraphs = createRoute({
  getParentRoute: () => adminSystem,
  path: '/graph',
  component: lazyRouteComponent(() => import('./pages/admin-graphs'), 'GraphsPage'),
})

const adminGraph = createRoute({
  getParentRoute: () => adminSystem,
  path: '/graph/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-graph'), 'GraphPage'),
})

const adminDominos = createRoute({
  getParentRoute: () => adminSystem,
  path: '/domino',
  component: lazyRouteComponent(() => import('./pages/admin-dominos'), 'DominosPage'),
})

const adminDomino = createRoute({
  getParentRoute: () => adminSystem,
  path: '/domino/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-domino'), 'DominoPage'),
})

const adminTelephones = createRoute({
  getParentRoute: () => adminSystem,
  path: '/telephony',
  component: lazyRouteComponent(() => import('./pages/admin-telephones'), 'TelephonesPage'),
})

const adminTelephone = createRoute({
  getParentRoute: () => adminSystem,
  path: '/telephony/$connector',
  validateSearch: telephoneSearch,
  component: lazyRouteComponent(() => import('./pages/admin-telephone'), 'TelephonePage'),
})

const adminWebhooks = createRoute({
  getParentRoute: () => adminSystem,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('./pages/admin-webhooks'), 'WebhooksPage'),
})

const adminWebhook = createRoute({
  getParentRoute: () => adminSystem,
  path: '/webhooks/$connector',
  component: lazyRouteComponent(() => import('./pages/admin-webhook'), 'WebhookPage'),
})

const adminHealth = createRoute({
  getParentRoute: () => adminSystem,
  path: '/health',
  component: lazyRouteComponent(() => import('./pages/admin-health'), 'HealthPage'),
})

const adminTokens = createRoute({
  getParentRoute: () => adminSystem,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./pages/admin-tokens'), 'TokensPage'),
})

/** Where the tokens were before there were system settings. */
const adminTokensBefore = createRoute({
  getParentRoute: () => admin,
  path: '/tokens',
  beforeLoad: () => {
    throw redirect({ to: '/admin/system/tokens', replace: true })
  },
})

const adminAudit = createRoute({
  getParentRoute: () => admin,
  path: '/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./pages/admin-audit'), 'AuditPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    setup,
    password,
    app.addChildren([
      team.addChildren([teamIndex, person]),
      agenda,
      personAgenda,
      device,
      profiles,
      relationships,
      seen,
      settings.addChildren([general, activation, calendars, teams, telephone, clients, signIns, data]),
      admin.addChildren([
        adminIndex,
        adminLocations,
        adminScope,
        adminPeople,
        adminImport,
        adminGroups,
        adminSystem.addChildren([
          adminSystemIndex,
          adminDirectories,
          adminDirectory,
          adminProviders,
          adminProvider,
          adminProvisionings,
          adminProvisioning,
          adminExchanges,
          adminExchange,
          adminGraphs,
          adminGraph,
          adminDominos,
          adminDomino,
          adminTelephones,
          adminTelephone,
          adminWebhooks,
          adminWebhook,
          adminTokens,
          adminHealth,
        ]),
        adminTokensBefore,
        adminAudit,
      ]),
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
