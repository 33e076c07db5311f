import { LockClosed24Regular } from '@fluentui/react-icons'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { isAt, SYSTEM_PLACES } from '../components/places'
import { useMe } from '../components/session'
import { administersAll } from '../lib/model'
import { Empty, Page } from '../ui/parts'

/** Around the pages of what concerns the whole server. */
export function SystemPages() {
  const { t } = useTranslation()
  const path = useRouterState({ select: (s) => s.location.pathname })
  if (!administersAll(useMe().role))
    return (
      <Page title={t('nav.system')}>
        <Empty icon={<LockClosed24Regular />} title={t('admin.onlySystem')} />
      </Page>
    )
  return (
    <>
      <nav className="tabs system-tabs" aria-label={t('nav.system')}>
        {SYSTEM_PLACES.map((p) => (
          <Link key={p.to} to={p.to} className="tab" aria-current={isAt(p, path) ? 'page' : undefined}>
            {t(`nav.${p.name}`)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  )
}
