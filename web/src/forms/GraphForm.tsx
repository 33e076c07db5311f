import { Checkbox, Field, Input, Radio, RadioGroup, Select, Textarea } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import {
  CLOUDS,
  CREDENTIALS,
  freshGraph,
  type Graph,
  type GraphDraft,
  graphBody,
  graphDraft,
  graphMissing,
} from '../lib/graph'
import { Section } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'

/** The settings of an application at Microsoft 365. */
export function GraphForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  // A secret is none of a certificate: what is kept is of the kind that is saved.
  const keptFor = (g: Pick<Graph, 'credential'>) =>
    connector?.has_secret === true && connector.graph?.credential === g.credential
  const { d, set, wrong, form } = useConnectorForm(props, {
    saved: connector ? graphDraft(connector) : freshGraph,
    bodyOf: graphBody,
    missing: (x: GraphDraft) => {
      const words = {
        tenant: t('admin.graph.tenantNeeded'),
        client_id: t('admin.graph.client_idNeeded'),
        secret: t(x.graph.credential === 'certificate' ? 'admin.graph.certificateNeeded' : 'admin.graph.secretNeeded'),
        login_url: t('admin.graph.login_urlNeeded'),
        graph_url: t('admin.graph.graph_urlNeeded'),
      }
      return Object.fromEntries(
        graphMissing(x, keptFor(x.graph)).map((f) => [f === 'secret' ? 'secret' : `graph.${f}`, words[f]]),
      )
    },
  })
  const { graph: g } = d
  const kept = keptFor(g)
  const put = (part: Partial<Graph>) => set({ graph: { ...g, ...part } })

  const text = (field: 'tenant' | 'client_id' | 'login_url' | 'graph_url', max: number) => (
    <Field
      label={t(`admin.graph.${field}`)}
      hint={t(`admin.graph.${field}Hint`)}
      required
      validationMessage={wrong(`graph.${field}`)}
    >
      <Input
        value={g[field] ?? ''}
        maxLength={max}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(_e, v) => put({ [field]: v.value })}
      />
    </Field>
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.graph.group.application')} note={t('admin.graph.applicationNote')}>
        <div className="stack">
          <NameField
            value={d.name}
            hint={t('admin.graph.nameHint')}
            wrong={wrong('name')}
            onName={(name) => set({ name })}
          />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.systems.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <div className="fields">
            {text('client_id', 64)}
            {text('tenant', 64)}
          </div>
          <Field label={t('admin.graph.cloud')} validationMessage={wrong('graph.cloud')}>
            <Select
              className="users-may"
              value={g.cloud}
              onChange={(_e, v) => put({ cloud: CLOUDS.find((c) => c === v.value) ?? g.cloud })}
            >
              {CLOUDS.map((c) => (
                <option key={c} value={c}>
                  {t(`admin.graph.cloudOf.${c}`)}
                </option>
              ))}
            </Select>
          </Field>
          {g.cloud === 'custom' && (
            <div className="fields">
              {text('login_url', 1000)}
              {text('graph_url', 1000)}
            </div>
          )}
          {!connector && <p className="note">{t('admin.graph.addressesLater')}</p>}
        </div>
      </Section>

      <Section title={t('admin.graph.group.credential')}>
        <div className="stack">
          <Field label={t('admin.graph.credential')} validationMessage={wrong('graph.credential')}>
            <RadioGroup
              layout="horizontal"
              value={g.credential}
              onChange={(_e, v) => {
                const credential = CREDENTIALS.find((c) => c === v.value) ?? g.credential
                // What is entered is one or the other.
                if (credential !== g.credential) set({ secret: '', graph: { ...g, credential } })
              }}
            >
              {CREDENTIALS.map((c) => (
                <Radio key={c} value={c} label={t(`admin.graph.credentialOf.${c}`)} />
              ))}
            </RadioGroup>
          </Field>
          {g.credential === 'secret' ? (
            <div className="fields">
              <div>
                <SecretField
                  label={t('admin.graph.secret')}
                  kept={kept}
                  value={d.secret}
                  forget={false}
                  wrong={wrong('secret')}
                  onSecret={(secret) => set({ secret })}
                />
                <p className="note">{t('admin.graph.secretHint')}</p>
              </div>
              <Field
                label={t('admin.graph.secret_expires')}
                hint={t('admin.graph.secret_expiresHint')}
                validationMessage={wrong('graph.secret_expires')}
              >
                <Input
                  type="date"
                  value={g.secret_expires ?? ''}
                  onChange={(_e, v) => put({ secret_expires: v.value })}
                />
              </Field>
            </div>
          ) : (
            <Field
              label={t('admin.graph.certificate')}
              hint={`${t('admin.graph.certificateHint')} ${t(kept ? 'admin.graph.certificateKept' : 'admin.connector.secretNone')}`}
              validationMessage={wrong('secret')}
            >
              <Textarea
                className="secret"
                value={d.secret}
                rows={5}
                maxLength={20_000}
                resize="vertical"
                spellCheck={false}
                autoComplete="off"
                placeholder={'-----BEGIN CERTIFICATE-----\n…\n-----BEGIN PRIVATE KEY-----'}
                onChange={(_e, v) => set({ secret: v.value })}
              />
            </Field>
          )}
        </div>
      </Section>

      <Section title={t('admin.graph.group.changes')}>
        <div>
          <Checkbox
            label={t('admin.graph.notify')}
            checked={g.notify === true}
            aria-describedby="notify-hint"
            onChange={(_e, v) => put({ notify: v.checked === true })}
          />
          <p className="note under-box" id="notify-hint">
            {t('admin.graph.notifyHint')}
          </p>
          {wrong('graph.notify') && <p className="wrong under-box">{wrong('graph.notify')}</p>}
        </div>
      </Section>
    </ConnectorForm>
  )
}
