import { Field, Select } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { wrongWithin } from '../components/problem'
import {
  EXPIRES_MINUTES,
  freshSIP,
  INTERNAL_DIGITS,
  RATE,
  type SIPDraft,
  sipBody,
  sipDraft,
  sipMissing,
  TRANSPORTS,
} from '../lib/telephony'
import { NumberField } from '../ui/NumberField'
import { Section } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'
import { CertificatesField, RowsField, TextField } from './fields'

/** The settings of a telephone system whose lines are followed by SIP. */
export function SIPForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? sipDraft(connector) : freshSIP,
    bodyOf: sipBody,
    missing: (x) => Object.fromEntries(sipMissing(x).map((f) => [`sip.${f}`, t('admin.telephony.hostNeeded')])),
  })
  const { sip: x } = d
  const put = (part: Partial<SIPDraft['sip']>) => set({ sip: { ...x, ...part } })
  const text = (
    field: 'server' | 'server_name' | 'domain' | 'username' | 'auth_name',
    more: { max: number; required?: boolean; placeholder?: string },
  ) => (
    <TextField
      label={t(`admin.sip.${field}`)}
      hint={t(`admin.sip.${field}Hint`)}
      wrong={wrong(`sip.${field}`)}
      value={x[field]}
      onText={(v) => put({ [field]: v })}
      {...more}
    />
  )
  const number = (field: 'expires_minutes' | 'rate' | 'internal_digits', usual: number, min: number, max: number) => (
    <NumberField
      label={t(`admin.sip.${field}`)}
      hint={t(`admin.sip.${field}Hint`)}
      value={x[field] || usual}
      min={min}
      max={max}
      wrong={wrong(`sip.${field}`) ?? t('settings.wholeNumber', { min, max })}
      onChange={(n) => put({ [field]: n })}
    />
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.telephony.group.system')} note={t('admin.sip.systemNote')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.telephony.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <div className="fields">
            {text('server', { max: 253, required: true })}
            <Field label={t('admin.sip.transport')} validationMessage={wrong('sip.transport')}>
              <Select
                value={x.transport}
                onChange={(_e, v) => put({ transport: TRANSPORTS.find((k) => k === v.value) ?? x.transport })}
              >
                {TRANSPORTS.map((k) => (
                  <option key={k} value={k}>
                    {t(`admin.sip.transportOf.${k}`)}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          {x.transport === 'tls' && (
            <>
              <CertificatesField
                value={x.certificates}
                wrong={wrong('sip.certificates')}
                onText={(certificates) => put({ certificates })}
              />
              <div className="fields few">{text('server_name', { max: 253 })}</div>
            </>
          )}
        </div>
      </Section>

      <Section title={t('admin.sip.group.account')} note={t('admin.sip.accountNote')}>
        <div className="fields">
          {text('username', { max: 120 })}
          <SecretField
            label={t('admin.sip.secret')}
            kept={connector?.has_secret === true}
            value={d.secret}
            forget={false}
            wrong={wrong('secret')}
            onSecret={(secret) => set({ secret })}
          />
          {text('auth_name', { max: 120 })}
        </div>
      </Section>

      <Section title={t('admin.telephony.group.lines')}>
        <div className="fields">
          <RowsField
            label={t('admin.telephony.prefixes')}
            hint={t('admin.telephony.prefixesHint')}
            wrong={wrongWithin(error, 'sip.numbers')}
            value={d.numbers}
            placeholder="+49 30 1234"
            onText={(numbers) => set({ numbers })}
          />
          <RowsField
            label={t('admin.telephony.internal')}
            hint={t('admin.sip.internalHint')}
            wrong={wrongWithin(error, 'sip.internal')}
            value={d.internal}
            placeholder="2xx"
            onText={(internal) => set({ internal })}
          />
          {text('domain', { max: 253 })}
          {number('internal_digits', INTERNAL_DIGITS, -1, 15)}
        </div>
      </Section>

      <Section title={t('admin.sip.group.subscriptions')}>
        <div className="fields few">
          {number('expires_minutes', EXPIRES_MINUTES, 1, 1440)}
          {number('rate', RATE, 1, 1000)}
        </div>
      </Section>
    </ConnectorForm>
  )
}
