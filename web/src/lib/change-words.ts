import type { TFunction } from 'i18next'
import type {
  EventName,
  Forwarding,
  Level,
  Program,
  Schemas,
  ShowAs,
  Status,
  TeamsAccess,
  TeamsSync,
  Template,
} from './model'
import type { Change, Use } from './scope'
import { shipped } from './shipped'

/** What a profile does with the telephone. */
export function forwardingWords(f: Forwarding, t: TFunction): string {
  if (f.action !== 'forward') return t(`profiles.action.${f.action}`)
  return t('profiles.forwardTo', {
    to: f.target === 'number' ? f.number : t(`profiles.targets.${f.target ?? 'number'}`),
  })
}

/** What an event does; name finds the name of a profile by its ID. */
export function eventWords(v: Schemas['OnEvent'], name: (id: string) => string, t: TFunction): string {
  if (!v.on) return t('settings.nothing')
  return v.minutes ? t('settings.minutesValue', { profile: name(v.profile), count: v.minutes }) : name(v.profile)
}

/** The place that uses a template, as a few words. */
export function placeWords(use: Use, t: TFunction): string {
  if (use.startsWith('telephony.')) return t('admin.templates.use.code')
  return use === 'calendar.profile'
    ? t('admin.templates.use.calendar')
    : t(`admin.templates.use.${use.slice('activation.'.length) as EventName}`)
}

/** Status, text and forwarding of a template in one line. */
export function templateWords(f: Template, t: TFunction): string {
  return [
    t(`status.${f.status}`),
    f.text && shipped(f.text, t),
    forwardingWords(f.forwarding, t),
    t(`admin.templates.users.${f.user_forwarding}`),
    !f.active && t('admin.templates.inactive'),
  ]
    .filter(Boolean)
    .join(' · ')
}

/** A difference for reading: what it is about, what it was and what it will be. */
export type Words = { label: string; before?: string; after?: string }

/** name finds the name of a template by its ID, before and after the change, and system that of an outside system. */
export function changeWords(
  c: Change,
  name: (id: string) => string,
  t: TFunction,
  system: (id: string) => string = (id) => id,
): Words {
  const words = (label: string, say: (v: never) => string): Words => ({
    label,
    before: c.before === undefined ? undefined : say(c.before as never),
    after: c.after === undefined ? undefined : say(c.after as never),
  })
  const yes = (v: boolean) => t(v ? 'settings.yes' : 'settings.no')
  const listed = (v: string[]) => v.join(', ') || t('admin.changes.none')
  if (c.field === 'individual')
    return words(t('admin.scope.choice'), (v: boolean) => t(v ? 'admin.scope.individual' : 'admin.scope.default'))
  switch (c.section) {
    case 'feature':
      return words(t('admin.feature.enabled'), yes)
    case 'templates': {
      const of = shipped(c.of ?? '', t)
      if (c.field === 'added')
        return words(t('admin.changes.added', { name: of }), (v: Template) => templateWords(v, t))
      if (c.field === 'removed')
        return {
          ...words(t('admin.changes.removed', { name: of }), (v: Template) => templateWords(v, t)),
          after: t('admin.changes.gone'),
        }
      if (c.field === 'order')
        return words(t('admin.changes.order'), (v: string[]) => v.map((x) => shipped(x, t)).join(', '))
      const label = t('admin.changes.of', { name: of, field: t(`admin.templates.field.${c.field as 'name'}`) })
      const say: Record<string, (v: never) => string> = {
        name: (v: string) => shipped(v, t),
        active: yes,
        status: (v: Status) => t(`status.${v}`),
        text: (v: string) => (v ? shipped(v, t) : t('admin.changes.none')),
        forwarding: (v: Forwarding) => forwardingWords(v, t),
        user_forwarding: (v: Template['user_forwarding']) => t(`admin.templates.users.${v}`),
      }
      return filled(words(label, say[c.field] ?? String), t)
    }
    case 'activation': {
      const event = t(`settings.event.${c.of as EventName}`)
      if (c.field === 'user_may_change')
        return words(t('admin.changes.of', { name: event, field: t('admin.activation.users') }), (v: boolean) =>
          t(v ? 'admin.activation.may' : 'admin.activation.cannot'),
        )
      return words(event, (v: Schemas['OnEvent']) => eventWords(v, name, t))
    }
    case 'own_profiles':
      return c.field === 'allowed'
        ? words(t('admin.ownProfiles.allowed'), yes)
        : words(t('admin.ownProfiles.permitted'), (v: Status[]) => listed(v.map((s) => t(`status.${s}`))))
    case 'calendar': {
      if (c.field === 'user_may_change')
        return words(t('admin.activation.users'), (v: boolean) =>
          t(v ? 'admin.activation.may' : 'admin.activation.cannot'),
        )
      if (c.field === 'method')
        return words(t('admin.calendar.method'), (v: 'local' | 'central') => t(`admin.calendar.methodOf.${v}`))
      if (c.field === 'connector' || c.field === 'accounts')
        return filled(words(t(`admin.calendar.${c.field}`), system), t)
      if (c.field === 'own_calendars') return words(t('admin.calendar.own'), yes)
      const label = t(`settings.options.${c.field as 'all_day'}`)
      if (c.field === 'profile') return words(label, (v: string) => name(v))
      if (c.field === 'show_as') return words(label, (v: ShowAs[]) => listed(v.map((x) => t(`showAs.${x}`))))
      return words(label, (v: boolean | number) => (typeof v === 'number' ? String(v) : yes(v)))
    }
    case 'teams':
      if (c.field === 'sync') return words(t('admin.teams.what'), (v: TeamsSync) => t(`admin.teams.sync.${v}`))
      if (c.field === 'user_may_change')
        return words(t('admin.activation.users'), (v: boolean) =>
          t(v ? 'admin.activation.may' : 'admin.activation.cannot'),
        )
      if (c.field === 'access')
        return words(t('admin.teams.access'), (v: TeamsAccess) => t(`admin.teams.accessOf.${v}`))
      if (c.field === 'remember') return words(t('admin.teams.remember'), yes)
      if (c.field === 'keep_minutes') return words(t('admin.teams.keep'), String)
      return filled(words(t('admin.calendar.application'), system), t)
    case 'telephony':
      if (c.field === 'codes')
        return filled(
          words(t('admin.telephonyOf.codes'), (v: Schemas['Code'][]) =>
            listed(v.map((x) => t('admin.telephonyOf.codeOf', { code: x.code, profile: name(x.profile) }))),
          ),
          t,
        )
      return filled(
        words(t(c.field === 'connector' ? 'admin.telephonyOf.connector' : 'admin.telephonyOf.by'), system),
        t,
      )
    case 'microphone': {
      if (c.field === 'enabled') return words(t('admin.microphone.enabled'), yes)
      const of = c.of?.trim() || t('admin.microphone.unnamed')
      const row = ({ alias, active }: Program) =>
        `${alias.trim() || t('admin.changes.none')}${active ? '' : ` (${t('admin.templates.inactive')})`}`
      if (c.field === 'added') return words(t('admin.microphone.added', { name: of }), row)
      if (c.field === 'removed')
        return { ...words(t('admin.microphone.removed', { name: of }), row), after: t('admin.changes.gone') }
      const label = t('admin.changes.of', { name: of, field: t(`admin.microphone.field.${c.field as 'alias'}`) })
      return words(label, c.field === 'active' ? yes : (v: string) => v.trim() || t('admin.changes.none'))
    }
    case 'relationships':
      return c.field === 'default'
        ? words(t('admin.relationships.default'), (v: Level) => t(`relationships.level.${v}`))
        : words(t('admin.relationships.extendOnly'), yes)
  }
}

