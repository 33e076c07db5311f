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
  systemNamed: 'the settings of %s name it; choose something else there first',
  noSystem: '%q is no system that holds calendars',
  noAccounts: '%q is no system with which users connect accounts',
  teamsNeeded: 'must be given: the application at Microsoft 365',
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
  certOtherName: 'The certificate of %s is made out to another name.',
  certExpired: 'The certificate of %s has expired or is not valid yet.',
  certUnknown: 'The certificate of %s comes from an authority this server does not know.',
  certInvalid: 'The certificate of %s is not valid.',
  notHTTPS: '%s does not speak https on this port.',
  noServer: 'There is no server with the name %s.',
  nameNotNow: 'The name %s cannot be looked up at the moment.',
  connectionRefused: '%s refuses the connection.',
  noWay: 'There is no way through the network to %s.',
  notReached: '%s cannot be reached.',
  brokeOff: 'The connection to %s broke off.',
  slowAnswer: '%s did not answer in full within %v.',
  otherNetwork: '%s is in a network that this server may not reach; an administrator can allow it.',
  notInTime: 'It was not answered in time.',
  tryMinutes: 'Try again in a few minutes.',
  configBreaksOff: 'the file is empty or breaks off',
  configNoXML: 'the file is not XML, or is damaged',
  configOther: 'this is no CalendarSyncExchange.config.xml: it does not begin with <configuration>',
  configNoObject: 'the element advise has no attribute Object',
  configSilent:
    'the file does not say how changes are heard of: there is no configuration/calendar_sync/exchange/events/advise in it',
  configTwice: 'the file says more than once how changes are heard of',
  configUnknown: 'advise has the Object %q, where EwsStream and EwsPull are known',
  notRelayed: '%s answers, but not as Exchange does. A page to sign in at or a firewall may stand in between.',
  readerNotAccepted: '%s did not accept the account that reads calendars, or its password.',
  ewsForbidden: '%s does not allow programs to read this mailbox through Exchange Web Services.',
  ewsAbsent: '%s has no Exchange Web Services at this address.',
  ewsElsewhere:
    '%s sends on to another address. Enter the address of Exchange Web Services itself, which ends in /EWS/Exchange.asmx.',
  readerBlocked: 'The account that reads calendars is blocked.',
  serverBusy: '%s is busy and asked to be left alone for a while.',
  serverTrouble: '%s has a problem at the moment (%d).',
  actFailed:
    'Exchange could not let the account that reads calendars act for this mailbox. Its user account may be disabled, or in a domain that is not trusted.',
  nobodyThere: 'Exchange knows nobody with this address.',
  noSMTP: 'Exchange does not take this for an e-mail address.',
  ownerDisabled: 'The account of this mailbox is disabled in Exchange.',
  readerNotLetIn: 'The account that reads calendars is not one that Exchange lets in.',
  noMoreSubscriptions: 'Exchange allows no further subscription for this mailbox at the moment.',
  delegateUntold: 'Exchange tells of no changes to accounts that read a calendar as a delegate. It is polled.',
  domainNotSearched:
    'No Exchange server is looked up for the mail domain of this address. An administrator can add the domain.',
  autodiscoverNobody: 'Autodiscover on %s knows no mailbox with this address.',
  kerberosPassword: 'The domain controller does not accept the password of the account that reads calendars.',
  kerberosNobody: 'The domain controller does not know the account that reads calendars.',
  kerberosLocked: 'The account that reads calendars is disabled or locked.',
  kerberosClock: 'The clock of this server and that of the domain controller differ too much for Kerberos.',
  kerberosSilent: 'No domain controller answers.',
  answersPlainly: 'it answers, without encryption',
  knownOne: 'it is known, with 1 address',
  knownMany: 'it is known, with %d addresses',
  nextDayOne: 'it can be read: 1 appointment in the next 24 hours',
  nextDayMany: 'it can be read: %d appointments in the next 24 hours',
  servedAt: 'the mailbox is served at %s',
  autodiscoverGood: 'it answers, and lets the account in',
  letIn: 'the account %s is let in by %s',
  mayAct: 'the account may act for %s',
  calendarThere: 'the calendar is there',
  noneAskedFor: 'none are asked for: calendars are read every %v',
  subscribable: 'changes can be subscribed to',
  untouched: 'nothing asked to be left alone; at most %d requests are made to a server at the same time',
  fixNameServer: 'See that the name server this machine uses knows %s, or enter an address it knows.',
  fixRuns: 'See that %s runs, and that no firewall stands between it and this server.',
  fixAuthority:
    'Enter the certificate of the authority that issued it as one to trust, or have Exchange use a certificate of a public authority.',
  fixExchangeName: 'Enter the name that the certificate is made out to, or have Exchange use a certificate for %s.',
  fixExchangeRenew: 'Renew the certificate on the Exchange server, and look at the clocks of both machines.',
  fixReader:
    'Enter account, domain and password again; see that the account is not locked (Unlock-ADAccount), and that no proxy between here and Exchange takes TLS apart, which a sign-in bound to the connection does not bear.',
  fixKerberos:
    "Enter account, domain and password again, and see that a name of the service HTTP/ and the server's name is registered (setspn -L).",
  fixEWS:
    'See that this is the address of Exchange Web Services, which ends in /EWS/Exchange.asmx, and that no proxy that asks for a sign-in of its own stands before it.',
  fixDomain: 'Add the mail domain of the address to those for which servers are looked up.',
  fixPrimary:
    "See that this is the mailbox's primary address, and that the mailbox is on this Exchange organisation's own servers.",
  fixNotify: 'Try again later. If it stays, choose pull in place of stream, or none.',
  entraReached: 'Entra ID is reached by an encrypted connection and knows the directory.',
  entraNoDirectory: 'Entra ID answers, but knows no directory %s.',
  graphReached: 'Microsoft Graph is reached by an encrypted connection.',
  appSignedIn: 'The application signed in.',
  appSecretWrong: "Microsoft 365 does not accept the application's secret.",
  appSecretExpired: "The application's secret has expired.",
  appUnknown: 'The directory knows no application with this ID.',
  appOff: 'The application is switched off in the directory.',
  appCertUnknown: "Microsoft 365 does not know the application's certificate, or it has expired.",
  noDirectory: 'There is no directory with this ID.',
  secretEndUnknown:
    'When the secret ends is not known here: only an application with the permission Application.Read.All may read it. It is on the page Certificates & secrets of the app registration.',
  mayReadAll: 'The application may read the calendars of the whole directory (%s).',
  mayReadBusy: 'The application may read when people are busy, but no subjects (%s).',
  mayFindAll: 'The application may find people by all of their addresses (%s).',
  mailboxThere: 'The mailbox is there.',
  mailboxNone: 'There is no mailbox with this address%s.',
  mailboxNotOnline: 'The user is there, but has no mailbox in Exchange Online%s.',
  mailboxPolicy: 'An application access policy keeps the application from this mailbox%s.',
  mailboxNoRight: 'The application may not read this mailbox%s.',
  graphTells: 'Microsoft 365 reaches this server, and tells it of changes.',
  graphCannotTell:
    'Microsoft 365 could not reach this server at its address for notifications. Calendars are polled until it can.',
  onlineNobody: 'Microsoft 365 knows no mailbox with this address.',
  onlineNotHere:
    'The user has no mailbox in Microsoft 365: it may be on an Exchange server of your own, or without a licence.',
  teamsInStep: '%d people are kept in step with Teams, %d of them are found there',
  teamsSilent: 'Teams is not heard any more',
  teamsNobody: 'Microsoft 365 knows nobody with the address %s, or they have no licence for Teams.',
  teamsMayRead: "The application may read everybody's presence in Teams (%s).",
  teamsMayNotRead: 'The application may not read presence in Teams.',
  teamsMaySet: "The application may set everybody's presence in Teams (%s).",
  teamsMayNotSet: 'The application may not set presence in Teams. Calls and do not disturb are then not shown there.',
  teamsMayFind: 'The application may find people by the name they sign in with and by their first e-mail address (%s).',
  teamsMayNotFind:
    'The application may not look people up. Presence is asked for by their IDs in the directory, which are found in no other way.',
  teamsUser: 'The user is there.',
  teamsNoUser: 'Microsoft 365 knows nobody with this address.',
  teamsNoPresence: 'The user has no presence in Teams.',
  teamsRead: 'The presence can be read.',
  teamsWritten: 'The presence can be set, and cleared again.',
  teamsConsent:
    'People who connect an account of their own are asked for %s. Where they may not agree themselves, an administrator does it for all: in the Entra admin center open App registrations, the application %s, API permissions, Add a permission, Microsoft Graph, Delegated permissions, choose these, then Grant admin consent.',
  fixLicence: 'Give the user a licence that includes Teams.',
  fixTeamsAddress:
    "Compare the address with the user's page in the Microsoft 365 admin center: it must be the user name or the first e-mail address there.",
  fixGrant:
    'In the Entra admin center open App registrations, the application %s, API permissions, Add a permission, Microsoft Graph, Application permissions, choose %s, then Grant admin consent. Changes take up to an hour to take effect.',
  signInOver: 'The sign-in with Microsoft 365 is not valid any more.',
  signInExpired: 'The sign-in has expired.',
  signInWithdrawn: 'The sign-in was withdrawn.',
  connectAgain: 'Connect the account again.',
  teamsReadForbidden:
    'The application may not read the presence in Teams. An administrator can grant it the application permission Presence.Read.All.',
  teamsSetForbidden:
    'The application may not set the presence in Teams. An administrator can grant it the application permission Presence.ReadWrite.All.',
  teamsFindForbidden:
    'The application may not look people up in the directory. An administrator can grant it the application permission User.ReadBasic.All.',
  teamsReadUnsigned:
    'Microsoft 365 does not allow the presence in Teams to be read with this sign-in. Connect the account again, and agree that presence may be read.',
  teamsSetUnsigned:
    'Microsoft 365 does not allow the presence in Teams to be set with this sign-in. Connect the account again, and agree that presence may be set.',
  teamsUnlicensed:
    'Microsoft 365 knows no presence of this user: there is no such user, or none with a licence for Teams.',
  teamsAnother:
    'Somebody else here uses the same account of Microsoft 365. It can be kept in step with one person only.',
  teamsNoAddress: 'There is no e-mail address by which to find this person in Microsoft 365.',
  teamsNoAccount: 'No account is connected. Connect the account again.',
  graphDamaged: 'Microsoft 365 gave an answer that is damaged.',
  graphSilent: 'Microsoft 365 does not answer at the moment.',
  graphWait: 'Microsoft 365 asks this server to wait before it asks again.',
  teamsRefused: 'Microsoft 365 refuses to hand out the presence in Teams.',
  teamsTrouble: 'Microsoft 365 has a problem with the presence in Teams at the moment.',
  teamsWait: 'Microsoft 365 asks this server to wait before it asks about this user again.',
  teamsNotThisUser:
    'Microsoft 365 does not allow the application to do that for this user, although it has the permission %s.',
  signInNotNow: 'Microsoft 365 does not accept the sign-in at the moment.',
  signInPassword: 'The sign-in was withdrawn, perhaps because the password was changed.',
  signInUnused: 'The sign-in has expired, because it was not used for a long time.',
  signInInvalid: 'The sign-in is not valid any more.',
  consentMissing: 'Nobody has agreed yet to what the application asks for.',
  fixNewSecret:
    'Make a new client secret on the page Certificates & secrets of the app registration, and enter its value.',
  fixSecretValue:
    'Make a new client secret on the page Certificates & secrets of the app registration, and enter its value, not its ID.',
  fixUpload: 'Upload the certificate on the page Certificates & secrets of the app registration.',
  fixTenant: 'Compare the directory (tenant) ID with the overview page of the app registration, and the cloud.',
  fixAlias: "Compare the address with the user's page in the Microsoft 365 admin center.",
  serverAnswers: 'The server answers.',
  serverAnswersBadly: 'The server answers, but has a problem at the moment (%d).',
  encrypted: "The connection is encrypted, and the certificate is the server's.",
  notEncrypted:
    'The connection is not encrypted, as was allowed: the password and all appointments can be read on the way.',
  dominoRefuses: 'The server does not accept the user name or the password.',
  dominoRefusesReader:
    'The Domino server does not accept the user name or the password of the account that reads calendars. An administrator has to correct them.',
  dominoBasic: 'The technical user signs in with HTTP Basic.',
  dominoForm: "The technical user signs in with the server's form: it does not take HTTP Basic.",
  dominoNoServices: 'The server has no Domino Access Services (404).',
  dominoServicesOff: 'Domino Access Services are not enabled on this server (403).',
  dominoServiceOff: 'The calendar service is there, but not enabled.',
  dominoServiceOn: 'The calendar service is enabled.',
  dominoDisabled:
    'The calendar service is not enabled on the Domino server. An administrator has to add it to the enabled services of Domino Access Services.',
  fileThere: 'The mail file %s is there.',
  fileNotThere: 'There is no mail file %s on this server%s.',
  fileNone: 'There is no mail file for this user where it should be on the Domino server.',
  fileRead: 'The technical user may read the mail file.',
  fileDenied: 'The technical user may not read the mail file%s.',
  fileNoRight:
    "The account that reads calendars may not read this mail file. An administrator has to give it reader access in the file's access control list.",
  entriesRead: 'The calendar can be read: %d entries from yesterday to the day after tomorrow.',
  appointmentsRead: 'The calendar can be read: %d appointments from yesterday to the day after tomorrow.',
  fileUntold: "It cannot be told from the user's address where the mail file is.",
  noEmail: 'It is not known which mail file is to be read: the user has no e-mail address.',
  fixFile:
    "Compare it with the field Mail file in the user's person document in the Domino directory, and with Mail server there: a mail file on another server needs a connector of its own. On Linux the case of letters matters.",
  fixReadAccess:
    'Give %q reader access in the access control list of %s (in Domino Administrator: Files, the mail files, Access Control, Manage; many can be chosen at once). On its page Advanced, the maximum for Internet name and password must be reader at least.',
  fixService:
    "Enable it in the Domino directory. With Internet Site documents: Web, Internet Sites, the web site's document, Configuration, Domino Access Services, Enabled services: add Calendar. Without: in the server document, Internet Protocols, Domino Web Engine, Domino Access Services, Enabled services. Then enter on the server's console: restart task http",
  fixInternetPassword:
    'Correct the user name and the password here. The password is the Internet password in the person document of the technical user in the Domino directory; the user name is its full name, its short name or its e-mail address. Too many wrong passwords lock a user out: look at the view Internet Lockout of inetlockout.nsf.',
  fixDominoName:
    'Give the Domino server a certificate that is made out to this name and comes from an authority this server trusts, or have this server trust the authority. Where the address names a host that others share, enter the name that the certificate has.',
  dominoAddress: 'is no address such as https://mail.example.com',
  dominoNoName: 'must not contain a user name or a password: they have fields of their own',
  dominoEnds: 'must end before the ? or #',
  dominoServerOnly: 'must be that of the server only: where the mail files are is said by mail_file',
  dominoHTTPS:
    'must begin with https://, because the password goes over the network; http:// has to be allowed expressly',
  beginHTTPS: 'must begin with https://',
  noUserName: 'is no user name',
  noColon: 'must not contain a colon (RFC 7617)',
  noPasswordCharacters: 'contains characters that no password has',
  filePlaceholder: '%s is not one of {login}, {local}, {email}',
  fileSame: 'must contain one of {login}, {local}, {email}: without, everybody would have the same mail file',
  fileBrace: 'has a brace without its other one',
  filePath: 'is no path such as mail/{local}.nsf',
  fileNSF: 'must end in .nsf',
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
