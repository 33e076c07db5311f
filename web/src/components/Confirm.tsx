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
} from '@fluentui/react-components'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ReasonButton } from '../ui/ReasonButton'
import { useReturnFocus } from '../ui/useReturnFocus'

/** Asks before something is lost. What cannot be brought back is asked for in writing: typed is what must be typed. */
export function Confirm({
  title,
  action,
  stay,
  typed,
  children,
  onClose,
  onConfirm,
}: {
  title: string
  action: string
  /** The word for leaving everything as it is. */
  stay?: string
  typed?: string
  children: ReactNode
  onClose: () => void
  onConfirm: () => void
}) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  useReturnFocus()
  const waits = typed !== undefined && text.trim() !== typed
  const confirm = () => {
    if (waits) return
    onConfirm()
    onClose()
  }
  return (
    <Dialog open modalType="alert" onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className="stack">
            {children}
            {typed !== undefined && (
              <Field label={t('admin.confirm.type', { word: typed })}>
                <Input
                  value={text}
                  autoComplete="off"
                  onChange={(_e, d) => setText(d.value)}
                  onKeyDown={(e) => e.key === 'Enter' && confirm()}
                />
              </Field>
            )}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{stay ?? t('cancel')}</Button>
            <ReasonButton
              appearance="primary"
              reason={waits ? t('admin.confirm.typeFirst') : undefined}
              onClick={confirm}
            >
              {action}
            </ReasonButton>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}
