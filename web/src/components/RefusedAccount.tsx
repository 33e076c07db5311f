import { useTranslation } from 'react-i18next'
import type { AccountRefusal } from '../lib/calendar'
import { Trouble } from '../ui/parts'

/** Why a Microsoft account was not connected, and what to do; name: of the application, where it is known. */
export function RefusedAccount({ why, name }: { why: AccountRefusal; name?: string }) {
  const { t } = useTranslation()
  return (
    <Trouble title={name ? t('calendars.account.notConnectedBy', { name }) : t('calendars.account.notConnected')}>
      <p>
        {t(`calendars.account.refused.${why}`)} {t(`calendars.account.todo.${why}`)}
      </p>
    </Trouble>
  )
}
