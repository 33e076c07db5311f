import { Button, type ButtonProps, Tooltip } from '@fluentui/react-components'

/** A button that, where it may not be pressed, says why: to the eye as a tooltip, to a screen reader as a description. */
export function ReasonButton({ reason, ...button }: ButtonProps & { reason?: string }) {
  if (!reason) return <Button {...(button as object)} />
  return (
    <Tooltip content={reason} relationship="description">
      <Button {...(button as object)} disabledFocusable />
    </Tooltip>
  )
}
