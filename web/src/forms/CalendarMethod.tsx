import { Checkbox, Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { systemsQuery } from '../api/admin'
import { CALENDAR_METHODS, type Schemas } from '../lib/model'
import { withMethod } from '../lib/scope'
import { Explained } from './Explained'
import { SetUp, SystemSelect } from './SystemSelect'

type Section = Schemas['CalendarSection']

/** How the calendars of a scope are reached: from each user, or from a system that holds everybody's. */
export function CalendarMethod({
  scope,
  value,
  off,
  wrong,
  onChange,
}: {
  scope: string
  value: Section
  off: boolean
  wrong: (field: string) => string | undefined
  onChange: (value: Section) => void
}) {
  const { t } = useTranslation()
  const { data: systems, error } = useQuery(systemsQuery(scope))
  const holding = systems?.filter((s) => s.calendar) ?? []
  const connecting = systems?.filter((s) => s.accounts) ?? []
  const first = connecting.find((s) => s.enabled) ?? connecting[0]
  return (
    <div className="stack">
      <Field label={t('admin.calendar.method')} validationMessage={wrong('method')}>
        <RadioGroup
          className="explained"
          value={value.method}
          disabled={off}
          onChange={(_e, d) => {
            const method = CALENDAR_METHODS.find((m) => m === d.value) ?? value.method
            onChange(withMethod(value, method, holding))
          }}
        >
          {CALENDAR_METHODS.map((m) => (
            <Radio
              key={m}
              value={m}
              label={<Explained text={t(`admin.calendar.methodOf.${m}`)} by={t(`admin.calendar.means.${m}`)} />}
            />
          ))}
        </RadioGroup>
      </Field>
      {error && <p className="wrong">{t('admin.calendar.systemsUnread')}</p>}
      {value.method === 'central' && (
        <SystemSelect
          label={t('admin.calendar.connector')}
          hint={t('admin.calendar.connectorHint')}
          systems={holding}
          kinds={['exchange', 'graph', 'domino']}
          loaded={!!systems}
          value={value.connector}
          off={off}
          wrong={wrong('connector')}
          onSystem={(connector) => onChange({ ...value, connector })}
        />
      )}
      {value.method === 'local' && (
        <>
          <div>
            <Checkbox
              label={t('admin.calendar.accounts')}
              checked={value.accounts !== undefined}
              disabled={off || (value.accounts === undefined && !first)}
              aria-describedby="accounts-hint"
              onChange={(_e, d) => onChange({ ...value, accounts: d.checked ? (first?.id ?? '') : undefined })}
            />
            <p className="note under-box" id="accounts-hint">
              {t('admin.calendar.accountsHint')}
              {systems && !first && ` ${t('admin.calendar.noApplication')}`}
            </p>
            {systems && !first && !off && <SetUp kinds={['graph']} />}
          </div>
          {value.accounts !== undefined && (
            <SystemSelect
              label={t('admin.calendar.application')}
              hint={t('admin.calendar.applicationHint')}
              systems={connecting}
              kinds={['graph']}
              loaded={!!systems}
              value={value.accounts}
              off={off}
              wrong={wrong('accounts')}
              onSystem={(accounts) => onChange({ ...value, accounts })}
            />
          )}
        </>
      )}
    </div>
  )
}
