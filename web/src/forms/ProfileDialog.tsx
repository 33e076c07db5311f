import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  Select,
} from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useProblemText } from '../components/problem'
import type { Forwarding, Profile, Status } from '../lib/model'
import { Trouble } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'

type Props = {
  profile: Profile
  others: Profile[]
  permitted: Status[]
  onSave: (p: Profile) => Promise<unknown>
  onClose: () => void
}

const ACTIONS = ['keep', 'off', 'do_not_disturb', 'forward'] as const satisfies readonly Forwarding['action'][]
const TARGETS = ['voicemail', 'mobile', 'home', 'number'] as const

/** Make or change an own profile. */
export function ProfileDialog({ profile, others, permitted, onSave, onClose }: Props) {
  const { t } = useTranslation()
  const say = useProblemText()
  const [name, setName] = useState(profile.name)
  const [text, setText] = useState(profile.text ?? '')
  const [status, setStatus] = useState(profile.status)
  const [forwarding, setForwarding] = useState(profile.forwarding)
  const [tried, setTried] = useState(false)
  const [saving, setSaving] = useState(false)
  const [error, setError] = useState<unknown>()

  const taken = others.some((o) => o.name.toLowerCase() === name.trim().toLowerCase())
  const wrongName = !name.trim() ? t('profiles.nameNeeded') : taken ? t('profiles.nameTaken') : undefined
  const wrongNumber =
    forwarding.action === 'forward' && forwarding.target === 'number' && !forwarding.number?.trim()
      ? t('profiles.numberNeeded')
      : undefined

  const submit = async () => {
    setTried(true)
    if (wrongName || wrongNumber) return
    setSaving(true)
    try {
      await onSave({ id: profile.id, name: name.trim(), text: text.trim() || undefined, status, forwarding })
      onClose()
    } catch (e) {
      setError(e)
      setSaving(false)
    }
  }

  return (
    <Dialog open onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface>
        <form
          onSubmit={(e) => {
            e.preventDefault()
            void submit()
          }}
          noValidate
        >
          <DialogBody>
            <DialogTitle>{profile.id ? t('profiles.editTitle') : t('profiles.addTitle')}</DialogTitle>
            <DialogContent className="stack">
              {error !== undefined && <Trouble>{say(error)}</Trouble>}
              <Field label={t('profiles.name')} required validationMessage={tried ? wrongName : undefined}>
                <Input value={name} maxLength={60} onChange={(_e, d) => setName(d.value)} />
              </Field>
              <fieldset className="choices" aria-label={t('profiles.status')}>
                <legend>{t('profiles.status')}</legend>
                {permitted.map((s) => (
                  <button
                    key={s}
                    type="button"
                    className="choice"
                    aria-pressed={status === s}
                    onClick={() => setStatus(s)}
                  >
                    <StatusShape status={s} size={18} />
                    {t(`status.${s}`)}
                  </button>
                ))}
              </fieldset>
              <Field label={t('profiles.text')} hint={t('profiles.textHint')}>
                <Input value={text} maxLength={120} onChange={(_e, d) => setText(d.value)} />
              </Field>
              <Field
                label={t('profiles.forwarding')}
                hint={forwarding.action === 'off' ? t('profiles.offWarning') : undefined}
              >
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
                    onChange={(_e, d) =>
                      setForwarding({ action: 'forward', target: TARGETS.find((x) => x === d.value) })
                    }
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
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{t('cancel')}</Button>
              <Button type="submit" appearance="primary" disabled={saving}>
                {t('save')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  )
}
