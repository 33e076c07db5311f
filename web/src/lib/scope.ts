/** The settings of a scope, changes of them that are not saved yet, and in which order they can be saved. Pure. */
import { FACTORY } from './factory'
import { EVENTS, type EventName, type Schemas, SECTIONS, type SectionName, type Template } from './model'

export type Values = {
  feature: Schemas['Feature']
  templates: Template[]
  own_profiles: Schemas['OwnProfiles']
  activation: Schemas['Activation']
  calendar: Schemas['CalendarSection']
  relationships: Schemas['Relationships']
}
export type Part<S extends SectionName> = {
  /** Its own; otherwise a group takes the location's. */
  individual: boolean
  value: Values[S]
}
export type Scope = { [S in SectionName]: Part<S> }
export type Draft = { [S in SectionName]?: Part<S> }

export function readScope(settings: Schemas['ScopeSettings']): Scope {
  const scope: Partial<Record<SectionName, { individual: boolean; value: unknown }>> = {}
  for (const s of settings.sections) {
    scope[s.name] = { individual: s.individual, value: s.name === 'templates' ? s.templates?.templates : s[s.name] }
  }
  return scope as Scope
}

/** Whether two values of the contract say the same; an absent field and an undefined one do. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>]
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].every((k) => same(x[k], y[k]))
}

/** Enters a change of one section; one that says what is saved already is none. */
export function edited<S extends SectionName>(saved: Scope, draft: Draft, section: S, part: Part<S>): Draft {
  const { [section]: _, ...others } = draft
  const differs = changesOf(saved, { ...saved, [section]: part }).length > 0
  return differs ? { ...draft, [section]: part } : (others as Draft)
}

const FRESH = 'new:'

/** The ID of a template that the server does not know yet, so that other sections can name it before it is saved. */
export function freshID(templates: Template[]): string {
  const taken = new Set(templates.map((x) => x.id))
  let n = 1
  while (taken.has(FRESH + n)) n++
  return FRESH + n
}

export type Use = `activation.${EventName}` | 'calendar.profile'

export const isUse = (path: string): path is Use =>
  path === 'calendar.profile' || EVENTS.some((e) => path === `activation.${e}`)

/** Where settings need a template (Uses in internal/policy/settings.go). */
export function usesOf(scope: Pick<Scope, 'activation' | 'calendar'>, template: string | undefined): Use[] {
  const uses: Use[] = []
  for (const e of EVENTS) {
    const r = scope.activation.value[e]
    if (r.on && r.profile === template) uses.push(`activation.${e}`)
  }
  if (scope.calendar.value.profile === template) uses.push('calendar.profile')
  return uses
}

/** One difference between what is saved and what is not. */
export type Change = {
  section: SectionName
  field: string
  /** The event, or the name of the template. */
  of?: string
  before?: unknown
  after?: unknown
}

const TEMPLATE_FIELDS = ['name', 'active', 'status', 'text', 'forwarding', 'user_forwarding'] as const

/** Everything in which two states of a scope differ, in the order of the page. */
export function changesOf(saved: Scope, next: Scope): Change[] {
  const all: Change[] = []
  for (const section of SECTIONS) {
    const [a, b] = [saved[section], next[section]]
    const add = (field: string, before: unknown, after: unknown, of?: string) => {
      if (!same(before, after)) all.push({ section, field, of, before, after })
    }
    add('individual', a.individual, b.individual)
    if (section === 'templates') addTemplates(saved.templates.value, next.templates.value, add)
    else if (section === 'activation') {
      for (const e of EVENTS) {
        const { user_may_change: mayBefore, ...before } = saved.activation.value[e]
        const { user_may_change: mayAfter, ...after } = next.activation.value[e]
        add('value', before, after, e)
        add('user_may_change', mayBefore, mayAfter, e)
      }
    } else {
      const [x, y] = [a.value as Record<string, unknown>, b.value as Record<string, unknown>]
      for (const field of Object.keys(FACTORY[section])) {
        const list = Array.isArray(y[field])
        add(
          field,
          list ? [...(x[field] as string[])].sort() : x[field],
          list ? [...(y[field] as string[])].sort() : y[field],
        )
      }
    }
  }
  return all
}

function addTemplates(
  before: Template[],
  after: Template[],
  add: (field: string, before: unknown, after: unknown, of?: string) => void,
): void {
  for (const old of before) {
    const now = after.find((x) => x.id === old.id)
    if (!now) add('removed', old, undefined, old.name)
    else for (const field of TEMPLATE_FIELDS) add(field, old[field], now[field], old.name)
  }
  for (const x of after) if (!before.some((old) => old.id === x.id)) add('added', undefined, x, x.name)
  const both = (list: Template[], other: Template[]) => list.filter((x) => other.some((y) => y.id === x.id))
  const [x, y] = [both(before, after), both(after, before)]
  if (
    !same(
      x.map((f) => f.id),
      y.map((f) => f.id),
    )
  )
    add(
      'order',
      before.map((f) => f.name),
      after.map((f) => f.name),
    )
}

