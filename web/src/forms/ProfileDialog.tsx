import { Checkbox, Field, Input, Select } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { FormDialog } from '../components/FormDialog'
import type { Forwarding, Profile, Status, Template } from '../lib/model'
import { shipped } from '../lib/shipped'
import { StatusShape } from '../ui/StatusShape'

type Props = {
  profile: Profile
  others: Profile[]
  permitted: Status[]
  /** What only a template has. */
  template?: {
    active: boolean
    users: Template['user_forwarding']
    /** Why it cannot be deactivated. */
    needed?: string
  }
  onSave: (p: Profile, template?: Pick<Template, 'active' | 'user_forwarding'>) => unknown
  onClose: () => void
}

const ACTIONS = ['keep', 'off', 'do_not_disturb', 'forward'] as const satisfies readonly Forwarding['action'][]
const TARGETS = ['voicemail', 'mobile', 'home', 'number'] as const
const USERS = ['own', 'adjust', 'fixed'] as const satisfies readonly Template['user_forwarding'][]

/** Make or change an own profile, or a template. */
export function ProfileDialog({ profile, others, permitted, template, onSave, onClose }: Props) {
  const { t } = useTranslation()
  const [name, setName] = useState(profile.name)
  const [text, setText] = useState(profile.text ?? '')
  const [status, setStatus] = useState(profile.status)
  const [forwarding, setForwarding] = useState(profile.forwarding)
  const [active, setActive] = useState(template?.active ?? true)
  const [users, setUsers] = useState(template?.users ?? 'own')
  const [tried, setTried] = useState(false)
  const [saving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>()

  const taken = others.some((o) => o.name.toLowerCase() === name.trim().toLowerCase())
  const wrongName = !name.trim()
    ? t('profiles.nameNeeded')
    : taken
      ? t(template ? 'admin.templates.nameTaken' : 'profiles.nameTaken')
      : undefined
  const wrongNumber =
    forwarding.action === 'forward' && forwarding.target === 'number' && !forwarding.number?.trim()
      ? t('profiles.numberNeeded')
      : undefined

  const submit = async () => {
    setTried(true)
    if (wrongName || wrongNumber) return
    setSaving(true)
    try {
      await onSave(
        { id: profile.id, name: name.trim(), text: text.trim() || undefined, status, forwarding },
        template && { active, user_forwarding: users },
      )
      onClose()
    } catch (e) {
      setError(e)
      setSaving(false)
    }
  }

  const title = template
    ? t(profile.id ? 'admin.templates.editTitle' : 'admin.templates.addTitle')
    : t(profile.id ? 'profiles.editTitle' : 'profiles.addTitle')
  return (
    <FormDialog title={title} error={error} busy={saving} onSubmit={() => void submit()} onClose={onClose}>
      <Field
        label={t('profiles.name')}
        required
        hint={
          template && shipped(name, t) !== name
            ? t('admin.templates.shippedHint', { word: shipped(name, t) })
            : undefined
        }
        validationMessage={tried ? wrongName : undefined}
      >
        <Input value={name} maxLength={60} onChange={(_e, d) => setName(d.value)} />
      </Field>
      <fieldset className="choices" aria-label={t('profiles.status')}>
        <legend>{t('profiles.status')}</legend>
        {permitted.map((s) => (
          <button key={s} type="button" className="choice" aria-pressed={status === s} onClick={() => setStatus(s)}>
            <StatusShape status={s} size={18} />
            {t(`status.${s}`)}
          </button>
        ))}
      </fieldset>
      <Field label={t('profiles.text')} hint={t('profiles.textHint')}>
        <Input value={text} maxLength={120} onChange={(_e, d) => setText(d.value)} />
      </Field>
      <Field label={t('profiles.forwarding')} hint={forwarding.action === 'off' ? t('profiles.offWarning') : undefined}>
        <Select
          value={forwarding.action}
          onChange={(_e, d) => {
            const action = ACTIONS.find((a) => a === d.value) ?? 'keep'
            setForwarding(action === 'forward' ? { action, target: 'voicemail' } : { action })
          }}
        >
          {ACTIONS.map((a) => (
            <option key={a} value={a}>
              {t(`profiles.action.${a}`)}
            </option>
          ))}
        </Select>
      </Field>
      {forwarding.action === 'forward' && (
        <Field label={t('profiles.target')}>
          <Select
            value={forwarding.target}
            onChange={(_e, d) => setForwarding({ action: 'forward', target: TARGETS.find((x) => x === d.value) })}
          >
            {TARGETS.map((x) => (
              <option key={x} value={x}>
                {t(`profiles.targets.${x}`)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {forwarding.action === 'forward' && forwarding.target === 'number' && (
        <Field label={t('profiles.number')} required validationMessage={tried ? wrongNumber : undefined}>
          <Input
            type="tel"
            maxLength={40}
            value={forwarding.number ?? ''}
            onChange={(_e, d) => setForwarding({ ...forwarding, number: d.value })}
          />
        </Field>
      )}

      {template && (
        <>
          <Field label={t('admin.templates.usersLabel')}>
            <Select value={users} onChange={(_e, d) => setUsers(USERS.find((u) => u === d.value) ?? 'own')}>
              {USERS.map((u) => (
                <option key={u} value={u}>
                  {t(`admin.templates.users.${u}`)}
                </option>
              ))}
            </Select>
          </Field>
          <Field hint={template.needed ?? t('admin.templates.activeHint')}>
            <Checkbox
              label={t('admin.templates.field.active')}
              checked={active}
              disabled={template.needed !== undefined}
              onChange={(_e, d) => setActive(d.checked === true)}
            />
          </Field>
        </>
      )}
    </FormDialog>
  )
}