/** A text that is left out is an empty one. */
function filled(w: Words, t: TFunction): Words {
  const none = t('admin.changes.none')
  return { label: w.label, before: w.before ?? none, after: w.after ?? none }
}

/**
 * What saving does beside the change itself, as far as the rules say it without looking at anybody: own values that
 * users may not change any more are discarded (P9), and without the feature there is no presence (P10).
 */
export function consequences(changes: Change[], people: number | undefined, t: TFunction): string[] {
  const said: string[] = []
  for (const c of changes) {
    if (c.field === 'user_may_change' && c.after === false)
      said.push(
        t('admin.consequence.discarded', {
          what: c.of ? t(`settings.event.${c.of as EventName}`) : t(`admin.section.${c.section}`),
        }),
      )
    if (c.section === 'feature' && c.field === 'enabled')
      said.push(t(c.after ? 'admin.consequence.on' : 'admin.consequence.off', { count: people ?? 0 }))
    if (c.section === 'own_profiles' && c.field === 'allowed' && c.after === false)
      said.push(t('admin.consequence.ownProfiles'))
    if (c.section === 'calendar' && c.field === 'method') said.push(t(`admin.consequence.${c.after as 'local'}`))
    if (c.section === 'calendar' && c.field === 'accounts' && c.before && c.after !== undefined)
      said.push(t('admin.consequence.accounts'))
    if (c.section === 'teams' && c.field === 'sync') said.push(t(`admin.consequence.teams.${c.after as TeamsSync}`))
    if (c.section === 'teams' && c.field === 'access') said.push(t(`admin.consequence.teams.${c.after as TeamsAccess}`))
    if (c.section === 'teams' && c.field === 'connector' && c.before && c.after)
      said.push(t('admin.consequence.teams.moved'))
    if (c.section === 'telephony' && c.field === 'connector')
      said.push(t(c.after ? 'admin.consequence.telephony.lines' : 'admin.consequence.telephony.noLines'))
    if (c.section === 'telephony' && c.field === 'forwarding')
      said.push(t(c.after ? 'admin.consequence.telephony.forwarded' : 'admin.consequence.telephony.notForwarded'))
    if (c.section === 'microphone' && c.field === 'enabled' && c.after) said.push(t('admin.microphone.with'))
    if (c.section === 'relationships' && c.field === 'default') said.push(t('admin.consequence.relationships'))
  }
  return said
}

/** What the server says that changes would do now, in words. */
export function counted(c: Schemas['Consequences'], t: TFunction): string[] {
  return [
    c.presence
      ? t('admin.consequence.presence', { count: c.presence })
      : t('admin.consequence.noPresence', { count: c.people }),
    ...(c.forwarding ? [t('admin.consequence.forwarding', { count: c.forwarding })] : []),
    ...(c.missing_numbers ? [t('admin.consequence.missingNumbers', { count: c.missing_numbers })] : []),
    ...(c.discarded ? [t('admin.consequence.lose', { count: c.discarded })] : []),
  ]
}