/** One call of the server. */
export type Step = {
  section: SectionName
  /** individual: begin with the factory defaults; default: return to the location's. */
  by: 'put' | 'individual' | 'default'
  value: Values[SectionName]
  /** More is to come for this section: the rest cannot be done before others are. */
  interim?: boolean
}

/**
 * The order in which changes can be saved one by one. A template must be there before something uses it, and must not
 * be used any more before it goes: where both is asked for, templates are saved twice.
 */
export function planOf(saved: Scope, draft: Draft): Step[] {
  const step = (section: SectionName): Step[] => {
    const part = draft[section]
    if (!part) return []
    const back = saved[section].individual && !part.individual
    const begin = !saved[section].individual && part.individual && same(part.value, FACTORY[section])
    return [{ section, by: back ? 'default' : begin ? 'individual' : 'put', value: part.value }]
  }
  const users = [...step('activation'), ...step('calendar')]
  const others = [...step('own_profiles'), ...step('relationships'), ...step('feature')]
  const next = draft.templates?.value
  if (!next) return [...users, ...others]
  const held = saved.templates.value.filter(
    (x) => x.active && usesOf(saved, x.id).length > 0 && !next.find((y) => y.id === x.id)?.active,
  )
  if (!held.length || !users.length) return [...step('templates'), ...users, ...others]
  const first = [
    ...next.map((x) => held.find((h) => h.id === x.id) ?? x),
    ...held.filter((h) => !next.some((x) => x.id === h.id)),
  ]
  const added = first.some(
    (x) =>
      !same(
        x,
        saved.templates.value.find((y) => y.id === x.id),
      ),
  )
  const interim: Step[] = added ? [{ section: 'templates', by: 'put', value: first, interim: true }] : []
  return [...interim, ...users, ...step('templates'), ...others]
}

type IDs = ReadonlyMap<string, string>

/** Puts IDs that the server gave in the place of those of templates that were new. */
function renamed<S extends SectionName>(section: S, value: Values[S], ids: IDs): Values[S] {
  const id = (x: string | undefined) => ids.get(x ?? '') ?? x
  const v = value as Values[SectionName]
  if (section === 'templates') return (v as Template[]).map((x) => ({ ...x, id: id(x.id) })) as Values[S]
  if (section === 'activation') {
    const a = v as Values['activation']
    return Object.fromEntries(EVENTS.map((e) => [e, { ...a[e], profile: id(a[e].profile) }])) as Values[S]
  }
  if (section === 'calendar') {
    const c = v as Values['calendar']
    return { ...c, profile: id(c.profile) } as Values[S]
  }
  return value
}

export type Outcome = {
  /** What is not saved. */
  rest: Draft
  failed?: { section: SectionName; error: unknown }
}

/**
 * Takes the steps one after the other. call is given templates without the IDs that only this page knows, and returns
 * the templates as the server has them where they were put. The first refusal ends it; what is not saved is the rest.
 */
export async function carryOut(
  steps: Step[],
  draft: Draft,
  call: (step: Step) => Promise<Template[] | undefined>,
): Promise<Outcome> {
  const ids = new Map<string, string>()
  const done = new Set<SectionName>()
  let failed: Outcome['failed']
  for (const s of steps) {
    const value = renamed(s.section, s.value, ids)
    const sent =
      s.section === 'templates'
        ? (value as Template[]).map((x) => (x.id?.startsWith(FRESH) ? { ...x, id: undefined } : x))
        : value
    try {
      const now = await call({ ...s, value: sent })
      if (s.section === 'templates' && s.by === 'put') {
        for (const [i, x] of (value as Template[]).entries()) {
          const id = now?.[i]?.id
          if (x.id?.startsWith(FRESH) && id) ids.set(x.id, id)
        }
      }
      if (!s.interim) done.add(s.section)
    } catch (error) {
      failed = { section: s.section, error }
      break
    }
  }
  const rest: Record<string, unknown> = {}
  for (const section of SECTIONS) {
    const part = draft[section]
    if (part && !done.has(section)) rest[section] = { ...part, value: renamed(section, part.value, ids) }
  }
  return { rest: rest as Draft, failed }
}

/** All changes in one, as the server takes them; it gives templates that are new an ID, wherever they are named. */
export function together(saved: Scope, draft: Draft): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  const back: SectionName[] = []
  for (const section of SECTIONS) {
    const part = draft[section]
    if (!part) continue
    if (saved[section].individual && !part.individual) back.push(section)
    else body[section] = section === 'templates' ? { templates: part.value } : part.value
  }
  return back.length ? { ...body, default: back } : body
}
