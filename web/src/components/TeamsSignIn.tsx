import { Checkbox } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type PersonTeams, signInPath } from '../lib/teams'

/** The way to Microsoft's page, and whether the sign-in there is to be remembered, where that may be. */
export function useTeamsSignIn(teams: PersonTeams | undefined) {
  const { t } = useTranslation()
  const [remember, setRemember] = useState(false)
  const asks = teams?.remember === true
  return {
    choice: asks && (
      <Checkbox label={t('teams.remember')} checked={remember} onChange={(_e, d) => setRemember(d.checked === true)} />
    ),
    path: teams?.path && signInPath(teams.path, asks && remember),
  }
}
