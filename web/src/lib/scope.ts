/** The settings of a scope, changes of them that are not saved yet, and how they are sent. Pure. */
import { FACTORY } from './factory'
import { EVENTS, type EventName, type Program, type Schemas, SECTIONS, type SectionName, type Template } from './model'
import { programKey } from './programs'

export type Values = {
  feature: Schemas['Feature']
  templates: Template[]
  own_profiles: Schemas['OwnProfiles']
  activation: Schemas['Activation']
  calendar: Schemas['CalendarSection']
  teams: Schemas['Teams']
  telephony: Schemas['Telephony']
  microphone: Schemas['Microphone']
  relationships: Schemas['Relationships']
}
export type Part<S extends SectionName> = {
  /** Its own; otherwise a group takes the location's. */
  individual: boolean
  value: Values[S]
  /** As it was read: tells these values apart from others. */
  version?: string
}
export type Scope = { [S in SectionName]: Part<S> }
export type Draft = { [S in SectionName]?: Part<S> }

export function readScope(settings: Schemas['ScopeSettings']): Scope {
  const scope: Partial<Record<SectionName, { individual: boolean; value: unknown; version: string }>> = {}
  for (const s of settings.sections) {
    const value = s.name === 'templates' ? s.templates?.templates : s[s.name]
    scope[s.name] = { individual: s.individual, value, version: s.version }
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

/**
 * A calendar section with another method: what goes with the old one is not kept (checkMethod in
 * internal/policy/settings.go), and where there is one system only, it is chosen.
 */
export function withMethod(
  value: Values['calendar'],
  method: Values['calendar']['method'],
  systems: readonly Pick<Schemas['System'], 'id'>[],
): Values['calendar'] {
  if (method === value.method) return value
  const { connector: _, accounts: __, ...others } = value
  if (method === 'local') return { ...others, method }
  return { ...others, method, connector: systems.length === 1 ? systems[0]?.id : undefined }
}

/** Whether anybody could want something of Teams (needsConnector in internal/policy/settings.go). */
export const usesTeams = (value: Pick<Values['teams'], 'sync' | 'user_may_change'>) =>
  value.sync !== 'none' || value.user_may_change

/**
 * A Teams section with something changed: where nobody wants anything of Teams no application is named, and where there
 * is one only, it is chosen.
 */
export function withTeams(
  value: Values['teams'],
  part: Partial<Values['teams']>,
  systems: readonly Pick<Schemas['System'], 'id'>[],
): Values['teams'] {
  const { connector, ...next } = { ...value, ...part }
  if (!usesTeams(next)) return next
  const only = systems.length === 1 ? systems[0]?.id : undefined
  return { ...next, connector: connector ?? only }
}

const FRESH = 'new:'

/** The ID of a template that the server does not know yet, so that other sections can name it before it is saved. */
export function freshID(templates: Template[]): string {
  const taken = new Set(templates.map((x) => x.id))
  let n = 1
  while (taken.has(FRESH + n)) n++
  return FRESH + n
}

export type Use = `activation.${EventName}` | 'calendar.profile' | `telephony.codes[${number}]`

export const isUse = (path: string): path is Use =>
  path === 'calendar.profile' ||
  /^telephony\.codes\[\d+\]$/.test(path) ||
  EVENTS.some((e) => path === `activation.${e}`)

/** Where settings need a template (Uses in internal/policy/settings.go). */
export function usesOf(
  scope: Pick<Scope, 'activation' | 'calendar' | 'telephony'>,
  template: string | undefined,
): Use[] {
  const uses: Use[] = []
  for (const e of EVENTS) {
    const r = scope.activation.value[e]
    if (r.on && r.profile === template) uses.push(`activation.${e}`)
  }
  if (scope.calendar.value.profile === template) uses.push('calendar.profile')
  for (const [i, c] of (scope.telephony.value.codes ?? []).entries()) {
    if (c.profile === template) uses.push(`telephony.codes[${i}]`)
  }
  return uses
}

/** One difference between what is saved and what is not. */
export type Change = {
  section: SectionName
  field: string
  /** The event, the name of the template or the process. */
  of?: string
  before?: unknown
  after?: unknown
}

const TEMPLATE_FIELDS = ['name', 'active', 'status', 'text', 'forwarding', 'user_forwarding'] as const

/** The fields of a section that is a record; what the shipped settings leave open counts too. */
const fieldsOf = (section: SectionName): string[] => {
  const fields = Object.keys(FACTORY[section])
  if (section === 'teams') return [...fields, 'connector']
  if (section === 'telephony') return ['connector', 'forwarding', 'codes']
  return section === 'calendar' ? [...fields, 'connector', 'accounts'] : fields
}

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
    } else if (section === 'microphone') {
      add('enabled', saved.microphone.value.enabled, next.microphone.value.enabled)
      addPrograms(saved.microphone.value.programs, next.microphone.value.programs, add)
    } else {
      const [x, y] = [a.value as Record<string, unknown>, b.value as Record<string, unknown>]
      for (const field of fieldsOf(section)) {
        // The order of such a list means nothing.
        const ordered = (v: unknown) => (Array.isArray(v) && typeof v[0] === 'string' ? [...v].sort() : v)
        add(field, ordered(x[field]), ordered(y[field]))
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

/** Their order means nothing. */
function addPrograms(
  before: Program[],
  after: Program[],
  add: (field: string, before: unknown, after: unknown, of?: string) => void,
): void {
  const left = [...after]
  for (const old of before) {
    const i = left.findIndex((p) => programKey(p) === programKey(old))
    const [now] = i < 0 ? [] : left.splice(i, 1)
    if (!now) add('removed', old, undefined, old.process)
    else for (const field of ['process', 'active', 'alias'] as const) add(field, old[field], now[field], old.process)
  }
  for (const p of left) add('added', undefined, p, p.process)
}

const named = (name: string) => (x: Template) => x.name.trim().toLowerCase() === name.toLowerCase()

/** The template of a name, if it is offered. */
export const offered = (templates: Template[], name: string) => templates.find((x) => x.active && named(name)(x))

/** Whether there is a template of a name, offered or not. */
export const kept = (templates: Template[], name: string) => templates.some(named(name))

/** Templates with one of a name among them: the one that is saved, otherwise a new one that is busy and has no text. */
export function offering(templates: Template[], name: string, saved: Template[]): Template[] {
  if (templates.some(named(name))) return templates.map((x) => (named(name)(x) ? { ...x, active: true } : x))
  const place = saved.findIndex(named(name))
  const old = saved[place]
  if (old) return templates.toSpliced(place, 0, { ...old, active: true })
  const id = freshID(templates)
  return [
    ...templates,
    { id, name, status: 'busy', forwarding: { action: 'keep' }, active: true, user_forwarding: 'own' },
  ]
}

/** Templates of which none of a name is offered: one that is saved stays and is not active, a new one goes. */
export function withdrawn(templates: Template[], name: string, saved: Template[]): Template[] {
  return templates
    .filter((x) => !named(name)(x) || saved.some((old) => old.id === x.id))
    .map((x) => (named(name)(x) ? { ...x, active: false } : x))
}

/** The versions of what one has seen. */
export const versionsOf = (scope: Scope): Record<string, string> =>
  Object.fromEntries(SECTIONS.flatMap((s) => (scope[s].version ? [[s, scope[s].version]] : [])))

/**
 * All changes in one, as the server takes them; it gives templates that are new an ID, wherever they are named, and
 * changes nothing if somebody else has changed a section since it was seen.
 */
export function together(saved: Scope, draft: Draft): Schemas['SectionsInputBody'] {
  const body: Record<string, unknown> = {}
  const back: SectionName[] = []
  for (const section of SECTIONS) {
    const part = draft[section]
    if (!part) continue
    if (saved[section].individual && !part.individual) back.push(section)
    else body[section] = section === 'templates' ? { templates: part.value } : part.value
  }
  if (back.length) body.default = back
  const was = versionsOf(saved)
  return (Object.keys(was).length ? { ...body, was } : body) as Schemas['SectionsInputBody']
}

/** The sections that a refusal is about, by the fields it blames, in the order of the page. */
export function blamed(fields: readonly string[]): SectionName[] {
  const named = new Set(fields.map((f) => f.replace(/^body\./, '').replace(/[.[].*$/, '')))
  return SECTIONS.filter((s) => named.has(s))
}
