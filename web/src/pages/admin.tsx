import './admin.css'
import './relationships.css'
import './settings.css'
import { LockClosed24Regular } from '@fluentui/react-icons'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { adminPlaces, isAt } from '../components/places'
import { useMe } from '../components/session'
import { administers } from '../lib/model'
import { Empty, Page } from '../ui/parts'

/** Around the administration pages. Where the navigation has no room for all of them, they are listed above the page. */
export function AdminPages() {
  const { t } = useTranslation()
  const me = useMe()
  const path = useRouterState({ select: (s) => s.location.pathname })
  const tabs = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path decides which one is chosen
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [path])
  if (!administers(me.role))
    return (
      <Page title={t('nav.admin')}>
        <Empty icon={<LockClosed24Regular />} title={t('admin.only')}>
          {t('admin.onlyHint')}
        </Empty>
      </Page>
    )
  return (
    <>
      <nav className="tabs admin-tabs" ref={tabs} aria-label={t('nav.admin')}>
        {adminPlaces(me.role).map((p) => (
          <Link key={p.to} to={p.to} className="tab" aria-current={isAt(p, path) ? 'page' : undefined}>
            {t(`nav.${p.name}`)}
          </Link>
        ))}
      </nav>
      <div className="admin">
        <Outlet />
      </div>
    </>
  )
}
