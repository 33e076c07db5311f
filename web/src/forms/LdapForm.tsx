import { Checkbox, Field, Input, Select, Textarea } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { locationsQuery } from '../api/admin'
import { wrongWithin } from '../components/problem'
import { ATTRIBUTES, bodyOf, type Draft, draftOf, fresh, missing, usual } from '../lib/connector'
import { Section, Waiting } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  ForgetBox,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'
import { PlacesSection } from './PlacesSection'

/** The settings of a directory. */
export function LdapForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const locations = useQuery(locationsQuery)
  if (!locations.data) return <Waiting label={t('waiting')} />
  return <Fields {...props} location={locations.data[0]?.id ?? ''} />
}

const SERVERS = ['auto', 'openldap', 'active_directory'] as const
const TIMES = [0, 15, 60, 240, 1440] as const

function Fields({ location, ...props }: ConnectorFormProps & { location: string }) {
  const { t } = useTranslation()
  const { connector } = props
  const words = {
    name: t('profiles.nameNeeded'),
    'ldap.urls': t('admin.directories.urlsNeeded'),
    'ldap.base': t('admin.directories.baseNeeded'),
  }
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? draftOf(connector) : fresh(location),
    bodyOf,
    missing: (x: Draft) => Object.fromEntries(missing(x).map((f) => [f, words[f]])),
  })
  const { ldap } = d
  const put = (part: Partial<Draft['ldap']>) => set({ ldap: { ...ldap, ...part } })

  const text = (
    field: 'server_name' | 'bind_dn' | 'base' | 'filter' | 'group_base',
    more: { max: number; required?: boolean },
  ) => (
    <Field
      label={t(`admin.directories.${field}`)}
      hint={t(`admin.directories.${field}Hint`)}
      required={more.required}
      validationMessage={wrong(`ldap.${field}`)}
    >
      <Input
        value={ldap[field] ?? ''}
        maxLength={more.max}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(_e, x) => put({ [field]: x.value })}
      />
    </Field>
  )
  const box = (field: 'start_tls' | 'plaintext' | 'skip_referrals' | 'sign_in', hint?: string) => (
    <div>
      <Checkbox
        label={t(`admin.directories.${field}`)}
        checked={ldap[field] === true}
        onChange={(_e, x) => put({ [field]: x.checked === true })}
      />
      {hint && <p className="note under-box">{hint}</p>}
      {wrong(`ldap.${field}`) && <p className="wrong under-box">{wrong(`ldap.${field}`)}</p>}
    </div>
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.directories.group.server')}>
        <div className="stack">
          <div className="fields">
            <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
            <Field label={t('admin.directories.server')} validationMessage={wrong('ldap.server')}>
              <Select
                value={ldap.server || 'auto'}
                onChange={(_e, x) => put({ server: SERVERS.find((s) => s === x.value) ?? 'auto' })}
              >
                {SERVERS.map((s) => (
                  <option key={s} value={s}>
                    {t(`admin.directories.serverOf.${s}`)}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.connector.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <Field
            label={t('admin.directories.urls')}
            hint={t('admin.directories.urlsHint')}
            required
            validationMessage={wrong('ldap.urls') ?? wrongWithin(error, 'ldap.urls')}
          >
            <Textarea
              value={d.urls}
              rows={3}
              resize="vertical"
              spellCheck={false}
              autoCapitalize="none"
              onChange={(_e, x) => set({ urls: x.value })}
            />
          </Field>
          <div className="options">
            {box('start_tls')}
            {box('plaintext', t('admin.directories.plaintextHint'))}
          </div>
          {text('server_name', { max: 253 })}
          <Field
            label={t('admin.directories.certificates')}
            hint={t('admin.directories.certificatesHint')}
            validationMessage={wrong('ldap.certificates')}
          >
            <Textarea
              className="secret"
              value={ldap.certificates ?? ''}
              rows={3}
              maxLength={100_000}
              resize="vertical"
              spellCheck={false}
              placeholder="-----BEGIN CERTIFICATE-----"
              onChange={(_e, x) => put({ certificates: x.value })}
            />
          </Field>
        </div>
      </Section>

      <Section title={t('admin.directories.group.account')}>
        <div className="stack">
          <div className="fields">
            {text('bind_dn', { max: 1000 })}
            <SecretField
              label={t('admin.directories.secret')}
              kept={connector?.has_secret === true}
              value={d.secret}
              forget={d.forget}
              wrong={wrong('secret')}
              onSecret={(secret) => set({ secret })}
            />
          </div>
          {connector?.has_secret && (
            <ForgetBox
              label={t('admin.connector.secretForget')}
              checked={d.forget}
              onForget={(forget) => set({ forget, secret: '' })}
            />
          )}
        </div>
      </Section>

      <Section title={t('admin.directories.group.people')}>
        <div className="stack">
          <div className="fields">
            {text('base', { max: 1000, required: true })}
            {text('filter', { max: 4000 })}
            {text('group_base', { max: 1000 })}
          </div>
          {box('skip_referrals')}
        </div>
      </Section>

      <Section title={t('admin.directories.group.attributes')} note={t('admin.directories.attributesNote')}>
        {wrong('ldap.attributes') && <p className="wrong">{wrong('ldap.attributes')}</p>}
        <div className="fields">
          {ATTRIBUTES.map((a) => {
            const name = usual(ldap.server, a)
            return (
              <Field
                key={a}
                label={t(`admin.directories.attribute.${a}`)}
                hint={name ? t('admin.directories.usual', { name }) : undefined}
                validationMessage={wrong(`ldap.attributes.${a}`)}
              >
                <Input
                  value={ldap.attributes?.[a] ?? ''}
                  maxLength={120}
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  onChange={(_e, x) => put({ attributes: { ...ldap.attributes, [a]: x.value } })}
                />
              </Field>
            )
          })}
        </div>
      </Section>

      <PlacesSection
        of="ldap"
        places={ldap.places}
        location={location}
        note={t('admin.directories.placesNote')}
        error={error}
        onPlaces={(places) => put({ places })}
      />

      <Section title={t('admin.directories.group.use')}>
        <div className="stack">
          <Field label={t('admin.directories.schedule')} validationMessage={wrong('ldap.every_minutes')}>
            <Select
              className="users-may"
              value={String(ldap.every_minutes ?? 0)}
              onChange={(_e, x) => put({ every_minutes: Number(x.value) })}
            >
              {TIMES.map((m) => (
                <option key={m} value={m}>
                  {t(`admin.directories.scheduleOf.${m}`)}
                </option>
              ))}
              {!TIMES.some((m) => m === (ldap.every_minutes ?? 0)) && (
                <option value={ldap.every_minutes}>
                  {t('admin.directories.scheduleOther', { count: ldap.every_minutes ?? 0 })}
                </option>
              )}
            </Select>
          </Field>
          {box('sign_in', t('admin.directories.sign_inHint'))}
        </div>
      </Section>
    </ConnectorForm>
  )
}
