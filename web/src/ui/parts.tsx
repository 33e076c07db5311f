import { MessageBar, MessageBarBody, MessageBarTitle } from '@fluentui/react-components'
import { type ReactNode, useEffect, useRef } from 'react'

/** A page: its heading takes the focus after navigation, so that screen readers say where one is. */
export function Page({
  title,
  actions,
  children,
  wide,
  lead,
}: {
  title: string
  actions?: ReactNode
  children: ReactNode
  wide?: boolean
  lead?: ReactNode
}) {
  useTitle(title)
  return (
    <div className={wide ? 'page wide' : 'page'}>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Doorlight` : 'Doorlight'
  }, [title])
}

export function Section({
  title,
  note,
  children,
  actions,
}: {
  title: string
  note?: ReactNode
  children: ReactNode
  actions?: ReactNode
}) {
  return (
    <section className="section" aria-label={title}>
      <header className="section-head">
        <div>
          <h2>{title}</h2>
          {note && <p className="note">{note}</p>}
        </div>
        {actions}
      </header>
      {children}
    </section>
  )
}

export function Empty({ icon, title, children }: { icon?: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      {icon && <span className="empty-icon">{icon}</span>}
      <p className="empty-title">{title}</p>
      {children && <div className="empty-text">{children}</div>}
    </div>
  )
}

/** Grey lines where rows will be. */
export function Waiting({ label, rows = 6 }: { label: string; rows?: number }) {
  return (
    <div className="waiting" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never change places
        <span key={i} className="waiting-row" />
      ))}
    </div>
  )
}

/** What went wrong, where it went wrong. It takes the focus nowhere but is announced. */
export function Trouble({ title, children, action }: { title?: string; children: ReactNode; action?: ReactNode }) {
  return (
    <MessageBar intent="error" layout="multiline" className="trouble">
      <MessageBarBody>
        {title && <MessageBarTitle>{title}</MessageBarTitle>}
        {children} {action}
      </MessageBarBody>
    </MessageBar>
  )
}

/** Focuses an element once, when it appears. */
export function useFocusOnce<T extends HTMLElement>() {
  const ref = useRef<T>(null)
  useEffect(() => ref.current?.focus(), [])
  return ref
}

/** The mark of the product: a door ajar, and light. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="15" fill="#0b423b" />
      <path d="M19 12h26a2 2 0 0 1 2 2v38H17V14a2 2 0 0 1 2-2z" fill="#ffc44d" />
      <path d="M17 13.2 36 18v38L17 52z" fill="#12796d" />
      <circle cx="31.5" cy="37" r="2.2" fill="#ffe2a3" />
    </svg>
  )
}
