import { Button, Checkbox, Field, Input, Select, Switch, Textarea } from '@fluentui/react-components'
import { Add20Regular, ArrowDown20Regular, ArrowUp20Regular, Delete20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { groupsQuery, locationsQuery, useSaveConnector } from '../api/admin'
import { AskBeforeLeaving } from '../components/AskBeforeLeaving'
import { useProblemText, wrongWith, wrongWithin } from '../components/problem'
import {
  ATTRIBUTES,
  bodyOf,
  type Connector,
  type Draft,
  draftOf,
  fresh,
  missing,
  reachedBefore,
  usual,
} from '../lib/connector'
import { moved } from '../lib/order'
import { same } from '../lib/scope'
import { Section, Trouble, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

type Props = {
  /** Absent: a new one. */
  connector?: Connector
  onDirty: (dirty: boolean) => void
  onSaved: (name: string) => void
}

/** The settings of a directory. */
export function LdapForm(props: Props) {
  const { t } = useTranslation()
  const locations = useQuery(locationsQuery)
  if (!locations.data) return <Waiting label={t('waiting')} />
  return <Fields {...props} location={locations.data[0]?.id ?? ''} />
}

const SERVERS = ['auto', 'openldap', 'active_directory'] as const
const TIMES = [0, 15, 60, 240, 1440] as const

function Fields({ connector, location, onDirty, onSaved }: Props & { location: string }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const navigate = useNavigate()
  const save = useSaveConnector()
  const [made, setMade] = useState<string>()
  const [tried, setTried] = useState(false)
  const saved = connector ? draftOf(connector) : fresh(location)
  const [edits, setEdits] = useState<Draft>()
  const d = edits ?? saved
  const { ldap } = d
  const dirty = !made && !!edits && !same(bodyOf(edits), bodyOf(saved))
  const set = (part: Partial<Draft>) => setEdits({ ...d, ...part })
  const put = (part: Partial<Draft['ldap']>) => set({ ldap: { ...ldap, ...part } })
  useEffect(() => onDirty(dirty), [onDirty, dirty])
  useEffect(() => {
    if (made) void navigate({ to: '/admin/system/directories/$connector', params: { connector: made }, replace: true })
  }, [made, navigate])
  const absent = tried ? missing(d) : []
  const wrong = (field: string) => wrongWith(save.error, field)

  const submit = () => {
    setTried(true)
    if (missing(d).length) return
    save.mutate(
      { id: connector?.id, body: bodyOf(d) },
      {
        onSuccess: (c) => {
          onSaved(c.name)
          setTried(false)
          if (connector) setEdits(undefined)
          else setMade(c.id)
        },
      },
    )
  }

  const text = (
    field: 'server_name' | 'bind_dn' | 'base' | 'filter' | 'group_base',
    more: { max: number; required?: boolean; wrong?: string },
  ) => (
    <Field
      label={t(`admin.directories.${field}`)}
      hint={t(`admin.directories.${field}Hint`)}
      required={more.required}
      validationMessage={more.wrong ?? wrong(`ldap.${field}`)}
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
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        if (!save.isPending) submit()
      }}
    >
      <Section title={t('admin.directories.group.server')}>
        <div className="stack">
          <div className="fields">
            <Field
              label={t('admin.connector.name')}
              required
              validationMessage={absent.includes('name') ? t('profiles.nameNeeded') : wrong('name')}
            >
              <Input value={d.name} maxLength={120} autoComplete="off" onChange={(_e, x) => set({ name: x.value })} />
            </Field>
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
          <Switch
            label={t('admin.connector.enabled')}
            checked={d.enabled}
            onChange={(_e, x) => set({ enabled: x.checked })}
          />
          <p className="note">{t('admin.connector.enabledHint')}</p>
          <Field
            label={t('admin.directories.urls')}
            hint={t('admin.directories.urlsHint')}
            required
            validationMessage={
              absent.includes('ldap.urls') ? t('admin.directories.urlsNeeded') : wrongWithin(save.error, 'ldap.urls')
            }
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
            <Field
              label={t('admin.directories.secret')}
              hint={connector?.has_secret ? t('admin.connector.secretKept') : t('admin.connector.secretNone')}
              validationMessage={wrong('secret')}
            >
              <Input
                type="password"
                autoComplete="new-password"
                maxLength={4096}
                value={d.secret}
                disabled={d.forget}
                onChange={(_e, x) => set({ secret: x.value })}
              />
            </Field>
          </div>
          {connector?.has_secret && (
            <Checkbox
              label={t('admin.connector.secretForget')}
              checked={d.forget}
              onChange={(_e, x) => set({ forget: x.checked === true, secret: '' })}
            />
          )}
        </div>
      </Section>

      <Section title={t('admin.directories.group.people')}>
        <div className="stack">
          <div className="fields">
            {text('base', {
              max: 1000,
              required: true,
              wrong: absent.includes('ldap.base') ? t('admin.directories.baseNeeded') : undefined,
            })}
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

      <Places places={ldap.places} error={save.error} location={location} onPlaces={(places) => put({ places })} />

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

      {(dirty || !connector) && (
        <section className="changes" aria-label={t('admin.changes.title')}>
          {save.error && <Trouble>{say(save.error)}</Trouble>}
          {absent.length > 0 && (
            <Trouble>
              {absent
                .map((f) =>
                  f === 'name'
                    ? t('profiles.nameNeeded')
                    : f === 'ldap.urls'
                      ? t('admin.directories.urlsNeeded')
                      : t('admin.directories.baseNeeded'),
                )
                .join(' ')}
            </Trouble>
          )}
          <div className="changes-bar">
            <span>{t('admin.changes.title')}</span>
            <span className="row-buttons">
              {edits && (
                <Button
                  disabled={save.isPending}
                  onClick={() => {
                    setEdits(undefined)
                    setTried(false)
                    save.reset()
                  }}
                >
                  {t('admin.changes.discard')}
                </Button>
              )}
              <Button type="submit" appearance="primary" disabled={save.isPending}>
                {t('save')}
              </Button>
            </span>
          </div>
        </section>
      )}
      <AskBeforeLeaving dirty={dirty} />
    </form>
  )
}

