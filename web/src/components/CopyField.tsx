import { Button, Field, Input } from '@fluentui/react-components'
import { Checkmark20Regular, Copy20Regular } from '@fluentui/react-icons'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** Copies a text; whether it could, once it was asked to. Where it cannot, select makes copying by hand easy. */
function useCopy(text: string, select: () => void) {
  const [copied, setCopied] = useState<boolean>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
    } catch {
      // Without a secure connection there is no clipboard.
      select()
      setCopied(false)
    }
  }
  return { copied, copy }
}

/** A text that is shown to be taken along, with a button that copies it. */
export function CopyField({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation()
  const field = useRef<HTMLInputElement>(null)
  const { copied, copy } = useCopy(text, () => field.current?.select())
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

/** A text of many lines that is shown to be taken along, with a button that copies it. */
export function CopyBlock({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation()
  const block = useRef<HTMLPreElement>(null)
  const { copied, copy } = useCopy(text, () => block.current && getSelection()?.selectAllChildren(block.current))
  return (
    <div className="copy-block">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre ref={block}>{text}</pre>
      </section>
      <div className="row">
        <Button
          icon={copied ? <Checkmark20Regular /> : <Copy20Regular />}
          aria-label={t('copy.named', { name: label })}
          onClick={() => void copy()}
        >
          {t('copy.do')}
        </Button>
        <p role="status" className="note">
          {copied === true && t('copy.done')}
          {copied === false && t('copy.not')}
        </p>
      </div>
    </div>
  )
}
