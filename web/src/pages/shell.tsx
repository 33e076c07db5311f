import { Button, Tooltip } from '@fluentui/react-components'
import {
  Building20Filled,
  Building20Regular,
  CalendarLtr20Filled,
  CalendarLtr20Regular,
  ClipboardTextLtr20Filled,
  ClipboardTextLtr20Regular,
  Organization20Filled,
  Organization20Regular,
  People20Filled,
  People20Regular,
  PeopleTeam20Filled,
  PeopleTeam20Regular,
  PersonTag20Filled,
  PersonTag20Regular,
  Settings20Filled,
  Settings20Regular,
  ShareIos20Filled,
  ShareIos20Regular,
  ShieldPerson20Filled,
  ShieldPerson20Regular,
  SignOut20Regular,
  WrenchSettings20Filled,
  WrenchSettings20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouter, useRouterState, useSearch } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { live, useConnection, useWatch } from '../api/live'
import { leave, queryClient, serverIsBack, sessionQuery, teamQuery, useSignOut } from '../api/queries'
import { tab } from '../api/tab'
import { ConnectionBanner, Untold } from '../components/ConnectionBanner'
import { FailingHint, useFailing } from '../components/FailingHint'
import { OwnPresence } from '../components/OwnPresence'
import { type AdminPlace, adminPlaces, isAt } from '../components/places'
import { SearchPeople } from '../components/SearchPeople'
import { useMe } from '../components/session'
import { administers } from '../lib/model'
import { Logo } from '../ui/parts'

const WhyDialog = lazy(() => import('../components/WhyDialog'))

/** Everything around the pages behind the sign-in. */
export function Shell() {
  const { t } = useTranslation()
  // Signing out takes the session away a moment before the router leaves these pages.
  const { data: me } = useQuery(sessionQuery)
  if (!me) return null
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <Stream id={me.person.id} />
      <PagesAtHand />
      <header className="top">
        <Link to="/" className="brand" aria-label={t('nav.home')}>
          <Logo />
          <span className="brand-name">Doorlight</span>
        </Link>
        <SearchPeople />
        <OwnPresence />
      </header>
      <Navigation />
      <main id="main" tabIndex={-1}>
        <ConnectionBanner />
        <Untold />
        <Outlet />
      </main>
      <Why />
      <FocusOnNavigation />
    </div>
  )
}

/** The live stream runs for as long as somebody is signed in. */
function Stream({ id }: { id: string }) {
  useWatch([id])
  useEffect(() => {
    let here = true
    const onStale = (stale: string[], gone: string[]) => {
      for (const p of [...stale, ...gone]) {
        void queryClient.invalidateQueries({ queryKey: ['person', p] })
        if (p === id) {
          for (const key of ['session', 'profiles', 'settings', 'calendars'])
            void queryClient.invalidateQueries({ queryKey: [key] })
        }
      }
      void queryClient.invalidateQueries({ queryKey: teamQuery.queryKey })
    }
    // The stream says which client this is, and a duplicated tab has yet to find out.
    void tab.claim().then(() => here && live.start({ onStale, onSignedOut: leave }))
    return () => {
      here = false
      live.stop()
    }
  }, [id])
  const { state } = useConnection()
  useEffect(() => {
    if (state === 'live') serverIsBack()
  }, [state])
  return null
}

/** Fetches what the other pages are made of while nothing else is to do, so that they open without the server too. */
function PagesAtHand() {
  const router = useRouter()
  const admin = administers(useMe().role)
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) {
        if (admin || !route.id.startsWith('/app/admin')) void router.loadRouteChunk(route)?.catch(() => {})
      }
    }, 2_000)
    return () => clearTimeout(timer)
  }, [router, admin])
  return null
}

type Icons = { icon: ReactElement; on: ReactElement }

type Place = Icons & {
  to: '/' | '/agenda' | '/profiles' | '/relationships' | '/settings'
  name: 'team' | 'agenda' | 'profiles' | 'relationships' | 'settings'
}

const PLACES: Place[] = [
  { to: '/', name: 'team', icon: <PeopleTeam20Regular />, on: <PeopleTeam20Filled /> },
  { to: '/agenda', name: 'agenda', icon: <CalendarLtr20Regular />, on: <CalendarLtr20Filled /> },
  { to: '/profiles', name: 'profiles', icon: <PersonTag20Regular />, on: <PersonTag20Filled /> },
  { to: '/relationships', name: 'relationships', icon: <ShareIos20Regular />, on: <ShareIos20Filled /> },
  { to: '/settings', name: 'settings', icon: <Settings20Regular />, on: <Settings20Filled /> },
]

