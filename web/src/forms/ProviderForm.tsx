import { Checkbox, Field, Input, Radio, RadioGroup, Select } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { connectorsQuery } from '../api/admin'
import { wrongWithin } from '../components/problem'
import {
  comparesEmail,
  freshProvider,
  MATCHES,
  type OIDC,
  type ProviderDraft,
  providerBody,
  providerDraft,
  usualClaim,
} from '../lib/provider'
import { Section } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  ForgetBox,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'

const HOURS = [8, 24, 168, 0] as const

/** The settings of a sign-in provider. */
export function ProviderForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const { data: all = [] } = useQuery(connectorsQuery)
  const directories = all.filter((c) => c.kind === 'ldap' || c.kind === 'scim')
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? providerDraft(connector) : freshProvider,
    bodyOf: providerBody,
    missing: ({ oidc }: ProviderDraft) => ({
      'oidc.issuer': oidc.issuer.trim() ? undefined : t('admin.providers.issuerNeeded'),
      'oidc.client_id': oidc.client_id.trim() ? undefined : t('admin.providers.client_idNeeded'),
      'oidc.directory':
        oidc.match === 'directory' && !oidc.directory ? t('admin.providers.directoryNeeded') : undefined,
    }),
  })
  const { oidc } = d
  const put = (part: Partial<OIDC>) => set({ oidc: { ...oidc, ...part } })
  const hours = oidc.session_hours ?? 0

  const text = (field: 'issuer' | 'client_id', max: number) => (
    <Field
      label={t(`admin.providers.${field}`)}
      hint={t(`admin.providers.${field}Hint`)}
      required
      validationMessage={wrong(`oidc.${field}`)}
    >
      <Input
        value={oidc[field]}
        maxLength={max}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(_e, x) => put({ [field]: x.value })}
      />
    </Field>
  )
  const box = (field: 'unverified_email' | 'administrators') => (
    <div>
      <Checkbox
        label={t(`admin.providers.${field}`)}
        checked={oidc[field] === true}
        aria-describedby={`${field}-hint`}
        onChange={(_e, x) => put({ [field]: x.checked === true })}
      />
      <p className="note under-box" id={`${field}-hint`}>
        {t(`admin.providers.${field}Hint`)}
      </p>
      {wrong(`oidc.${field}`) && <p className="wrong under-box">{wrong(`oidc.${field}`)}</p>}
    </div>
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.providers.group.provider')}>
        <div className="stack">
          <NameField
            value={d.name}
            hint={t('admin.providers.nameHint')}
            wrong={wrong('name')}
            onName={(name) => set({ name })}
          />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.providers.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          {text('issuer', 1000)}
          <div className="fields">
            {text('client_id', 255)}
            <SecretField
              label={t('admin.providers.secret')}
              kept={connector?.has_secret === true}
              value={d.secret}
              forget={d.forget}
              wrong={wrong('secret')}
              onSecret={(secret) => set({ secret })}
            />
          </div>
          {connector?.has_secret && (
            <ForgetBox
              label={t('admin.providers.secretForget')}
              checked={d.forget}
              onForget={(forget) => set({ forget, secret: '' })}
            />
          )}
          <Field
            label={t('admin.providers.scopes')}
            hint={t('admin.providers.scopesHint')}
            validationMessage={wrongWithin(error, 'oidc.scopes')}
          >
            <Input
              value={d.scopes}
              maxLength={1000}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              placeholder="profile email"
              onChange={(_e, x) => set({ scopes: x.value })}
            />
          </Field>
          {!connector && <p className="note">{t('admin.providers.addressesLater')}</p>}
        </div>
      </Section>

      <Section title={t('admin.providers.group.match')} note={t('admin.providers.matchNote')}>
        <div className="stack">
          <Field
            label={t('admin.providers.match')}
            hint={t(`admin.providers.matchHint.${oidc.match}`)}
            validationMessage={wrong('oidc.match')}
          >
            <RadioGroup
              value={oidc.match}
              onChange={(_e, x) => put({ match: MATCHES.find((m) => m === x.value) ?? 'login' })}
            >
              {MATCHES.map((m) => (
                <Radio key={m} value={m} label={t(`admin.providers.matchOf.${m}`)} />
              ))}
            </RadioGroup>
          </Field>
          <div className="fields">
            {oidc.match === 'directory' && (
              <Field
                label={t('admin.providers.directory')}
                required
                hint={directories.length ? undefined : t('admin.providers.directoryMissing')}
                validationMessage={wrong('oidc.directory')}
              >
                <Select value={oidc.directory ?? ''} onChange={(_e, x) => put({ directory: x.value || undefined })}>
                  <option value="">{t('admin.providers.directoryNone')}</option>
                  {oidc.directory && !directories.some((c) => c.id === oidc.directory) && (
                    <option value={oidc.directory}>{oidc.directory}</option>
                  )}
                  {directories.map((c) => (
                    <option key={c.id} value={c.id}>
                      {c.name}
                    </option>
                  ))}
                </Select>
              </Field>
            )}
            <Field
              label={t('admin.providers.claim')}
              hint={t('admin.providers.claimHint', { name: usualClaim(oidc.match) })}
              validationMessage={wrong('oidc.claim')}
            >
              <Input
                value={oidc.claim ?? ''}
                maxLength={100}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                placeholder={usualClaim(oidc.match)}
                onChange={(_e, x) => put({ claim: x.value })}
              />
            </Field>
          </div>
          {comparesEmail(oidc) && box('unverified_email')}
          {oidc.match === 'directory' ? (
            <p className="note">{t('admin.providers.administratorsDirectory')}</p>
          ) : (
            box('administrators')
          )}
        </div>
      </Section>

      <Section title={t('admin.providers.group.session')}>
        <Field
          label={t('admin.providers.session')}
          hint={t('admin.providers.sessionHint')}
          validationMessage={wrong('oidc.session_hours')}
        >
          <Select
            className="users-may"
            value={String(hours)}
            onChange={(_e, x) => put({ session_hours: Number(x.value) || undefined })}
          >
            {HOURS.map((h) => (
              <option key={h} value={h}>
                {t(`admin.providers.sessionOf.${h}`)}
              </option>
            ))}
            {!HOURS.some((h) => h === hours) && (
              <option value={hours}>{t('admin.providers.sessionOther', { count: hours })}</option>
            )}
          </Select>
        </Field>
      </Section>
    </ConnectorForm>
  )
}
