/** Sentences that the server sends in English, so that they can be said in other languages. Pure. */

/** As they stand in the Go sources; a test finds them there. The words for each are in the message files. */
export const SENTENCES = {
  unmarked: "something went wrong here; the server's log says what",
  notAcceptable: '%d fields are not acceptable',
  peopleInLocation: '%d people still belong to the location',
  peopleInGroup: '%d people still belong to the configuration group',
  administrators: '%d people still administer the location',
  tooManyAttempts: 'too many attempts; try again in %d seconds',
  jobsAtWork: '%d such jobs are at work already; wait for one to end',
  unusual: '%d of %d people of the directory would be blocked; nothing was changed. If that is right, say so',
  empty: 'must not be empty',
  taken: '%q is taken',
  takenAlready: '%q is taken already',
  takenInLocation: '%q is taken in this location',
  tooLong: 'has %d characters; at most %d are allowed',
  tooShort: 'has %d characters; at least 10 are needed',
  oneLine: 'must be one line of at most 120 characters',
  loginForm: 'must be at most 120 characters without spaces',
  noAddress: '%q is no address',
  numberForm: 'must hold digits and + - / ( ) . * # only',
  noDigit: 'holds no digit',
  roleWord: '%q is none of user, location_admin, admin',
  languageWord: '%q is none of en, de',
  needsLocations: 'must name a location for an administrator of locations',
  noLocation: 'there is no location %q',
  noGroupThere: 'there is no configuration group %q in that location',
  noPerson: 'there is no person %q',
  noZone: '%q is no IANA time zone, such as Europe/Berlin',
  noTemplate: '%q is no active template',
  meanwhile: 'the section %s was changed meanwhile by somebody else; look at it again',
  processSpace: 'must be a name without space around it',
  processFile: 'must be without folder and .exe',
  listedTwice: '%s is listed twice',
  aliasLine: 'must be one line of at most 60 characters',
  minutesRange: '%d is not between 1 and 1440',
  byAdministrator: 'is set by the administrator and cannot be changed',
  lastAdministrator: 'this is the last administrator who can sign in; make somebody else an administrator first',
  notYourself: 'you cannot take the administration away from yourself',
  notDeleteYourself: 'you cannot delete yourself',
  rolesGiven: 'roles are given by system administrators',
  administersMore: '%s administers more than you do',
  ofTheLocation: 'this is for administrators of the location',
  forAdministrators: 'this is for administrators',
  mayNotGoOn: 'whoever began this may not go on with it',
  wrongLogin: 'login or password is wrong',
  notThePassword: 'is not the password',
  directoryPassword: '%s signs in with the password of a directory',
  noLoginYet: '%s has no login yet',
  isBlocked: '%s is blocked',
  linkUsed: 'the link was used already, has expired, or was replaced by a newer one',
  accountDisabled: 'the account is disabled in the directory',
  accountLocked: 'the account is locked in the directory for a while',
  accountExpired: 'the account or its password has expired in the directory',
  directoryNotAsked: 'the directory cannot be asked at the moment',
  directoryOff: 'the directory is not used at the moment',
  switchedOff: 'presence management is switched off for %s',
  statusOrProfile: 'give either a status or a profile',
  notPermitted: '%s is not permitted here',
  vipAlone: '%s is a VIP and sets relationships alone',
  ownProfilesOff: 'own profiles are not allowed here',
  ownCalendarsOff: 'own calendars are not allowed here',
  again: 'must be given again for another server',
  busy: 'the server is busy',
  stopping: 'the server is stopping',
  notStored: 'the change could not be stored; nothing was changed',
  csvHeading: 'the first line must name the columns, such as login,name,email,location',
  csvColumn: 'there is no column %q; there are %s',
  csvTwice: 'the column %s is there twice',
  csvLogin: 'a column login is needed: it tells people apart',
  csvRows: 'has more than %d rows',
  csvLine: 'line %d cannot be read: %v',
  csvCells: 'has %d cells; the heading has %d',
  csvAgain: 'stands in line %d already',
  yesNo: '%q is neither yes nor no',
  importBroken: 'the import was broken off; what was entered until then stays',
  listsRead: 'other lists are being read; try again in a moment',
  syncBroken: 'the synchronisation was broken off; what was entered until then stays',
  syncRunning: 'a synchronisation of this directory is under way',
  unreachable: 'the directory cannot be reached: %v',
  notWhole: 'the directory could not be read whole, so nothing was changed: %v',
  secretAgain: 'must be given again for other servers, or another way to them',
  settingsUnusable: 'its settings cannot be used; enter them again',
  otherKey: 'its password cannot be read: it was sealed with another key file; enter it again',
  noCertificate: 'holds no certificate in PEM form',
  addressNeeded: 'at least one address is needed, such as ldaps://ldap.example.com',
  addressForm: 'an address looks like ldaps://ldap.example.com or ldap://ldap.example.com:389',
  addressEnds: 'an address ends after host and port: account and base are fields of their own',
  noAccount: 'there is a password, but no account it belongs to',
  noSecret: 'the account that reads has no password',
  notDN: 'this is not a distinguished name, such as dc=example,dc=com',
  notGroupDN: 'this is not a distinguished name, such as ou=groups,dc=example,dc=com',
  notFilter: 'this is not a filter, such as (objectClass=person)',
  notAttribute: '%q is not the name of an attribute',
  readable: 'passwords would cross the network readable: use ldaps:// or StartTLS, or allow it expressly',
  entryNoID: '%s has no identifier',
  entryNoLogin: '%s has no login',
  entryToo: '%s has it too',
  entryOther: 'is that of somebody from another directory, or of somebody who has another there now',
  entryAdmin: 'is that of an administrator who was entered here; rename one of the two',
  entryPlace: 'no place is said for the groups of %s',
  fixName: 'Check the spelling, and that this computer asks the name servers that know the directory.',
  fixPort: 'Check that the directory runs, the port (389 for ldap://, 636 for ldaps://), and firewalls in between.',
  fixEncrypt: 'Use ldaps:// or StartTLS.',
  fixRenew: 'Renew the certificate, and check the clock of this computer.',
  fixTrust: 'Give the certificate of that authority, if it is yours, as trusted.',
  fixServerName:
    "Use a name of the certificate in the address, or give it as the server's name, or have a certificate made for this name.",
  fixTLS: 'Use ldap:// with StartTLS, or the port for ldaps:// (636).',
  fixLog: 'Look into the log of the directory.',
  fixAccount: 'Set the account right in the directory.',
  fixFilter: 'Check base and filter, and that the account may see people.',
  fixRead: 'Let the account read it.',
  answersWithin: 'answers within %d ms',
  people: '%d people',
  watching: '%d connections watch %d people',
  calendarsRead: '%d calendars, %d of them cannot be read; their owners are told why',
  databaseSilent: 'the database does not answer',
  mostUnread: 'more than half of them cannot be read',
  notReadInTime: 'it was not read when it was time',
  theProvider: 'the provider: %s',
  flowUntold: 'code flow; it does not tell whether it checks PKCE',
  flowPKCE: 'code flow with PKCE',
  keysRead: 'its keys can be read',
  clientKnown: 'it knows the client and takes its secret',
  logoutTold: 'it tells when somebody signs out there, if the address for it is entered there',
  logoutUntold: 'it does not tell when somebody signs out there',
  fixClient: 'Enter client ID and secret again. A secret may have expired.',
  fixFlow: 'Allow the authorization code flow.',
  fixPKCE: 'Allow PKCE with S256.',
  fixProviderLog: "See the provider's log for what it does not like.",
  fixReceiver:
    'See that the receiver runs and can be reached from this server, takes POST there, and checks the signature with the present secret.',
  receiverTakes: 'The receiver answers %d after %d ms.',
  receiverRefuses: 'The receiver answers %d %s.',
  noAnswerInTime: 'There was no answer in time.',
  viewerGood: 'The person with whose eyes it looks may be signed in.',
  viewerGone: 'The person with whose eyes it looks is blocked or gone: it is told of nobody.',
  fixViewer: 'Enter another person.',
  noSecretYet: 'it has no secret to sign with yet',
  hookAddress: 'must begin with https:// or http://, and hold no password',
  noPassword: 'you sign in without a password of this server',
  passwordMeanwhile: 'the password was changed meanwhile',
  inFuture: 'must be in the future',
  tokenExpired: 'the token has expired; an administrator makes a new one',
  connectorOff: 'this connector is switched off',
  lastPlace: 'must be absent in the last place: people come before their groups, and must belong somewhere',
  otherAccount: 'the person has another account of this provider',
  systemNamed: 'the calendar settings of %s name it; choose something else there first',
  noSystem: '%q is no system that holds calendars',
  noAccounts: '%q is no system with which users connect accounts',
  systemNeeded: 'must be given: the system that holds the calendars',
  notThatSystem: 'calendars are not read from that system here',
  notThatApplication: 'Microsoft accounts are not connected with that application here',
  notHandedOver: 'calendars are read centrally here, not handed over by programs',
  presenceOffHere: 'presence management is switched off here',
  accountBlocked: 'the account is blocked',
  centralStays: "the calendar %q is there because the administrator's settings say so",
  programHands: 'the program that hands this calendar over does so by itself',
  systemUnused: 'the system that holds this calendar is not used at the moment',
  pullSeconds: 'must be 0, or from 5 to 3600',
  noDate: '%q is no date, such as 2027-11-26',
  publicNeeded: 'needs the public address of this server: start it with public-url',
  noTenant: 'is no directory ID, which looks like 84bd8158-6d4d-4958-8b9f-9d6445542f95',
  noApplicationID: 'is no application ID, which looks like 84bd8158-6d4d-4958-8b9f-9d6445542f95',
  secretIsID:
    'is the ID of a secret; what is needed is its value, which the portal shows once, when the secret is made',
  noWebAddress: 'this is not a web address, such as https://mail.example.com/EWS/Exchange.asmx',
  addressHoldsName: 'an address holds no name and no password; they have fields of their own',
  httpsNeeded: 'has to begin with https://, or passwords and calendars can be read on the way',
  noMailDomain: 'this is not a mail domain, such as example.com',
  domainTwice: 'holds a domain, and there is a domain',
  domainInName: 'the account is a user principal name, which holds its domain',
  kerberosDomain: 'kerberos needs the domain of the account',
  noRealm: 'this is not a realm, such as EXAMPLE.COM',
  noKDC: 'this is not a server, such as dc1.example.com or 10.0.0.1:88',
  mayNotActFor:
    'The account that reads calendars may not act for this mailbox. An administrator of Exchange has to give it the role ApplicationImpersonation for it.',
  mayNotActHere:
    'The account that reads calendars may not act for others on this Exchange server. An administrator of Exchange has to give it the role ApplicationImpersonation.',
  noMailbox: 'Exchange knows no mailbox with this address.',
  notPrimary: 'This address is a further one of its mailbox. Enter the primary e-mail address.',
  mailboxNoCalendar: 'This mailbox has no calendar.',
  calendarUnseen: 'The calendar of this mailbox is not there, or the account that reads calendars may not see it.',
  calendarNoRight: 'The account that reads calendars has no right to read this one.',
  mailboxMoves: 'The mailbox is being moved to another Exchange server.',
  readerExpired: 'The password of the account that reads calendars has expired.',
  readerChange: 'The password of the account that reads calendars has to be changed.',
  exchangeBusy: 'Exchange is busy and asked to be left alone for a while.',
} as const

