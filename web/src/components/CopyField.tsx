import { Button, Field, Input } from '@fluentui/react-components'
import { Checkmark20Regular, Copy20Regular } from '@fluentui/react-icons'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** A text that is shown to be taken along, with a button that copies it. */
export function CopyField({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation()
  const field = useRef<HTMLInputElement>(null)
  const [copied, setCopied] = useState<boolean>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
    } catch {
      // Without a secure connection there is no clipboard.
      field.current?.select()
      setCopied(false)
    }
  }
  return (
    <div className="copy">
      <Field label={label}>
        <Input ref={field} readOnly value={text} className="secret" onFocus={(e) => e.target.select()} />
      </Field>
      <Button icon={copied ? <Checkmark20Regular /> : <Copy20Regular />} onClick={() => void copy()}>
        {t('copy.do')}
      </Button>
      <p role="status" className="note">
        {copied === true && t('copy.done')}
        {copied === false && t('copy.not')}
      </p>
    </div>
  )
}
