/** HCL Domino: what a form of it sends. Pure. */
import type { Connector, ConnectorBody } from './connector'
import type { Schemas } from './model'

export type Domino = Schemas['Domino']

/** Requests at the same time where nothing is entered (defaultLimit in internal/source/domino). */
export const LIMIT = 10

/** What a form holds: a password that nobody reads. */
export type DominoDraft = {
  name: string
  enabled: boolean
  /** Empty: as before. */
  secret: string
  domino: Domino
}

export const freshDomino: DominoDraft = {
  name: '',
  enabled: true,
  secret: '',
  domino: { url: '', account: '', mail_file: 'mail/{local}.nsf' },
}

export const dominoDraft = (c: Connector): DominoDraft => ({
  name: c.name,
  enabled: c.enabled,
  secret: '',
  domino: { ...freshDomino.domino, ...c.domino },
})

export function dominoBody({ name, enabled, secret, domino: x }: DominoDraft): ConnectorBody {
  return {
    kind: 'domino',
    name: name.trim(),
    enabled,
    secret: secret || undefined,
    domino: {
      url: x.url.trim(),
      account: x.account.trim(),
      mail_file: x.mail_file.trim(),
      certificates: x.certificates?.trim() || undefined,
      plaintext: x.plaintext || undefined,
      limit: x.limit || undefined,
    },
  }
}

/** What the server would say too (New in internal/source/domino), before anything is sent. */
export function dominoMissing(d: DominoDraft, kept: boolean): ('url' | 'account' | 'secret' | 'mail_file')[] {
  const all: ReturnType<typeof dominoMissing> = []
  if (!d.domino.url.trim()) all.push('url')
  if (!d.domino.account.trim()) all.push('account')
  if (!kept && !d.secret) all.push('secret')
  if (!d.domino.mail_file.trim()) all.push('mail_file')
  return all
}

/** By what a check finds somebody's mail file (mailbox in internal/connector/domino.go). */
export const foundBy = (x: Pick<Domino, 'mail_file'> | undefined): 'login' | 'email' =>
  x?.mail_file.includes('{login}') ? 'login' : 'email'