export type Sentence = keyof typeof SENTENCES
type Found = { sentence: Sentence; values: Record<string, string | number> }

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const VALUE = { '%d': '(-?\\d+)', '%q': '("(?:[^"\\\\]|\\\\.)*")', '%s': '(.+)', '%v': '(.+)' }

const patterns = Object.entries(SENTENCES)
  .map(([sentence, format]) => ({
    sentence: sentence as Sentence,
    format,
    pattern: new RegExp(
      `^${format
        .split(/(%[dqsv])/)
        .map((part) => VALUE[part as keyof typeof VALUE] ?? escaped(part))
        .join('')}$`,
      's',
    ),
  }))
  // What says more comes first: "%s is blocked" would take many.
  .sort((a, b) => fixed(b.format) - fixed(a.format))

function fixed(format: string): number {
  return format.replace(/%[dqsv]/g, '').length
}

/** The sentence that a text of the server is, with its values: a, b … in order, and the first number as count. */
export function sentenceOf(text: string): Found | undefined {
  for (const { sentence, format, pattern } of patterns) {
    const found = pattern.exec(text)
    if (!found) continue
    const verbs = format.match(/%[dqsv]/g) ?? []
    const values: Found['values'] = {}
    for (const [i, verb] of verbs.entries()) {
      const said = found[i + 1] ?? ''
      const value = verb === '%q' ? unquoted(said) : said
      values['abcd'[i] ?? ''] = value
      if (verb === '%d' && values.count === undefined) values.count = Number(value)
    }
    return { sentence, values }
  }
  return undefined
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text)
  } catch {
    return text.slice(1, -1) // Go knows escapes that JSON does not
  }
}
