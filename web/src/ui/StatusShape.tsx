import type { ReactElement } from 'react'
import type { Status } from '../lib/model'

type Props = {
  /** off: no presence at all, because it is switched off. */
  status: Status | 'off'
  size?: number
  /** The word, for those who do not see the shape. Leave it out only where the word stands beside it. */
  label?: string
}

/** Shapes that differ without colour: tick, clock, hatching, bar, filled, hollow, dotted. */
export function StatusShape({ status, size = 16, label }: Props): ReactElement {
  const ink = (part: 'fill' | 'edge' | 'sign') => `var(--st-${status === 'off' ? 'logged_out' : status}-${part})`
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named or hidden by the attributes spread below
    <svg
      className="shape"
      data-status={status}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    >
      <circle
        cx="8"
        cy="8"
        r="6.9"
        fill={status === 'off' ? 'none' : ink('fill')}
        stroke={ink('edge')}
        strokeWidth={status === 'logged_out' ? 2 : 1.5}
        strokeDasharray={status === 'off' ? '1.6 2.6' : undefined}
      />
      {status !== 'off' && signs(ink('sign'))[status]}
    </svg>
  )
}

const signs = (ink: string): Record<Status, ReactElement | null> => ({
  available: (
    <path
      d="M4.6 8.3l2.4 2.4 4.6-5"
      fill="none"
      stroke={ink}
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  ),
  be_right_back: (
    <path d="M8 4.2V8l2.7 2" fill="none" stroke={ink} strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
  ),
  // Chords of the circle along a diagonal: no pattern, which would need an id per shape.
  busy: <path d={[-3.8, 0, 3.8].map(chord).join('')} fill="none" stroke={ink} strokeWidth="1.9" />,
  do_not_disturb: <path d="M4.4 8h7.2" fill="none" stroke={ink} strokeWidth="2.4" strokeLinecap="round" />,
  unavailable: null,
  logged_out: null,
})

function chord(offset: number): string {
  const half = Math.sqrt(6.6 ** 2 - offset ** 2)
  const [cx, cy] = [8 + offset / Math.SQRT2, 8 + offset / Math.SQRT2]
  const d = half / Math.SQRT2
  const n = (v: number) => v.toFixed(2)
  return `M${n(cx - d)} ${n(cy + d)}L${n(cx + d)} ${n(cy - d)}`
}

/** A handset, for a line that rings or talks. */
export function PhoneMark({
  ringing,
  size = 14,
  label,
}: {
  ringing?: boolean
  size?: number
  label?: string
}): ReactElement {
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named or hidden by the attributes spread below
    <svg
      className={ringing ? 'phone-mark ringing' : 'phone-mark'}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    >
      <circle cx="8" cy="8" r="8" fill="var(--st-phone-fill)" />
      <path
        fill="var(--st-phone-sign)"
        d="M5.6 3.6l1-.3c.5-.1 1 .1 1.2.6l.5 1.2c.2.4.1.9-.3 1.2l-.7.7c.3.9.8 1.7 1.5 2.4l.9-.3c.5-.1.9 0 1.2.4l.7 1c.3.4.3 1-.1 1.4l-.5.5c-.5.5-1.3.7-2 .4-2.6-1.1-4.4-3.9-4.7-6.8-.1-.9.5-2.1 1.3-2.4z"
      />
    </svg>
  )
}
