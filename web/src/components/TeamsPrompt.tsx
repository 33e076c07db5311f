import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from '@fluentui/react-components'
import { Dismiss20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ownTeamsQuery } from '../api/queries'
import { useTeamsSignIn } from './TeamsSignIn'

/** For as long as the window is open: whoever does not want to is not asked again before. */
const LATER = 'doorlight-teams-later'

/** Asks on the main page to sign in for Microsoft Teams, where nothing is synchronised without. */
export function TeamsPrompt() {
  const { t } = useTranslation()
  const [later, setLater] = useState(() => sessionStorage.getItem(LATER) === 'yes')
  const { data } = useQuery({ ...ownTeamsQuery, enabled: !later, staleTime: 5 * 60_000 })
  const { choice, path } = useTeamsSignIn(data)
  if (later || !data?.sign_in_needed || !path) return null
  return (
    <MessageBar intent="info" layout="multiline" className="account-prompt">
      <MessageBarBody>
        <MessageBarTitle>{t('teams.askTitle')}</MessageBarTitle>
        {t(data.account ? 'teams.askAgain' : 'teams.ask')}
        {choice && <div>{choice}</div>}
      </MessageBarBody>
      <MessageBarActions
        containerAction={
          <Button
            appearance="transparent"
            icon={<Dismiss20Regular />}
            aria-label={t('teams.later')}
            title={t('teams.later')}
            onClick={() => {
              sessionStorage.setItem(LATER, 'yes')
              setLater(true)
            }}
          />
        }
      >
        {/* A page of the server, which leads on to Microsoft's: the router knows nothing of it. */}
        <a href={path} className="button-link primary">
          {t('teams.signIn')}
        </a>
        <Link to="/settings/teams" className="button-link">
          {t('teams.more')}
        </Link>
      </MessageBarActions>
    </MessageBar>
  )
}
