import { Button, Tooltip } from '@fluentui/react-components'
import {
  CalendarLtr20Filled,
  CalendarLtr20Regular,
  PeopleTeam20Filled,
  PeopleTeam20Regular,
  PersonTag20Filled,
  PersonTag20Regular,
  Settings20Filled,
  Settings20Regular,
  ShareIos20Filled,
  ShareIos20Regular,
  SignOut20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouter, useRouterState, useSearch } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { live, useConnection, useWatch } from '../api/live'
import { leave, queryClient, serverIsBack, sessionQuery, teamQuery, useSignOut } from '../api/queries'
import { tab } from '../api/tab'
import { ConnectionBanner, Untold } from '../components/ConnectionBanner'
import { OwnPresence } from '../components/OwnPresence'
import { SearchPeople } from '../components/SearchPeople'
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
          for (const key of ['session', 'profiles', 'settings']) void queryClient.invalidateQueries({ queryKey: [key] })
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
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) void router.loadRouteChunk(route)?.catch(() => {})
    }, 2_000)
    return () => clearTimeout(timer)
  }, [router])
  return null
}

type Place = {
  to: '/' | '/agenda' | '/profiles' | '/relationships' | '/settings'
  name: 'team' | 'agenda' | 'profiles' | 'relationships' | 'settings'
  icon: ReactElement
  on: ReactElement
}

// Administration gets a group of its own below these, for those whose role allows it.
const PLACES: Place[] = [
  { to: '/', name: 'team', icon: <PeopleTeam20Regular />, on: <PeopleTeam20Filled /> },
  { to: '/agenda', name: 'agenda', icon: <CalendarLtr20Regular />, on: <CalendarLtr20Filled /> },
  { to: '/profiles', name: 'profiles', icon: <PersonTag20Regular />, on: <PersonTag20Filled /> },
  { to: '/relationships', name: 'relationships', icon: <ShareIos20Regular />, on: <ShareIos20Filled /> },
  { to: '/settings', name: 'settings', icon: <Settings20Regular />, on: <Settings20Filled /> },
]

function Navigation() {
  const { t } = useTranslation()
  const signOut = useSignOut()
  const path = useRouterState({ select: (s) => s.location.pathname })
  const at = (to: string) =>
    to === '/' ? path === '/' || path.startsWith('/people/') : path === to || path.startsWith(`${to}/`)
  return (
    <nav className="rail" aria-label={t('nav.label')}>
      <ul>
        {PLACES.map((p) => (
          <li key={p.to}>
            <Link
              to={p.to}
              activeOptions={{ exact: true }}
              className={at(p.to) ? 'place on' : 'place'}
              aria-current={at(p.to) ? 'page' : undefined}
            >
              <span className="place-icon" aria-hidden="true">
                {at(p.to) ? p.on : p.icon}
              </span>
              <span className="place-name">{t(`nav.${p.name}`)}</span>
            </Link>
          </li>
        ))}
      </ul>
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
