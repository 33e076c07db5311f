import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useLayoutEffect, useRef, useState } from 'react'
import { useDensity } from './appearance'

/** Longer lists draw only what is in sight; 1,000 rows would take most of a second. */
const ALL_AT_ONCE = 150
const WIDTH = { compact: 264, comfortable: 320 }
const HEIGHT = { compact: 46, comfortable: 62 }

/** People in columns as wide as the density asks for. Arrow keys go from one to the next. */
export function PeopleGrid<T extends { id: string }>({
  people,
  label,
  render,
}: {
  people: T[]
  label: string
  render: (p: T) => ReactNode
}) {
  const density = useDensity()
  if (people.length > ALL_AT_ONCE) return <LongGrid people={people} label={label} render={render} />
  return (
    <ul className={`grid ${density}`} aria-label={label} onKeyDown={walk}>
      {people.map((p) => (
        <li key={p.id}>{render(p)}</li>
      ))}
    </ul>
  )
}

function LongGrid<T extends { id: string }>({
  people,
  label,
  render,
}: {
  people: T[]
  label: string
  render: (p: T) => ReactNode
}) {
  const density = useDensity()
  const list = useRef<HTMLUListElement>(null)
  const [box, setBox] = useState({ columns: 1, margin: 0 })
  useLayoutEffect(() => {
    const el = list.current
    const scroller = el?.closest('main')
    if (!el || !scroller) return
    const measure = () =>
      setBox({
        columns: Math.max(1, Math.floor((el.clientWidth + 4) / WIDTH[density])),
        margin: el.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop,
      })
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(el)
    return () => observer.disconnect()
  }, [density])
  const rows = useVirtualizer({
    count: Math.ceil(people.length / box.columns),
    getScrollElement: () => list.current?.closest('main') ?? null,
    estimateSize: () => HEIGHT[density],
    overscan: 8,
    scrollMargin: box.margin,
  })
  return (
    <ul
      className={`grid long ${density}`}
      aria-label={label}
      onKeyDown={walk}
      ref={list}
      style={{ height: rows.getTotalSize() }}
    >
      {rows.getVirtualItems().flatMap((row) =>
        people.slice(row.index * box.columns, (row.index + 1) * box.columns).map((p, column) => (
          <li
            key={p.id}
            aria-setsize={people.length}
            aria-posinset={row.index * box.columns + column + 1}
            style={{
              transform: `translateY(${row.start - box.margin}px)`,
              left: `${(100 * column) / box.columns}%`,
              width: `${100 / box.columns}%`,
            }}
          >
            {render(p)}
          </li>
        )),
      )}
    </ul>
  )
}

/** Arrow keys among all tiles of the page: left and right in order, up and down to the nearest one there. */
function walk(e: KeyboardEvent) {
  const from = (e.target as HTMLElement).closest('.tile')
  if (!from || !e.key.startsWith('Arrow')) return
  const tiles = [...document.querySelectorAll<HTMLElement>('main .tile')]
  const i = tiles.indexOf(from as HTMLElement)
  let next: HTMLElement | undefined
  if (e.key === 'ArrowRight') next = tiles[i + 1]
  else if (e.key === 'ArrowLeft') next = tiles[i - 1]
  else {
    const here = from.getBoundingClientRect()
    const down = e.key === 'ArrowDown'
    const away = (el: HTMLElement) => {
      const r = el.getBoundingClientRect()
      const dy = down ? r.top - here.top : here.top - r.top
      return dy < here.height / 2 ? Number.POSITIVE_INFINITY : dy * 4 + Math.abs(r.left - here.left)
    }
    next = tiles.reduce<HTMLElement | undefined>(
      (best, el) => (away(el) < (best ? away(best) : Number.POSITIVE_INFINITY) ? el : best),
      undefined,
    )
  }
  if (next) {
    e.preventDefault()
    next.focus()
    next.scrollIntoView({ block: 'nearest' })
  } else if (e.key === 'ArrowUp') {
    e.preventDefault()
    document.querySelector<HTMLElement>('.search input')?.focus()
  }
}
