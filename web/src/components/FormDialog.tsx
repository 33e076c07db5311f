import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from '@fluentui/react-components'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Trouble } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { useReturnFocus } from '../ui/useReturnFocus'
import { toldAtFields, useProblemText } from './problem'

/** A form that opens over the page. What is wrong beside its fields is told at its top. */
export function FormDialog({
  title,
  action,
  error,
  fields = [],
  busy,
  reason,
  more,
  wide,
  children,
  onSubmit,
  onClose,
}: {
  title: string
  /** The word on the button; otherwise it saves. */
  action?: string
  error?: unknown
  /** Fields of the form that show by themselves what the server finds wrong with them. */
  fields?: readonly string[]
  busy?: boolean
  /** Why it cannot be sent yet. */
  reason?: string
  /** Other things to do, apart from the form. */
  more?: ReactNode
  wide?: boolean
  children: ReactNode
  onSubmit: () => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  useReturnFocus()
  return (
    <Dialog open onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface className={wide ? 'form-wide' : undefined}>
        <form
          noValidate
          onSubmit={(e) => {
            e.preventDefault()
            // A form inside another one's tree, as a choice of people is, sends only itself.
            e.stopPropagation()
            if (!reason && !busy) onSubmit()
          }}
        >
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className="stack">
              {error ? !toldAtFields(error, fields) && <Trouble>{say(error)}</Trouble> : null}
              {children}
            </DialogContent>
            {more && <DialogActions position="start">{more}</DialogActions>}
            <DialogActions position="end">
              <Button onClick={onClose}>{t('cancel')}</Button>
              <ReasonButton type="submit" appearance="primary" disabled={busy} reason={reason}>
                {action ?? t('save')}
              </ReasonButton>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  )
}
