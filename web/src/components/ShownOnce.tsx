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
import { useReturnFocus } from '../ui/useReturnFocus'
import { CopyField } from './CopyField'

/** A secret, this once. It closes by its button only: neither a click beside it nor Escape must lose it. */
export function ShownOnce({
  title,
  label,
  secret,
  text,
  children,
  onClose,
}: {
  title: string
  label: string
  secret: string
  /** What it is good for; without it, that it is shown this once. */
  text?: string
  /** What else is to be taken along. */
  children?: ReactNode
  onClose: () => void
}) {
  const { t } = useTranslation()
  useReturnFocus()
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className="stack">
            <p>{text ?? t('admin.tokens.madeText')}</p>
            <CopyField label={label} text={secret} />
            {children}
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              {t('close')}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}
