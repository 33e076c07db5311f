import './relationships.css'
import './settings.css'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Page } from '../ui/parts'

const SECTIONS = [
  { to: '/settings', name: 'general' },
  { to: '/settings/activation', name: 'activation' },
  { to: '/settings/calendars', name: 'calendars' },
  { to: '/settings/clients', name: 'clients' },
  { to: '/settings/data', name: 'data' },
] as const

export function SettingsPage() {
  const { t } = useTranslation()
  const path = useRouterState({ select: (s) => s.location.pathname.replace(/\/$/, '') })
  return (
    <Page title={t('nav.settings')}>
      <nav className="tabs" aria-label={t('settings.sections')}>
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
