import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { ACTIONS, type Fact } from '../lib/audit'
import {
  CALENDAR_METHODS,
  LEVELS,
  ROLES,
  SECTIONS,
  STATUSES,
  TEAMS_ACCESS,
  TEAMS_SYNC,
  TOKEN_SCOPES,
} from '../lib/model'
import { REFUSALS } from '../lib/provider'
import { shipped } from '../lib/shipped'
import en from '../messages/en.json'

type Names = Record<'person' | 'token' | 'scope' | 'connector', (id: string) => string>
type FieldName = keyof typeof en.admin.audit.field

/** Words for entries of the audit log. What nobody has words for stays as it is written. */
export function auditWords(t: TFunction, names: Names) {
  const part = (key: string) =>
    Object.hasOwn(en.admin.audit.field, key) ? t(`admin.audit.field.${key as FieldName}`) : shipped(key, t)
  const value = (path: string[], v: unknown): string => {
    const key = path.at(-1) ?? ''
    if (v === undefined || v === null || v === '') return t('admin.audit.nothing')
    if (Array.isArray(v)) return v.map((x) => value(path, x)).join(', ') || t('admin.audit.nothing')
    if (typeof v === 'boolean') return t(v ? 'settings.yes' : 'settings.no')
    if (typeof v === 'object') return JSON.stringify(v)
    const text = String(v)
    if (['viewer', 'person', 'members', 'observers'].includes(key) && typeof v === 'string') return names.person(text)
    if (['scope', 'location', 'group', 'from'].includes(key)) return names.scope(text)
    if (key === 'token') return names.token(text)
    if (['connector', 'directory', 'accounts'].includes(key)) return names.connector(text)
    // By what lines are forwarded; elsewhere the word stands for other things.
    if (key === 'forwarding' && path.length === 1) return names.connector(text)
    const why = REFUSALS.find((r) => r === v)
    if (key === 'why' && why) return t(`signIn.refused.${why}`)
    if (key === 'level' && v === 'default') return t('relationships.administrative')
    const level = LEVELS.find((l) => l === v)
    if (/level$|^default$/.test(key) && level) return t(`relationships.level.${level}`)
    const may = TOKEN_SCOPES.find((s) => s === v)
    if (key === 'scopes' && may) return t(`admin.tokens.scope.${may}`)
    const section = SECTIONS.find((s) => s === v)
    if (key === 'section' && section) return t(`admin.section.${section}`)
    const method = CALENDAR_METHODS.find((m) => m === v)
    if (key === 'method' && method) return t(`admin.calendar.methodOf.${method}`)
    const sync = TEAMS_SYNC.find((s) => s === v)
    if (key === 'sync' && sync) return t(`admin.teams.sync.${sync}`)
    const access = TEAMS_ACCESS.find((s) => s === v)
    if (key === 'access' && access) return t(`admin.teams.accessOf.${access}`)
    const role = ROLES.find((r) => r === v)
    if (key === 'role' && role) return t(`admin.persons.role.${role}`)
    const status = STATUSES.find((s) => s === v)
    if (['status', 'permitted'].includes(key) && status) return t(`status.${status}`)
    return shipped(text, t)
  }
  const field = (path: string[]) => path.map(part).join(' › ')
  return {
    action: (action: string): string => {
      const known = ACTIONS.find((a) => a === action)
      return known ? t(`admin.audit.action.${known}`) : action
    },
    field,
    value,
    /** Identifiers say nothing where the name stands beside them (named); what is not so is not said. */
    fact: ({ path, value: v }: Fact, named: boolean): string | undefined => {
      if (
        v === false ||
        (path.length === 1 && ['token', 'location', 'group', 'calendar'].includes(path[0] ?? '')) ||
        (path.length === 1 && path[0] === 'connector' && named)
      )
        return undefined
      return v === true ? field(path) : t('admin.audit.fact', { field: field(path), value: value(path, v) })
    },
  }
}

export function useAuditWords(names: Names) {
  const { t } = useTranslation()
  return auditWords(t, names)
}
