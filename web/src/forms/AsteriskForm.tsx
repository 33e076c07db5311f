import { Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { wrongWithin } from '../components/problem'
import {
  type AsteriskDraft,
  asteriskBody,
  asteriskDraft,
  asteriskMissing,
  FAMILIES,
  FAMILY_USUAL,
  freshAsterisk,
  managerPort,
  STATES,
  STATES_USUAL,
} from '../lib/telephony'
import { Section } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'
import { Explained } from './Explained'
import { RowsField, TextField, TickField } from './fields'
import { HostFields } from './HostFields'

const AUTHS = ['md5', 'plain'] as const satisfies readonly AsteriskDraft['asterisk']['auth'][]
const WHERE = ['none', 'freepbx'] as const satisfies readonly AsteriskDraft['asterisk']['forwarding'][]

/** The settings of an Asterisk, with FreePBX or without. */
export function AsteriskForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const kept = connector?.has_secret === true
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? asteriskDraft(connector) : freshAsterisk,
    bodyOf: asteriskBody,
    missing: (x) => {
      const words = {
        host: t('admin.telephony.hostNeeded'),
        username: t('admin.asterisk.usernameNeeded'),
        secret: t('admin.asterisk.secretNeeded'),
      }
      return Object.fromEntries(
        asteriskMissing(x, kept).map((f) => [f === 'secret' ? 'secret' : `asterisk.${f}`, words[f]]),
      )
    },
  })
  const { asterisk: x } = d
  const put = (part: Partial<AsteriskDraft['asterisk']>) => set({ asterisk: { ...x, ...part } })
  const within = (field: string) => wrongWithin(error, `asterisk.${field}`)
  const rows = (field: 'devices' | 'prefixes' | 'internal', placeholder: string) => (
    <RowsField
      label={t(field === 'devices' ? 'admin.asterisk.devices' : `admin.telephony.${field}`)}
      hint={t(field === 'devices' ? 'admin.asterisk.devicesHint' : `admin.telephony.${field}Hint`)}
      wrong={within(field)}
      value={d[field]}
      placeholder={placeholder}
      onText={(text) => set({ [field]: text })}
    />
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.telephony.group.system')} note={t('admin.asterisk.systemNote')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.telephony.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <HostFields
            value={x}
            wrong={(f) => wrong(`asterisk.${f}`)}
            onChange={put}
            port={{ usual: managerPort(x) }}
            tlsHint={t('admin.asterisk.tlsHint')}
          />
        </div>
      </Section>

      <Section title={t('admin.asterisk.group.user')} note={t('admin.asterisk.userNote')}>
        <div className="stack">
          <div className="fields">
            <TextField
              label={t('admin.asterisk.username')}
              hint={t('admin.asterisk.usernameHint')}
              required
              wrong={wrong('asterisk.username')}
              value={x.username}
              max={120}
              onText={(username) => put({ username })}
            />
            <SecretField
              label={t('admin.asterisk.secret')}
              kept={kept}
              value={d.secret}
              forget={false}
              wrong={wrong('secret')}
              onSecret={(secret) => set({ secret })}
            />
          </div>
          <Field label={t('admin.asterisk.auth')} validationMessage={wrong('asterisk.auth')}>
            <RadioGroup
              className="explained"
              value={x.auth}
              onChange={(_e, v) => put({ auth: AUTHS.find((a) => a === v.value) ?? x.auth })}
            >
              {AUTHS.map((a) => (
                <Radio
                  key={a}
                  value={a}
                  label={<Explained text={t(`admin.asterisk.authOf.${a}`)} by={t(`admin.asterisk.authHint.${a}`)} />}
                />
              ))}
            </RadioGroup>
          </Field>
          {x.auth === 'plain' && !x.tls && (
            <TickField
              label={t('admin.asterisk.plaintext')}
              hint={t('admin.asterisk.plaintextHint')}
              checked={x.plaintext === true}
              onTick={(plaintext) => put({ plaintext })}
            />
          )}
        </div>
      </Section>

      <Section title={t('admin.telephony.group.lines')} note={t('admin.asterisk.linesNote')}>
        <div className="fields">
          {rows('prefixes', '+49 30 1234')}
          {rows('internal', '2XX')}
          <TextField
            label={t('admin.asterisk.context')}
            hint={t('admin.asterisk.contextHint')}
            wrong={wrong('asterisk.context')}
            value={x.context}
            max={80}
            placeholder="ext-local"
            onText={(context) => put({ context })}
          />
          {rows('devices', 'PJSIP/{line}')}
        </div>
      </Section>

      <Section title={t('admin.telephony.group.forwarding')}>
        <div className="stack">
          <Field label={t('admin.asterisk.where')} validationMessage={wrong('asterisk.forwarding')}>
            <RadioGroup
              className="explained"
              value={x.forwarding}
              onChange={(_e, v) => put({ forwarding: WHERE.find((w) => w === v.value) ?? x.forwarding })}
            >
              {WHERE.map((w) => (
                <Radio
                  key={w}
                  value={w}
                  label={<Explained text={t(`admin.asterisk.whereOf.${w}`)} by={t(`admin.asterisk.whereHint.${w}`)} />}
                />
              ))}
            </RadioGroup>
          </Field>
          {x.forwarding === 'freepbx' && (
            <details className="more-fields" open={Object.values(d.families).some(Boolean) || undefined}>
              <summary>{t('admin.asterisk.families')}</summary>
              <div className="stack">
                <p className="note">{t('admin.asterisk.familiesNote')}</p>
                <div className="fields">
                  {FAMILIES.map((f) => (
                    <TextField
                      key={f}
                      label={t(`admin.asterisk.family.${f}`)}
                      wrong={within(`families.${f}`)}
                      value={d.families[f]}
                      max={80}
                      placeholder={FAMILY_USUAL[f]}
                      onText={(text) => set({ families: { ...d.families, [f]: text } })}
                    />
                  ))}
                  {STATES.map((f) => (
                    <RowsField
                      key={f}
                      label={t(`admin.asterisk.family.${f}`)}
                      hint={t('admin.asterisk.statesHint')}
                      wrong={within(`families.${f}`)}
                      value={d.families[f]}
                      placeholder={STATES_USUAL[f].join('\n')}
                      onText={(text) => set({ families: { ...d.families, [f]: text } })}
                    />
                  ))}
                </div>
              </div>
            </details>
          )}
        </div>
      </Section>
    </ConnectorForm>
  )
}
