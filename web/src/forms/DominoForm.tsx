import { Checkbox, Field, Input, Textarea } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { type Domino, dominoBody, dominoDraft, dominoMissing, freshDomino, LIMIT } from '../lib/domino'
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

/** The settings of an HCL Domino server. */
export function DominoForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const kept = connector?.has_secret === true
  const { d, set, wrong, form } = useConnectorForm(props, {
    saved: connector ? dominoDraft(connector) : freshDomino,
    bodyOf: dominoBody,
    missing: (x) =>
      Object.fromEntries(
        dominoMissing(x, kept).map((f) => [f === 'secret' ? 'secret' : `domino.${f}`, t(`admin.domino.${f}Needed`)]),
      ),
  })
  const { domino: x } = d
  const put = (part: Partial<Domino>) => set({ domino: { ...x, ...part } })
  const text = (field: 'url' | 'account' | 'mail_file', max: number) => (
    <Field
      label={t(`admin.domino.${field}`)}
      hint={t(`admin.domino.${field}Hint`)}
      required
      validationMessage={wrong(`domino.${field}`)}
    >
      <Input
        value={x[field]}
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
      <Section title={t('admin.domino.group.server')} note={t('admin.domino.serverNote')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.systems.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          {text('url', 1000)}
          <Field
            label={t('admin.directories.certificates')}
            hint={t('admin.directories.certificatesHint')}
            validationMessage={wrong('domino.certificates')}
          >
            <Textarea
              className="secret"
              value={x.certificates ?? ''}
              rows={3}
              maxLength={100_000}
              resize="vertical"
              spellCheck={false}
              placeholder="-----BEGIN CERTIFICATE-----"
              onChange={(_e, v) => put({ certificates: v.value })}
            />
          </Field>
          <div>
            <Checkbox
              label={t('admin.domino.plaintext')}
              checked={x.plaintext === true}
              aria-describedby="plaintext-hint"
              onChange={(_e, v) => put({ plaintext: v.checked === true })}
            />
            <p className="note under-box" id="plaintext-hint">
              {t('admin.domino.plaintextHint')}
            </p>
          </div>
        </div>
      </Section>

      <Section title={t('admin.domino.group.account')} note={t('admin.domino.accountNote')}>
        <div className="fields">
          {text('account', 255)}
          <SecretField
            label={t('admin.domino.secret')}
            kept={kept}
            value={d.secret}
            forget={false}
            wrong={wrong('secret')}
            onSecret={(secret) => set({ secret })}
          />
        </div>
      </Section>

      <Section title={t('admin.domino.group.files')} note={t('admin.domino.filesNote')}>
        <div className="stack">
          {text('mail_file', 500)}
          <div className="fields few">
            <NumberField
              label={t('admin.domino.limit')}
              value={x.limit || LIMIT}
              min={1}
              max={100}
              wrong={wrong('domino.limit') ?? t('settings.wholeNumber', { min: 1, max: 100 })}
              onChange={(limit) => put({ limit })}
            />
          </div>
        </div>
      </Section>
    </ConnectorForm>
  )
}
