import { Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { systemsQuery } from '../api/admin'
import { FORWARD_WAYS, havingLines, redirecting, wayOf, withSystem, withWay } from '../lib/lines'
import type { Template } from '../lib/model'
import type { Values } from '../lib/scope'
import { Explained } from './Explained'
import { FeatureCodes } from './FeatureCodes'
import { SetUp, SystemSelect } from './SystemSelect'

/** Where the telephone lines of a scope are, and by what they are forwarded (L1, F2). */
export function TelephonyForm({
  scope,
  value,
  templates,
  off,
  wrong,
  onChange,
}: {
  scope: string
  value: Values['telephony']
  templates: Template[]
  /** The location decides here. */
  off: boolean
  /** What the server found wrong with a field of the settings. */
  wrong: (field: string) => string | undefined
  onChange: (value: Values['telephony']) => void
}) {
  const { t } = useTranslation()
  const { data: systems, error } = useQuery(systemsQuery(scope))
  const all = systems ?? []
  const way = wayOf(value)
  const own = all.find((s) => s.id === value.connector)
  const servers = redirecting(all)
  /** Why a way cannot be taken. */
  const cannot = {
    off: undefined,
    system: !value.connector
      ? t('admin.telephonyOf.needsSystem')
      : own && !own.forwards
        ? t('admin.telephonyOf.cannotForward', { name: own.name })
        : undefined,
    server: systems && !servers.length ? t('admin.telephonyOf.needsServer') : undefined,
  }
  return (
    <div className="stack">
      {error && <p className="wrong">{t('admin.calendar.systemsUnread')}</p>}
      <SystemSelect
        className="stack"
        label={t('admin.telephonyOf.connector')}
        hint={t('admin.telephonyOf.connectorHint')}
        none={t('admin.telephonyOf.none')}
        systems={havingLines(all)}
        kinds={['asterisk', 'csta', 'sip']}
        loaded={!!systems}
        value={value.connector}
        off={off}
        wrong={wrong('telephony.connector')}
        onSystem={(connector) => onChange(withSystem(value, connector, all))}
      />
      <Field
        label={t('admin.telephonyOf.forwarding')}
        validationMessage={way === 'server' ? undefined : wrong('telephony.forwarding')}
      >
        <RadioGroup
          className="explained"
          value={way}
          disabled={off}
          onChange={(_e, d) => onChange(withWay(value, FORWARD_WAYS.find((w) => w === d.value) ?? way, all))}
        >
          {FORWARD_WAYS.map((w) => (
            <Radio
              key={w}
              value={w}
              disabled={off || (way !== w && cannot[w] !== undefined)}
              label={
                <Explained
                  text={t(`admin.telephonyOf.way.${w}`)}
                  by={[t(`admin.telephonyOf.means.${w}`), cannot[w]].filter(Boolean).join(' ')}
                />
              }
            />
          ))}
        </RadioGroup>
      </Field>
      {way === 'server' && (
        <SystemSelect
          label={t('admin.telephonyOf.server')}
          hint={t('admin.telephonyOf.serverHint')}
          systems={servers}
          kinds={['sip_server']}
          loaded={!!systems}
          value={value.forwarding}
          off={off}
          wrong={wrong('telephony.forwarding')}
          onSystem={(forwarding) => onChange({ ...value, forwarding })}
        />
      )}
      {way !== 'server' && systems && !servers.length && !off && <SetUp kinds={['sip_server']} />}
      {way !== 'off' && <p className="note">{t('admin.telephonyOf.follows')}</p>}
      <FeatureCodes
        codes={value.codes ?? []}
        templates={templates}
        off={off}
        wrong={(field) => wrong(`telephony.codes${field}`)}
        onCodes={(codes) => onChange({ ...value, codes: codes.length ? codes : undefined })}
      />
    </div>
  )
}
