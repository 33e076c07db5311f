import { LockClosed24Regular } from '@fluentui/react-icons'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { FailingHint, useFailing } from '../components/FailingHint'
import { isAt, SYSTEM_PLACES } from '../components/places'
import { useMe } from '../components/session'
import { administersAll } from '../lib/model'
import { Empty, Page } from '../ui/parts'

/** Around the pages of what concerns the whole server. */
export function SystemPages() {
  const { t } = useTranslation()
  const path = useRouterState({ select: (s) => s.location.pathname })
  const failing = useFailing()
  const tabs = useRef<HTMLElement>(null)
  // Where there is no room for a list beside the page, not all of them fit: the chosen one is brought into sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path decides which one is chosen, and the sign makes one wider
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
  }, [path, failing])
  if (!administersAll(useMe().role))
    return (
      <Page title={t('nav.system')}>
        <Empty icon={<LockClosed24Regular />} title={t('admin.onlySystem')} />
      </Page>
    )
  return (
    <div className="system">
      <nav className="tabs system-tabs" ref={tabs} aria-label={t('nav.system')}>
        {SYSTEM_PLACES.map(({ group, places }) => (
          <div key={group} className="system-group">
            <p id={`system-${group}`}>{t(`nav.systemGroup.${group}`)}</p>
            <ul aria-labelledby={`system-${group}`}>
              {places.map((p) => (
                <li key={p.to}>
                  <Link
                    to={p.to}
                    className="tab"
                    aria-current={isAt(p, path) ? 'page' : undefined}
                    aria-describedby={failing && p.name === 'health' ? 'failing-health' : undefined}
                  >
                    {t(`nav.${p.name}`)}
                    {failing && p.name === 'health' && <FailingHint id="failing-health" />}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="system-page">
        <Outlet />
      </div>
    </div>
  )
}
