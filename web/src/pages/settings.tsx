import './relationships.css'
import './settings.css'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Page } from '../ui/parts'

const SECTIONS = [
  { to: '/settings', name: 'general' },
  { to: '/settings/activation', name: 'activation' },
  { to: '/settings/calendars', name: 'calendars' },
  { to: '/settings/teams', name: 'teams' },
  { to: '/settings/telephone', name: 'telephone' },
  { to: '/settings/clients', name: 'clients' },
  { to: '/settings/sign-in', name: 'signIn' },
  { to: '/settings/data', name: 'data' },
] as const

export function SettingsPage() {
  const { t } = useTranslation()
  const path = useRouterState({ select: (s) => s.location.pathname.replace(/\/$/, '') })
  const tabs = useRef<HTMLElement>(null)
  // On a phone not all of them fit: the chosen one is brought into sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path decides which one is chosen
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [path])
  return (
    <Page title={t('nav.settings')}>
      <nav className="tabs" ref={tabs} aria-label={t('settings.sections')}>
        {SECTIONS.map((s) => (
          <Link
            key={s.to}
            to={s.to}
            className="tab"
            activeOptions={{ exact: true }}
            aria-current={path === s.to ? 'page' : undefined}
          >
            {t(`settings.${s.name}`)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </Page>
  )
}
