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
  Radio,
  RadioGroup,
} from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { useSaveCalendar } from '../api/queries'
import { useProblemText } from '../components/problem'
import { type Calendar, isEntered } from '../lib/calendar'
import { Trouble } from '../ui/parts'

/** Enter a calendar, or change one. A password is never given out again, so an empty one keeps what is there. */
export function CalendarDialog({ calendar, onClose }: { calendar?: Calendar; onClose: () => void }) {
  const { t } = useTranslation()
  const save = useSaveCalendar()
  const say = useProblemText()
  const [f, setF] = useState({
    kind: calendar && isEntered(calendar) ? calendar.kind : ('ics' as const),
    name: calendar?.name ?? '',
    url: calendar?.url ?? '',
    username: calendar?.username ?? '',
    password: '',
  })
  const wrong = (name: string) => (save.error instanceof Problem ? save.error.field(name) : undefined)
  const blamed = ['name', 'url', 'username'].some(wrong)
  const account = f.kind === 'caldav' || f.username !== ''
  return (
    <Dialog open onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface>
        <form
          onSubmit={(e) => {
            e.preventDefault()
            save.mutate(
              {
                id: calendar?.id,
                body: { ...f, username: f.username || undefined, password: f.password || undefined },
              },
              { onSuccess: onClose },
            )
          }}
        >
          <DialogBody>
            <DialogTitle>{calendar ? t('calendars.editTitle') : t('calendars.addTitle')}</DialogTitle>
            <DialogContent className="stack">
              {save.error && !blamed && <Trouble>{say(save.error)}</Trouble>}
              <Field label={t('calendars.kind')}>
                <RadioGroup
                  value={f.kind}
                  onChange={(_e, d) => setF({ ...f, kind: d.value === 'caldav' ? 'caldav' : 'ics' })}
                >
                  <Radio value="ics" label={t('calendars.ics')} />
                  <Radio value="caldav" label={t('calendars.caldav')} />
                </RadioGroup>
              </Field>
              <Field label={t('calendars.name')} required validationMessage={wrong('name')}>
                <Input value={f.name} maxLength={120} onChange={(_e, d) => setF({ ...f, name: d.value })} />
              </Field>
              <Field
                label={t('calendars.url')}
                required
                validationMessage={wrong('url')}
                hint={f.kind === 'ics' ? t('calendars.urlHintIcs') : t('calendars.urlHintCaldav')}
              >
                <Input type="url" value={f.url} maxLength={2048} onChange={(_e, d) => setF({ ...f, url: d.value })} />
              </Field>
              {account && (
                <>
                  <Field label={t('calendars.username')} validationMessage={wrong('username')}>
                    <Input
                      autoComplete="off"
                      value={f.username}
                      maxLength={256}
                      onChange={(_e, d) => setF({ ...f, username: d.value })}
                    />
                  </Field>
                  <Field
                    label={t('calendars.password')}
                    hint={calendar?.has_password ? t('calendars.passwordKept') : undefined}
                  >
                    <Input
                      type="password"
                      autoComplete="new-password"
                      value={f.password}
                      maxLength={512}
                      onChange={(_e, d) => setF({ ...f, password: d.value })}
                    />
                  </Field>
                </>
              )}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{t('cancel')}</Button>
              <Button type="submit" appearance="primary" disabled={save.isPending || !f.name.trim() || !f.url.trim()}>
                {t('save')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  )
}