type Place = Draft['ldap']['places'][number]

/** Where people belong; the first place that fits counts. */
function Places({
  places,
  error,
  location,
  onPlaces,
}: {
  places: Place[]
  error: unknown
  location: string
  onPlaces: (places: Place[]) => void
}) {
  const { t } = useTranslation()
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  const set = (i: number, part: Partial<Place>) => onPlaces(places.map((p, n) => (n === i ? { ...p, ...part } : p)))
  return (
    <Section
      title={t('admin.directories.group.places')}
      note={t('admin.directories.placesNote')}
      actions={
        <Button icon={<Add20Regular />} onClick={() => onPlaces([...places, { location }])}>
          {t('admin.directories.addPlace')}
        </Button>
      }
    >
      {wrongWith(error, 'ldap.places') && <p className="wrong">{wrongWith(error, 'ldap.places')}</p>}
      <ol className="rows places">
        {places.map((p, i) => {
          const n = i + 1
          const before = reachedBefore(places, i)
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: places have no names, and their fields keep nothing by themselves
            <li key={i}>
              <fieldset className="grow">
                <legend className="row-name">{t('admin.directories.place', { n })}</legend>
                <div className="fields">
                  <Field
                    label={t('admin.directories.member')}
                    hint={t('admin.directories.memberHint')}
                    validationMessage={wrongWith(error, `ldap.places[${i}].member`)}
                  >
                    <Input
                      value={p.member ?? ''}
                      maxLength={1000}
                      autoComplete="off"
                      spellCheck={false}
                      onChange={(_e, x) => set(i, { member: x.value })}
                    />
                  </Field>
                  <Field
                    label={t('admin.persons.field.location')}
                    required
                    validationMessage={wrongWith(error, `ldap.places[${i}].location`)}
                  >
                    <Select value={p.location} onChange={(_e, x) => set(i, { location: x.value, group: undefined })}>
                      {!locations.some((l) => l.id === p.location) && <option value={p.location}>{p.location}</option>}
                      {locations.map((l) => (
                        <option key={l.id} value={l.id}>
                          {l.name}
                        </option>
                      ))}
                    </Select>
                  </Field>
                  <Field
                    label={t('admin.persons.field.group')}
                    validationMessage={wrongWith(error, `ldap.places[${i}].group`)}
                  >
                    <Select value={p.group ?? ''} onChange={(_e, x) => set(i, { group: x.value || undefined })}>
                      <option value="">{t('admin.persons.noGroup')}</option>
                      {groups
                        .filter((g) => g.location === p.location)
                        .map((g) => (
                          <option key={g.id} value={g.id}>
                            {g.name}
                          </option>
                        ))}
                    </Select>
                  </Field>
                </div>
                {before > 0 && (
                  <p className="note" role="status">
                    {t('admin.directories.unreached', { n: before })}
                  </p>
                )}
              </fieldset>
              <span className="row-buttons">
                <Button
                  appearance="subtle"
                  icon={<ArrowUp20Regular />}
                  disabled={i === 0}
                  aria-label={t('admin.directories.upPlace', { n })}
                  onClick={() => onPlaces(moved(places, i, i - 1))}
                />
                <Button
                  appearance="subtle"
                  icon={<ArrowDown20Regular />}
                  disabled={n === places.length}
                  aria-label={t('admin.directories.downPlace', { n })}
                  onClick={() => onPlaces(moved(places, i, i + 1))}
                />
                <ReasonButton
                  appearance="subtle"
                  icon={<Delete20Regular />}
                  reason={places.length === 1 ? t('admin.directories.onlyPlace') : undefined}
                  aria-label={t('admin.directories.removePlace', { n })}
                  onClick={() => onPlaces(places.filter((_, x) => x !== i))}
                />
              </span>
            </li>
          )
        })}
      </ol>
    </Section>
  )
}
