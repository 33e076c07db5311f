import type { ReactNode } from 'react'
import { hash, initials } from '../lib/order'

/** Initials on a quiet colour of the person's own; a list of a thousand stays cheap. */
export function Face({
  id,
  name,
  size = 32,
  children,
}: {
  id: string
  name: string
  size?: number
  children?: ReactNode
}) {
  const hue = [8, 32, 58, 96, 148, 176, 204, 232, 268, 316][hash(id) % 10]
  return (
    <span className="face" style={{ width: size, height: size, ['--hue' as string]: hue, fontSize: size * 0.38 }}>
      <span aria-hidden="true">{initials(name)}</span>
      {children && <span className="face-mark">{children}</span>}
    </span>
  )
}
