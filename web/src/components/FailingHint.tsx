import { ErrorCircle16Filled } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { healthQuery } from '../api/admin'
import { failing } from '../lib/health'
import { administersAll } from '../lib/model'
import { useMe } from './session'

/** Whether something of the server does not work, for who can mend it; asked once a minute. */
export function useFailing(): boolean {
  const all = administersAll(useMe().role)
  const { data } = useQuery({ ...healthQuery, enabled: all, refetchInterval: 60_000, retry: false })
  return all && failing(data) > 0
}

/** The sign beside a place of the navigation, where one goes on to what does not work; id: of the words for it. */
export function FailingHint({ id }: { id: string }) {
  const { t } = useTranslation()
  return (
    <span className="failing" title={t('nav.failing')}>
      <ErrorCircle16Filled aria-hidden="true" />
      <span id={id} hidden>
        {t('nav.failing')}
      </span>
    </span>
  )
}