const ADMIN_ICONS: Record<AdminPlace['name'], Icons> = {
  locations: { icon: <Building20Regular />, on: <Building20Filled /> },
  people: { icon: <People20Regular />, on: <People20Filled /> },
  groups: { icon: <Organization20Regular />, on: <Organization20Filled /> },
  system: { icon: <WrenchSettings20Regular />, on: <WrenchSettings20Filled /> },
  audit: { icon: <ClipboardTextLtr20Regular />, on: <ClipboardTextLtr20Filled /> },
}

function Navigation() {
  const { t } = useTranslation()
  const me = useMe()
  const signOut = useSignOut()
  const path = useRouterState({ select: (s) => s.location.pathname })
  const admin = administers(me.role)
  const failing = useFailing()
  const place = (
    to: Place['to'] | AdminPlace['to'],
    { icon, on }: Icons,
    here: boolean,
    name: string,
    className?: string,
    label?: string,
    /** Something below it does not work. */
    hint?: boolean,
  ) => (
    <li key={to} className={className}>
      <Link
        to={to}
        activeOptions={{ exact: true }}
        className={here ? 'place on' : 'place'}
        aria-current={here ? 'page' : undefined}
        aria-label={label}
        aria-describedby={hint ? `failing-${to}` : undefined}
      >
        <span className="place-icon" aria-hidden="true">
          {here ? on : icon}
        </span>
        <span className="place-name">{name}</span>
        {hint && <FailingHint id={`failing-${to}`} />}
      </Link>
    </li>
  )
  const at = (to: string) => (to === '/' ? path === '/' || path.startsWith('/people/') : isAt({ to }, path))
  return (
    <nav className="rail" aria-label={t('nav.label')}>
      <div className="rail-places">
        <ul>
          {PLACES.map((p) => place(p.to, p, at(p.to), t(`nav.${p.name}`)))}
          {/* On a phone there is room for one more; it leads to all of them. */}
          {admin &&
            place(
              '/admin/locations',
              { icon: <ShieldPerson20Regular />, on: <ShieldPerson20Filled /> },
              at('/admin'),
              t('nav.adminShort'),
              'only-phone',
              t('nav.admin'),
              failing,
            )}
        </ul>
        {admin && (
          <>
            <p className="rail-group" id="rail-admin">
              {t('nav.admin')}
            </p>
            <ul className="rail-admin" aria-labelledby="rail-admin">
              {adminPlaces(me.role).map((p) =>
                place(
                  p.to,
                  ADMIN_ICONS[p.name],
                  isAt(p, path),
                  t(`nav.${p.name}`),
                  undefined,
                  undefined,
                  failing && p.name === 'system',
                ),
              )}
            </ul>
          </>
        )}
      </div>
      <div className="rail-end">
        <Tooltip content={t('nav.signOut')} relationship="label" positioning="after">
          <Button appearance="subtle" icon={<SignOut20Regular />} onClick={() => signOut.mutate()} className="sign-out">
            <span className="place-name">{t('nav.signOut')}</span>
          </Button>
        </Tooltip>
      </div>
    </nav>
  )
}

/** The "Why?" dialog can open over every page; the address says about whom. */
function Why() {
  const { why } = useSearch({ from: '/app' })
  const navigate = useNavigate()
  if (!why) return null
  return (
    <Suspense>
      <WhyDialog
        person={why}
        onClose={() => void navigate({ to: '.', search: (s) => ({ ...s, why: undefined }), replace: true })}
      />
    </Suspense>
  )
}

/** After going to another page the focus goes to its heading; the first page and drawers keep theirs. */
function FocusOnNavigation() {
  const path = useRouterState({ select: (s) => s.resolvedLocation?.pathname ?? '' })
  const page = path.startsWith('/people/') && !path.endsWith('/agenda') ? '/' : path
  const before = useRef(page)
  useEffect(() => {
    if (before.current === page) return
    const first = before.current === ''
    before.current = page
    if (first) return
    document.querySelector('main')?.scrollTo(0, 0)
    requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }))
  }, [page])
  return null
}
