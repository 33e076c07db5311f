import { useTranslation } from 'react-i18next'
import { wrongWithin } from '../components/problem'
import { freshSIPServer, type SIPServerDraft, sipServerBody, sipServerDraft, sipServerMissing } from '../lib/telephony'
import { Section } from '../ui/parts'
import { ConnectorForm, type ConnectorFormProps, EnabledSwitch, NameField, useConnectorForm } from './ConnectorForm'
import { RowsField, TextField, TickField } from './fields'

/** The settings of Doorlight as a SIP server: lamps on desk telephones, and where a call goes. */
export function SIPServerForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? sipServerDraft(connector) : freshSIPServer,
    bodyOf: sipServerBody,
    missing: (x) =>
      Object.fromEntries(sipServerMissing(x).map((f) => [`sip_server.${f}`, t(`admin.sip_server.${f}Needed`)])),
  })
  const rows = (
    field: 'listen' | 'domains' | 'trusted' | 'internal',
    more: { placeholder?: string; required?: boolean } = {},
  ) => (
    <RowsField
      label={t(`admin.sip_server.${field}`)}
      hint={t(`admin.sip_server.${field}Hint`)}
      wrong={wrong(`sip_server.${field}`) ?? wrongWithin(error, `sip_server.${field}`)}
      value={d[field]}
      onText={(text) => set({ [field]: text } as Partial<SIPServerDraft>)}
      {...more}
    />
  )
  const text = (field: 'host' | 'desk' | 'outside' | 'confirm', placeholder: string) => (
    <TextField
      label={t(`admin.sip_server.${field}`)}
      hint={t(`admin.sip_server.${field}Hint`)}
      wrong={wrong(`sip_server.${field}`)}
      value={d[field]}
      max={500}
      placeholder={placeholder}
      onText={(v) => set({ [field]: v } as Partial<SIPServerDraft>)}
    />
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.sip_server.group.server')} note={t('admin.sip_server.serverNote')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.sip_server.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <div className="fields two">
            {rows('listen', { required: true, placeholder: 'udp:0.0.0.0:5060' })}
            {text('host', 'presence.example.com')}
            {rows('domains', { placeholder: 'presence.example.com' })}
          </div>
        </div>
      </Section>

      <Section title={t('admin.sip_server.group.lamps')} note={t('admin.sip_server.lampsNote')}>
        <TickField
          label={t('admin.sip_server.lamp_for_busy')}
          hint={t('admin.sip_server.lamp_for_busyHint')}
          checked={d.lamp_for_busy}
          onTick={(lamp_for_busy) => set({ lamp_for_busy })}
        />
      </Section>

      <Section title={t('admin.sip_server.group.redirects')} note={t('admin.sip_server.redirectsNote')}>
        <div className="fields two">
          {rows('trusted', { placeholder: '10.0.0.5' })}
          {rows('internal', { placeholder: '2XX' })}
          {text('desk', 'sip:desk-{line}@pbx.example.com')}
          {text('outside', 'sip:{number}@pbx.example.com')}
          {text('confirm', 'sip:tone@pbx.example.com')}
        </div>
      </Section>
    </ConnectorForm>
  )
}
