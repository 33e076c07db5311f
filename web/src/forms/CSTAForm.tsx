import { Checkbox, Field, Radio, RadioGroup, Select } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { wrongWithin } from '../components/problem'
import {
  CAN_SET,
  type CSTADraft,
  cstaBody,
  cstaDraft,
  cstaMissing,
  EDITIONS,
  freshCSTA,
  SESSIONS,
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

/** The settings of a telephone system that speaks CSTA. */
export function CSTAForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? cstaDraft(connector) : freshCSTA,
    bodyOf: cstaBody,
    missing: (x) => {
      const words = { host: t('admin.telephony.hostNeeded'), port: t('admin.csta.portNeeded') }
      return Object.fromEntries(cstaMissing(x).map((f) => [`csta.${f}`, words[f]]))
    },
  })
  const { csta: x } = d
  const put = (part: Partial<CSTADraft['csta']>) => set({ csta: { ...x, ...part } })
  const within = (field: string) => wrongWithin(error, `csta.${field}`)
  const unanswered = d.forwarding.includes('busy') || d.forwarding.includes('no_answer')

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.telephony.group.system')} note={t('admin.csta.systemNote')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.telephony.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <HostFields
            value={x}
            wrong={(f) => wrong(`csta.${f}`)}
            onChange={put}
            port={{ required: true, hint: t('admin.csta.portHint') }}
            tlsHint={t('admin.csta.tlsHint')}
          />
        </div>
      </Section>

      <Section title={t('admin.csta.group.session')} note={t('admin.csta.sessionNote')}>
        <div className="stack">
          <Field label={t('admin.csta.session')} validationMessage={wrong('csta.session')}>
            <RadioGroup
              className="explained"
              value={x.session}
              onChange={(_e, v) => put({ session: SESSIONS.find((s) => s === v.value) ?? x.session })}
            >
              {SESSIONS.map((s) => (
                <Radio
                  key={s}
                  value={s}
                  label={<Explained text={t(`admin.csta.sessionOf.${s}`)} by={t(`admin.csta.sessionHint.${s}`)} />}
                />
              ))}
            </RadioGroup>
          </Field>
          <div className="fields">
            {x.session !== 'none' && (
              <TextField
                label={t('admin.csta.application')}
                hint={t('admin.csta.applicationHint')}
                wrong={wrong('csta.application')}
                value={x.application}
                max={120}
                placeholder="doorlight"
                onText={(application) => put({ application })}
              />
            )}
            {x.session === 'session' && (
              <>
                <TextField
                  label={t('admin.csta.username')}
                  hint={t('admin.csta.usernameHint')}
                  wrong={wrong('csta.username')}
                  value={x.username}
                  max={120}
                  onText={(username) => put({ username })}
                />
                <SecretField
                  label={t('admin.csta.secret')}
                  kept={connector?.has_secret === true}
                  value={d.secret}
                  forget={false}
                  wrong={wrong('secret')}
                  onSecret={(secret) => set({ secret })}
                />
              </>
            )}
            <Field
              label={t('admin.csta.edition')}
              hint={t('admin.csta.editionHint')}
              validationMessage={wrong('csta.edition')}
            >
              <Select
                value={x.edition}
                onChange={(_e, v) => put({ edition: EDITIONS.find((e) => e === v.value) ?? x.edition })}
              >
                {EDITIONS.map((e) => (
                  <option key={e} value={e}>
                    {e}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
        </div>
      </Section>

      <Section title={t('admin.telephony.group.lines')}>
        <div className="fields">
          <RowsField
            label={t('admin.telephony.prefixes')}
            hint={t('admin.telephony.prefixesHint')}
            wrong={within('prefixes')}
            value={d.prefixes}
            placeholder="+49 30 1234"
            onText={(prefixes) => set({ prefixes })}
          />
          <RowsField
            label={t('admin.telephony.internal')}
            hint={t('admin.telephony.internalHint')}
            wrong={within('internal')}
            value={d.internal}
            placeholder="2XX"
            onText={(internal) => set({ internal })}
          />
          <TextField
            label={t('admin.csta.device')}
            hint={t('admin.csta.deviceHint')}
            wrong={wrong('csta.device')}
            value={x.device}
            max={200}
            placeholder="tel:{line}"
            onText={(device) => put({ device })}
          />
        </div>
      </Section>

      <Section title={t('admin.telephony.group.forwarding')} note={t('admin.csta.forwardingNote')}>
        <div className="stack">
          <Field label={t('admin.csta.can')} validationMessage={within('forwarding')}>
            <fieldset className="options">
              <legend className="hidden">{t('admin.csta.can')}</legend>
              {CAN_SET.map((a) => (
                <Checkbox
                  key={a}
                  label={t(`telephone.ability.${a}`)}
                  checked={d.forwarding.includes(a)}
                  onChange={(_e, v) =>
                    set({
                      forwarding: CAN_SET.filter((b) => (b === a ? v.checked === true : d.forwarding.includes(b))),
                    })
                  }
                />
              ))}
            </fieldset>
          </Field>
          {unanswered && (
            <TickField
              label={t('admin.csta.split')}
              hint={t('admin.csta.splitHint')}
              checked={x.split === true}
              onTick={(split) => put({ split })}
            />
          )}
        </div>
      </Section>
    </ConnectorForm>
  )
}
