import { MessageBar, MessageBarBody } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ownTeamsQuery } from '../api/queries'
import { noticesOf } from '../lib/teams'
import { inWords } from './server-words'

/** What Teams does not show of somebody, where they ask why they are what they are here. */
export function TeamsHint() {
  const { t } = useTranslation()
  const { data } = useQuery({ ...ownTeamsQuery, staleTime: 0 })
  // That Teams does not run is nothing to wonder about here.
  const [first] = data ? noticesOf(data, inWords, t).filter((n) => n.kind !== 'offline') : []
  if (!first) return null
  return (
    <MessageBar intent="warning" layout="multiline" className="why-hint">
      <MessageBarBody>
        {first.text} <Link to="/settings/teams">{t('teams.more')}</Link>
      </MessageBarBody>
    </MessageBar>
  )
}
