import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { calendarsQuery } from '../api/queries'
import type { AccountRefusal } from '../lib/calendar'
import { Trouble } from '../ui/parts'

/** Why a Microsoft account was not connected, and what to do. */
export function RefusedAccount({ why, connector }: { why: AccountRefusal; connector?: string }) {
  const { t } = useTranslation()
  const { data, isPending } = useQuery(calendarsQuery)
  // The name would come a moment later, and be announced twice.
  if (isPending) return null
  const name = data?.accounts.find((a) => a.id === connector)?.name
  return (
    <Trouble title={name ? t('calendars.account.notConnectedBy', { name }) : t('calendars.account.notConnected')}>
      <p>
        {t(`calendars.account.refused.${why}`)} {t(`calendars.account.todo.${why}`)}
      </p>
    </Trouble>
  )
}
