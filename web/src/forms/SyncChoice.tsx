import { Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { TEAMS_SYNC, type TeamsSync } from '../lib/model'
import { Explained } from './Explained'

/** What is synchronised with Microsoft Teams, each choice with what it does in both directions. */
export function SyncChoice({
  value,
  off,
  wrong,
  onSync,
}: {
  value: TeamsSync
  off?: boolean
  wrong?: string
  onSync: (sync: TeamsSync) => void
}) {
  const { t } = useTranslation()
  return (
    <Field label={t('admin.teams.what')} validationMessage={wrong}>
      <RadioGroup
        className="explained"
        value={value}
        disabled={off}
        onChange={(_e, d) => onSync(TEAMS_SYNC.find((s) => s === d.value) ?? value)}
      >
        {TEAMS_SYNC.map((s) => (
          <Radio
            key={s}
            value={s}
            label={<Explained text={t(`admin.teams.sync.${s}`)} by={t(`admin.teams.means.${s}`)} />}
          />
        ))}
      </RadioGroup>
    </Field>
  )
}
