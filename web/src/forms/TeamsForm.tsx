import { Checkbox, Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { systemsQuery } from '../api/admin'
import { TEAMS_ACCESS } from '../lib/model'
import { usesTeams, type Values, withTeams } from '../lib/scope'
import { NumberField } from '../ui/NumberField'
import { Explained } from './Explained'
import { type Offer, OfferTemplate } from './OfferTemplate'
import { SyncChoice } from './SyncChoice'
import { SystemSelect } from './SystemSelect'
import { UsersMay } from './UsersMay'

/** How the people of a scope are kept in step with Microsoft Teams (T1, T2, T4). */
export function TeamsForm({
  scope,
  value,
  off,
  wrong,
  offer,
  onChange,
}: {
  scope: string
  value: Values['teams']
  /** The location decides here. */
  off: boolean
  /** What the server found wrong with a field of the settings. */
  wrong: (field: string) => string | undefined
  offer: Offer
  onChange: (value: Values['teams']) => void
}) {
  const { t } = useTranslation()
  const { data: systems, error } = useQuery(systemsQuery(scope))
  const reaching = systems?.filter((s) => s.teams) ?? []
  const put = (part: Partial<Values['teams']>) => onChange(withTeams(value, part, reaching))
  return (
    <div className="stack">
      <SyncChoice value={value.sync} off={off} wrong={wrong('teams.sync')} onSync={(sync) => put({ sync })} />
      <div className="fields">
        <UsersMay
          name={t('admin.section.teams')}
          value={value.user_may_change}
          off={off}
          onChange={(user_may_change) => put({ user_may_change })}
        />
      </div>
      {usesTeams(value) && (
        <>
          {error && <p className="wrong">{t('admin.calendar.systemsUnread')}</p>}
          <SystemSelect
            label={t('admin.calendar.application')}
            hint={t('admin.teams.applicationHint')}
            systems={reaching}
            kinds={['graph']}
            loaded={!!systems}
            value={value.connector}
            off={off}
            wrong={wrong('teams.connector')}
            onSystem={(connector) => onChange({ ...value, connector })}
          />
          <Field label={t('admin.teams.access')} validationMessage={wrong('teams.access')}>
            <RadioGroup
              className="explained"
              value={value.access}
              disabled={off}
              onChange={(_e, d) => put({ access: TEAMS_ACCESS.find((a) => a === d.value) ?? value.access })}
            >
              {TEAMS_ACCESS.map((a) => (
                <Radio
                  key={a}
                  value={a}
                  label={<Explained text={t(`admin.teams.accessOf.${a}`)} by={t(`admin.teams.accessMeans.${a}`)} />}
                />
              ))}
            </RadioGroup>
          </Field>
          {value.access === 'delegated' && (
            <div>
              <Checkbox
                label={t('admin.teams.remember')}
                disabled={off}
                checked={value.remember}
                aria-describedby="remember-hint"
                onChange={(_e, d) => put({ remember: d.checked === true })}
              />
              <p className="note under-box" id="remember-hint">
                {t('admin.teams.rememberHint')}
              </p>
            </div>
          )}
          <div className="fields few">
            <NumberField
              label={t('admin.teams.keep')}
              hint={t('admin.teams.keepHint')}
              value={value.keep_minutes}
              min={1}
              max={720}
              wrong={wrong('teams.keep_minutes') ?? t('settings.wholeNumber', { min: 1, max: 720 })}
              disabled={off}
              onChange={(keep_minutes) => put({ keep_minutes })}
            />
          </div>
        </>
      )}
      <OfferTemplate name="MS Teams" hint={t('admin.teams.offerHint')} offer={offer} />
    </div>
  )
}
