import { Button, Checkbox, Field, Input, Select } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { groupsQuery, locationsQuery, recordQuery, useDeletePerson, useResetPerson, useSavePerson } from '../api/admin'
import { Confirm } from '../components/Confirm'
import { FormDialog } from '../components/FormDialog'
import { Identities } from '../components/Identities'
import { useProblemText, wrongWith } from '../components/problem'
import { useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { administersAll, type PersonRecord, ROLES, type Schemas } from '../lib/model'
import { Trouble, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { ZoneSelect } from '../ui/ZoneSelect'
import { LinesField } from './LinesField'
import { ResetDialog } from './ResetDialog'

type Body = Schemas['PersonNewBody']
type TextField = 'work_number' | 'mobile_number' | 'home_number' | 'voicemail_number'
const NUMBERS = ['work_number', 'mobile_number', 'home_number', 'voicemail_number'] as const satisfies TextField[]
const FIELDS = [
  'name',
  'login',
  'email',
  'location',
  'group',
  ...NUMBERS,
  'time_zone',
  'language',
  'role',
  'administers',
  'lines',
  'password',
]

/** The record of a person, read first. */
export function EditPerson({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: Done }) {
  const { t } = useTranslation()
  const query = useQuery(recordQuery(id))
  if (query.data) return <PersonDialog key={id} record={query.data} onClose={onClose} onDone={onDone} />
  return (
    <FormDialog title={t('edit')} busy onSubmit={onClose} onClose={onClose} wide>
      {query.error ? (
        <QueryTrouble error={query.error} again={() => void query.refetch()} />
      ) : (
        <Waiting label={t('waiting')} />
      )}
    </FormDialog>
  )
}

/** Those that the server may blame for lines. */
const fieldsOfLines = (n: number) =>
  Array.from({ length: n }, (_, i) => ['line', 'connector', 'forwards'].map((x) => `lines[${i}].${x}`)).flat()

type Done = (what: 'saved' | 'deleted', name: string) => void

/** Add a person, or change the record of one; delete them, or return their settings to the central ones. */
export function PersonDialog({
  record,
  onClose,
  onDone,
}: {
  record?: PersonRecord
  onClose: () => void
  onDone: Done
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  const me = useMe()
  const locations = useQuery(locationsQuery)
  const groups = useQuery(groupsQuery)
  const save = useSavePerson()
  const remove = useDeletePerson()
  const [tried, setTried] = useState(false)
  const [asking, setAsking] = useState<'delete' | 'reset'>()
  const [reset, setReset] = useState(false)
  const [f, setF] = useState<Body>(() => {
    const { id: _, directory: __, ...body }: PersonRecord = record ?? { id: '', name: '', location: '', role: 'user' }
    return { ...body, password: '' }
  })
  const set = (part: Partial<Body>) => setF({ ...f, ...part })
  // Where nothing is chosen yet, the first location is: most offices have one.
  const location = f.location || locations.data?.[0]?.id || ''
  const self = record?.id === me.person.id
  const all = administersAll(me.role)
  const wrong = (field: string) =>
    tried && field === 'name' && !f.name.trim() ? t('profiles.nameNeeded') : wrongWith(save.error, field)

  const submit = () => {
    setTried(true)
    if (!f.name.trim()) return
    // What is empty is absent: the contract knows no empty language, and a password that is absent stays.
    const filled = Object.fromEntries(
      Object.entries(f).map(([k, v]) => [k, typeof v === 'string' ? v.trim() || undefined : v || undefined]),
    )
    save.mutate(
      {
        id: record?.id,
        body: {
          ...filled,
          name: f.name.trim(),
          location,
          role: f.role,
          lines: f.lines?.map((l) => ({ ...l, line: l.line.trim() })),
          administers: f.role === 'location_admin' ? f.administers : undefined,
          password: f.password || undefined,
        },
      },
      {
        onSuccess: () => {
          onDone('saved', f.name.trim())
          onClose()
        },
      },
    )
  }

  const text = (
    field: 'login' | 'email' | TextField,
    more: { type?: 'email' | 'tel'; hint?: string; max?: number } = {},
  ) => (
    <Field label={t(`admin.persons.field.${field}`)} hint={more.hint} validationMessage={wrong(field)}>
      <Input
        type={more.type}
        autoComplete="off"
        maxLength={more.max ?? 120}
        value={f[field] ?? ''}
        onChange={(_e, d) => set({ [field]: d.value })}
      />
    </Field>
  )

  return (
    <>
      <FormDialog
        wide
        title={record ? record.name : t('admin.persons.addTitle')}
        error={save.error}
        fields={[...FIELDS, ...fieldsOfLines(f.lines?.length ?? 0)]}
        busy={save.isPending}
        onSubmit={submit}
        onClose={onClose}
        more={
          record && (
            <span className="row-buttons">
              <Button onClick={() => setAsking('reset')}>{t('admin.persons.reset')}</Button>
              <ReasonButton
                reason={self ? t('admin.persons.notSelfDelete') : undefined}
                onClick={() => setAsking('delete')}
              >
                {t('admin.persons.delete')}
              </ReasonButton>
            </span>
          )
        }
      >
        {remove.error && <Trouble>{say(remove.error)}</Trouble>}
        {reset && (
          <p className="saved" role="status">
            {t('admin.persons.resetDone')}
          </p>
        )}
        <div className="fields">
          <Field label={t('admin.persons.field.name')} required validationMessage={wrong('name')}>
            <Input value={f.name} maxLength={120} autoComplete="off" onChange={(_e, d) => set({ name: d.value })} />
          </Field>
          {text('email', { type: 'email', max: 254 })}
          <Field label={t('admin.persons.field.location')} required validationMessage={wrong('location')}>
            <Select value={location} onChange={(_e, d) => set({ location: d.value, group: undefined })}>
              {locations.data?.map((l) => (
                <option key={l.id} value={l.id}>
                  {l.name}
                </option>
              ))}
            </Select>
          </Field>
          <Field label={t('admin.persons.field.group')} validationMessage={wrong('group')}>
            <Select value={f.group ?? ''} onChange={(_e, d) => set({ group: d.value })}>
              <option value="">{t('admin.persons.noGroup')}</option>
              {groups.data
                ?.filter((g) => g.location === location)
                .map((g) => (
                  <option key={g.id} value={g.id}>
                    {g.name}
                  </option>
                ))}
            </Select>
          </Field>
        </div>
        <fieldset className="group-of-fields">
          <legend>{t('admin.persons.numbers')}</legend>
          <div className="fields">
            {NUMBERS.map((n) => (
              <div key={n}>{text(n, { type: 'tel', max: 40 })}</div>
            ))}
          </div>
        </fieldset>
        <LinesField
          scope={f.group || location}
          lines={f.lines ?? []}
          wrong={wrong}
          onLines={(lines) => set({ lines })}
        />
        <fieldset className="group-of-fields">
          <legend>{t('admin.persons.account')}</legend>
          <div className="fields">
            {text('login', { hint: t('admin.persons.loginHint') })}
            <Field
              label={t('admin.persons.field.password')}
              hint={record ? t('admin.persons.passwordKept') : t('admin.persons.passwordNew')}
              validationMessage={wrong('password')}
            >
              <Input
                type="password"
                autoComplete="new-password"
                maxLength={512}
                value={f.password ?? ''}
                onChange={(_e, d) => set({ password: d.value })}
              />
            </Field>
            <Field
              label={t('admin.persons.field.role')}
              hint={self ? t('admin.persons.notSelf') : all ? undefined : t('admin.onlySystem')}
              validationMessage={wrong('role')}
            >
              <Select
                value={f.role}
                disabled={self || !all}
                onChange={(_e, d) => set({ role: ROLES.find((r) => r === d.value) ?? 'user' })}
              >
                {ROLES.map((r) => (
                  <option key={r} value={r}>
                    {t(`admin.persons.role.${r}`)}
                  </option>
                ))}
              </Select>
            </Field>
            <Field label={t('admin.persons.field.language')}>
              <Select
                value={f.language ?? ''}
                onChange={(_e, d) => set({ language: (d.value || undefined) as Body['language'] })}
              >
                <option value="">{t('settings.languageBrowser')}</option>
                <option value="en" lang="en">
                  English
                </option>
                <option value="de" lang="de">
                  Deutsch
                </option>
              </Select>
            </Field>
            <Field label={t('admin.persons.field.time_zone')} validationMessage={wrong('time_zone')}>
              <ZoneSelect
                value={f.time_zone ?? ''}
                empty={t('settings.zoneDefault')}
                onZone={(time_zone) => set({ time_zone })}
              />
            </Field>
          </div>
          {f.role === 'location_admin' && (
            <Field label={t('admin.persons.field.administers')} validationMessage={wrong('administers')}>
              <div className="options">
                {locations.data?.map((l) => (
                  <Checkbox
                    key={l.id}
                    label={l.name}
                    disabled={!all}
                    checked={f.administers?.includes(l.id ?? '') ?? false}
                    onChange={(_e, d) => {
                      const others = (f.administers ?? []).filter((x) => x !== l.id)
                      set({ administers: d.checked ? [...others, l.id ?? ''] : others })
                    }}
                  />
                ))}
              </div>
            </Field>
          )}
          {record && (
            <section className="stack" aria-label={t('identities.title')}>
              <h3 className="field-like">{t('identities.title')}</h3>
              <Identities person={record.id} name={record.name} empty={t('identities.noneOf')} />
            </section>
          )}
          {record?.directory && <p className="note">{t('admin.persons.fromDirectory')}</p>}
          <div className="options">
            <Checkbox
              label={t('admin.persons.field.vip')}
              checked={f.vip === true}
              onChange={(_e, d) => set({ vip: d.checked === true })}
            />
            <Checkbox
              label={t('admin.persons.field.blocked')}
              disabled={self}
              checked={f.blocked === true}
              onChange={(_e, d) => set({ blocked: d.checked === true })}
            />
            {self && <p className="note">{t('admin.persons.notSelf')}</p>}
          </div>
        </fieldset>
      </FormDialog>
      {record && asking === 'delete' && (
        <Confirm
          title={t('admin.persons.deleteTitle', { name: record.name })}
          action={t('admin.persons.deleteDo')}
          typed={record.name}
          onClose={() => setAsking(undefined)}
          onConfirm={() =>
            remove.mutate(record.id, {
              onSuccess: () => {
                onDone('deleted', record.name)
                onClose()
              },
            })
          }
        >
          <p>{t('admin.persons.deleteText')}</p>
        </Confirm>
      )}
      {record && asking === 'reset' && (
        <ResetDialog
          title={t('admin.reset.ask', { name: record.name })}
          // biome-ignore lint/correctness/useHookAtTopLevel: the dialog calls it as a hook
          useReset={() => useResetPerson(record.id)}
          words={(count) => (count === 0 ? t('admin.persons.resetNothing') : t('admin.reset.touches', { count }))}
          onClose={() => setAsking(undefined)}
          onDone={() => setReset(true)}
        />
      )}
    </>
  )
}
