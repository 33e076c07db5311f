import { useEffect, useState } from 'react'

/**
 * When what opened over the page goes, the focus returns to where it was. Without that a dialog below it would stay
 * hidden from screen readers: it shows itself to them when it has the focus.
 */
export function useReturnFocus(): void {
  const [opener] = useState(() => document.activeElement)
  useEffect(
    () => () => {
      requestAnimationFrame(() => {
        const lost = !document.activeElement || document.activeElement === document.body
        if (lost && opener instanceof HTMLElement && opener.isConnected) opener.focus()
      })
    },
    [opener],
  )
}
