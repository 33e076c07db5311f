import { Field, Input } from '@fluentui/react-components'
import { useEffect, useState } from 'react'

/** A whole number that counts when the field is left. One that cannot be taken stays there, with the reason. */
export function NumberField({
  label,
  hint,
  value,
  min,
  max,
  wrong,
  disabled,
  onChange,
}: {
  label: string
  hint?: string
  value: number
  min: number
  max: number
  wrong: string
  disabled?: boolean
  onChange: (n: number) => void
}) {
  const [text, setText] = useState(String(value))
  const [left, setLeft] = useState(false)
  useEffect(() => {
    setText(String(value))
    setLeft(false)
  }, [value])
  const n = Number(text)
  const fits = text.trim() !== '' && Number.isInteger(n) && n >= min && n <= max
  const done = () => {
    setLeft(true)
    if (fits && n !== value) onChange(n)
  }
  return (
    <Field label={label} hint={hint} validationMessage={left && !fits && !disabled ? wrong : undefined}>
      <Input
        type="number"
        min={min}
        max={max}
        disabled={disabled}
        value={text}
        onChange={(_e, d) => setText(d.value)}
        onBlur={done}
        onKeyDown={(e) => e.key === 'Enter' && done()}
      />
    </Field>
  )
}
