/** Fields that forms of outside systems have in common. */
import { Checkbox, Field, Input, Textarea } from '@fluentui/react-components'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'

type Common = { label: string; hint?: string; wrong?: string; required?: boolean }

/** One line of what a computer reads: no capitals by themselves, no spelling. */
export function TextField({
  label,
  hint,
  wrong,
  required,
  value,
  max,
  placeholder,
  onText,
}: Common & { value: string | undefined; max: number; placeholder?: string; onText: (text: string) => void }) {
  return (
    <Field label={label} hint={hint} required={required} validationMessage={wrong}>
      <Input
        value={value ?? ''}
        maxLength={max}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        placeholder={placeholder}
        onChange={(_e, d) => onText(d.value)}
      />
    </Field>
  )
}

/** Several of them, one in a line. */
export function RowsField({
  label,
  hint,
  wrong,
  required,
  value,
  placeholder,
  onText,
}: Common & { value: string; placeholder?: string; onText: (text: string) => void }) {
  return (
    <Field label={label} hint={hint} required={required} validationMessage={wrong}>
      <Textarea
        value={value}
        rows={2}
        resize="vertical"
        spellCheck={false}
        autoCapitalize="none"
        placeholder={placeholder}
        onChange={(_e, d) => onText(d.value)}
      />
    </Field>
  )
}

/** Whom to trust, beside the authorities of the server's system. */
export function CertificatesField({
  value,
  wrong,
  onText,
}: {
  value: string | undefined
  wrong?: string
  onText: (text: string) => void
}) {
  const { t } = useTranslation()
  return (
    <Field
      label={t('admin.directories.certificates')}
      hint={t('admin.directories.certificatesHint')}
      validationMessage={wrong}
    >
      <Textarea
        className="secret"
        value={value ?? ''}
        rows={3}
        maxLength={100_000}
        resize="vertical"
        spellCheck={false}
        placeholder="-----BEGIN CERTIFICATE-----"
        onChange={(_e, d) => onText(d.value)}
      />
    </Field>
  )
}

/** A box with a sentence on what it means. */
export function TickField({
  label,
  hint,
  checked,
  disabled,
  onTick,
}: {
  label: string
  hint: string
  checked: boolean
  disabled?: boolean
  onTick: (yes: boolean) => void
}) {
  const id = useId()
  return (
    <div>
      <Checkbox
        label={label}
        checked={checked}
        disabled={disabled}
        aria-describedby={id}
        onChange={(_e, d) => onTick(d.checked === true)}
      />
      <p className="note under-box" id={id}>
        {hint}
      </p>
    </div>
  )
}

/** A port; empty: the usual one. */
export function PortField({
  label,
  hint,
  wrong,
  required,
  value,
  usual,
  onPort,
}: Common & { value: number | undefined; usual?: number; onPort: (port: number) => void }) {
  return (
    <Field label={label} hint={hint} required={required} validationMessage={wrong}>
      <Input
        className="port"
        inputMode="numeric"
        maxLength={5}
        autoComplete="off"
        value={value ? String(value) : ''}
        placeholder={usual === undefined ? undefined : String(usual)}
        onChange={(_e, d) => onPort(Number(d.value.replace(/\D/g, '')))}
      />
    </Field>
  )
}
