/** What somebody else has saved while one was making changes, and how one's own changes go on from there. Pure. */
import { FACTORY } from './factory'
import { EVENTS, SECTIONS, type Template } from './model'
import { type Change, changesOf, type Draft, edited, type Part, type Scope, same } from './scope'

type Row = Record<string, unknown>
const isRow = (v: unknown): v is Row => typeof v === 'object' && v !== null && !Array.isArray(v)
const keyOf = (r: Row) => String(r.id ?? r.process).toLowerCase()

/**
 * Both changes of a value in one: each field that only one of the two has changed is as they left it, and one that both
 * have changed is as it is here. Rows of lists are told apart by their ID or process.
 */
export function merged(was: unknown, mine: unknown, theirs: unknown): unknown {
  if (same(mine, was)) return theirs
  if (same(theirs, was)) return mine
  if (isRow(mine) && isRow(theirs)) {
    const old = isRow(was) ? was : {}
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])]
    return Object.fromEntries(
      keys.map((k) => [k, merged(old[k], mine[k], theirs[k])]).filter(([, v]) => v !== undefined),
    )
  }
  if (Array.isArray(mine) && Array.isArray(theirs)) {
    const old = Array.isArray(was) ? was : []
    return [...mine, ...theirs].every(isRow) ? mergedRows(old, mine, theirs) : mergedWords(old, mine, theirs)
  }
  return mine
}

function mergedWords(was: unknown[], mine: unknown[], theirs: unknown[]): unknown[] {
  return [
    ...theirs.filter((x) => mine.includes(x) || !was.includes(x)),
    ...mine.filter((x) => !theirs.includes(x) && !was.includes(x)),
  ]
}

function mergedRows(was: Row[], mine: Row[], theirs: Row[]): Row[] {
  const find = (list: Row[], r: Row) => list.find((x) => keyOf(x) === keyOf(r))
  const order = (list: Row[], other: Row[]) => list.filter((r) => find(other, r)).map(keyOf)
  // Who has moved rows says the order; if both have, it is the order here.
  const moved = !same(order(mine, was), order(was, mine))
  const [first, second] = moved ? [mine, theirs] : [theirs, mine]
  const rows = [...first, ...second.filter((r) => !find(first, r))]
  return rows.flatMap((r) => {
    const [a, m, b] = [find(was, r), find(mine, r), find(theirs, r)]
    if (m && b) return [merged(a, m, b) as Row]
    if (!a) return [r] // one of the two has added it
    // Removed there, it stays if it was changed here; removed here, it goes.
    return m && !same(m, a) ? [m] : []
  })
}

/** A draft that goes on from what is saved now. base: of a configuration group, the settings of its location. */
export function rebased(was: Scope, draft: Draft, now: Scope, base: Scope | undefined): Draft {
  const mine = sameTemplates(was, draft, now)
  let next: Draft = {}
  for (const section of SECTIONS) {
    const part = mine[section]
    if (part)
      next = edited(
        now,
        next,
        section,
        onto(was[section], part, now[section], base?.[section], FACTORY[section]) as never,
      )
  }
  return next
}

type Any = Pick<Part<'feature'>, 'individual'> & { value: unknown }

function onto(was: Any, mine: Any, now: Any, base: Any | undefined, factory: unknown): Any {
  // A location has no choice: what is saved is its own.
  if (!base) return { individual: now.individual, value: merged(was.value, mine.value, now.value) }
  if (!mine.individual) return { individual: false, value: base.value }
  if (!now.individual) return mine
  return { individual: true, value: merged(was.individual ? was.value : factory, mine.value, now.value) }
}

/** Where both have added a template of the same name, it is one: that which is saved. */
function sameTemplates(was: Scope, draft: Draft, now: Scope): Draft {
  const mine = draft.templates
  if (!mine) return draft
  const added = (list: Template[]) => list.filter((x) => !was.templates.value.some((y) => y.id === x.id))
  const theirs = added(now.templates.value)
  const ids = new Map(
    added(mine.value).flatMap((x) => {
      const one = theirs.find((y) => y.name.toLowerCase() === x.name.toLowerCase())
      return one?.id && x.id ? [[x.id, one.id] as const] : []
    }),
  )
  const id = (x: string) => ids.get(x) ?? x
  const next: Draft = {
    ...draft,
    templates: { ...mine, value: mine.value.map((x) => ({ ...x, id: x.id && id(x.id) })) },
  }
  if (draft.calendar)
    next.calendar = { ...draft.calendar, value: { ...draft.calendar.value, profile: id(draft.calendar.value.profile) } }
  if (draft.activation) {
    const value = { ...draft.activation.value }
    for (const e of EVENTS) value[e] = { ...value[e], profile: id(value[e].profile) }
    next.activation = { ...draft.activation, value }
  }
  return next
}

export type Foreign = Change & {
  /** Changed here too, so that saving replaces it. */
  replaced: boolean
}

/** What somebody else has changed, and what of it the changes here would replace. */
export function foreign(was: Scope, now: Scope, next: Scope, isGroup: boolean): Foreign[] {
  const mine = changesOf(now, next)
  return changesOf(was, now)
    .filter((c) => isGroup || c.field !== 'individual')
    .map((c) => ({
      ...c,
      replaced: mine.some(
        (m) =>
          m.section === c.section &&
          (m.field === 'individual' ||
            (m.of === c.of &&
              (m.field === c.field || ['added', 'removed'].some((f) => f === m.field || f === c.field)))),
      ),
    }))
}
