import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from '@fluentui/react-components'
import { Dismiss20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { calendarsQuery } from '../api/queries'
import { asksForAccount, toConnect } from '../lib/calendar'

/** For as long as the window is open: whoever does not want to is not asked again before. */
const LATER = 'doorlight-account-later'

/** Asks on the main page to connect a Microsoft account, where the administrator has calendars read by one. */
export function AccountPrompt() {
  const { t } = useTranslation()
  const [later, setLater] = useState(() => sessionStorage.getItem(LATER) === 'yes')
  const { data } = useQuery({ ...calendarsQuery, enabled: !later, staleTime: 5 * 60_000, refetchInterval: false })
  if (later || !data || !asksForAccount(data)) return null
  return (
    <MessageBar intent="info" layout="multiline" className="account-prompt">
      <MessageBarBody>
        <MessageBarTitle>{t('calendars.account.askTitle')}</MessageBarTitle>
        {t('calendars.account.ask')}
      </MessageBarBody>
      <MessageBarActions
        containerAction={
          <Button
            appearance="transparent"
            icon={<Dismiss20Regular />}
            aria-label={t('calendars.account.later')}
            title={t('calendars.account.later')}
            onClick={() => {
              sessionStorage.setItem(LATER, 'yes')
              setLater(true)
            }}
          />
        }
      >
        {toConnect(data).map((a) => (
          // A page of the server, which leads on to Microsoft's: the router knows nothing of it.
          <a key={a.id} href={a.path} className="button-link primary">
            {t('calendars.account.connect', { name: a.name })}
          </a>
        ))}
        <Link to="/settings/calendars" className="button-link">
          {t('calendars.account.more')}
        </Link>
      </MessageBarActions>
    </MessageBar>
  )
}
