/** The calendars of a person: what can be done with one, and who is asked to connect an account. Pure. */
import type { Schemas } from './model'

export type Calendar = Schemas['Calendar']

/** Calendars that people enter, and change, themselves. */
export const isEntered = (c: Pick<Calendar, 'kind'>): c is { kind: 'ics' | 'caldav' } =>
  c.kind === 'ics' || c.kind === 'caldav'

/** What somebody may do with a calendar; whoever may not enter any may still take leave of one. */
export function mayDo(
  c: Pick<Calendar, 'kind' | 'central'>,
  allowed: boolean,
): { edit: boolean; remove: boolean; read: boolean } {
  const entered = isEntered(c)
  return {
    edit: !c.central && entered && allowed,
    remove: !c.central && (!entered || allowed),
    // Who hands a calendar over does so by itself (Sync in internal/agenda/calendars.go).
    read: c.kind !== 'local',
  }
}

/** The applications whose accounts are not connected yet, where somebody is asked to connect one. */
export function toConnect({ accounts, calendars }: Pick<Schemas['Calendars'], 'accounts' | 'calendars'>) {
  return accounts.filter((a) => !calendars.some((c) => c.kind === 'graph_account' && c.connector === a.id))
}

/** Whether to ask for an account on the main page: none is connected, and one may be. */
export const asksForAccount = (c: Pick<Schemas['Calendars'], 'accounts' | 'calendars'>): boolean =>
  c.accounts.length > 0 && !c.calendars.some((x) => x.kind === 'graph_account')

/** Why an account was not connected (accountRefused in internal/api/account.go). */
export const ACCOUNT_REFUSALS = ['denied', 'expired', 'provider', 'switchedoff'] as const
export type AccountRefusal = (typeof ACCOUNT_REFUSALS)[number]
