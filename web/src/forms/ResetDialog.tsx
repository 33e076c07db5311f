import {
  Button,
  Checkbox,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from '@fluentui/react-components'
import type { UseMutationResult } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useProblemText } from '../components/problem'
import type { Schemas } from '../lib/model'
import { Trouble } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { useReturnFocus } from '../ui/useReturnFocus'

type Reset = UseMutationResult<Schemas['ResetResult'], Error, Schemas['ResetInput']>

/** Counts whom a reset touches first, and again whenever the question changes. words says the count; 0 is nobody. */
export function ResetDialog({
  title,
  useReset,
  words,
  onClose,
  onDone,
}: {
  title: string
  useReset: () => Reset
  words: (people: number) => string
  onClose: () => void
  onDone: (people: number) => void
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  useReturnFocus()
  const [keep, setKeep] = useState(true)
  const count = useReset()
  const reset = useReset()
  const { mutate } = count
  useEffect(() => mutate({ keep_profiles: keep, dry_run: true }), [mutate, keep])
  const people = count.data?.people
  const told = people === undefined ? t('data.counting') : words(people)
  const error = count.error ?? reset.error
  return (
    <Dialog open modalType="alert" onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className="stack">
            {error && <Trouble>{say(error)}</Trouble>}
            <Checkbox label={t('data.keepProfiles')} checked={keep} onChange={(_e, d) => setKeep(d.checked === true)} />
            <p role="status">{told}</p>
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{t('cancel')}</Button>
            <ReasonButton
              appearance="primary"
              reason={people ? undefined : told}
              disabled={reset.isPending}
              onClick={() =>
                reset.mutate(
                  { keep_profiles: keep, dry_run: false },
                  {
                    onSuccess: (r) => {
                      onDone(r.people)
                      onClose()
                    },
                  },
                )
              }
            >
              {t('data.resetDo')}
            </ReasonButton>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}
