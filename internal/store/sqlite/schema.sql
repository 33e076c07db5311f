-- schema.sql: the database as this version of the program wants it. The files in migrations lead here, and a
-- test compares. Change both.

-- 0001_office.sql: who belongs to the organisation, how they are related, what is configured.
--
-- Text keys compare by their bytes, so that lists have the same order on every engine. An absent time is NULL.
-- Columns named *_ms are Unix milliseconds, UTC. Times are arguments of a statement, never functions of it.

PRAGMA application_id = 0x446f6f72;             -- "Door": what the file is; see sqlite.go

CREATE TABLE locations (
  id        TEXT NOT NULL PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  time_zone TEXT NOT NULL                       -- IANA name
) STRICT;

CREATE TABLE groups (
  id          TEXT NOT NULL PRIMARY KEY,
  location_id TEXT NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  UNIQUE (location_id, name)
) STRICT;

CREATE TABLE sections (
  scope_id TEXT NOT NULL,                       -- locations.id or groups.id; goes with its scope
  name     TEXT NOT NULL,                       -- as in package policy
  value    TEXT NOT NULL,                       -- JSON
  PRIMARY KEY (scope_id, name)
) STRICT;

CREATE TABLE people (
  id            TEXT NOT NULL PRIMARY KEY,
  location_id   TEXT NOT NULL REFERENCES locations (id),
  group_id      TEXT REFERENCES groups (id),    -- NULL: in none
  login         TEXT UNIQUE,                    -- lower case; NULL: cannot sign in with a password
  name          TEXT NOT NULL,                  -- shown to colleagues
  email         TEXT NOT NULL,
  work_number   TEXT NOT NULL,
  mobile_number TEXT NOT NULL,
  home_number   TEXT NOT NULL,
  voicemail     TEXT NOT NULL,
  time_zone     TEXT NOT NULL,                  -- empty: the location's
  language      TEXT NOT NULL,                  -- empty: the browser's
  role          TEXT NOT NULL CHECK (role IN ('user', 'location_admin', 'admin')),
  vip           INTEGER NOT NULL CHECK (vip IN (0, 1)),
  blocked       INTEGER NOT NULL CHECK (blocked IN (0, 1)),
  password_hash TEXT NOT NULL,                  -- argon2id in PHC form; empty: none
  own           TEXT NOT NULL,                  -- JSON: the person's own settings and profiles
  created_ms    INTEGER NOT NULL,
  lines         TEXT NOT NULL DEFAULT '[]'      -- JSON: connector, line, forwards; the first is the main one
) STRICT;

CREATE TABLE work_groups (
  id    TEXT NOT NULL PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE,
  level TEXT NOT NULL                           -- rights.Level of all members to one another
) STRICT;

CREATE TABLE work_group_members (
  work_group_id TEXT NOT NULL REFERENCES work_groups (id) ON DELETE CASCADE,
  person_id     TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (work_group_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX work_group_members_person ON work_group_members (person_id);

CREATE TABLE monitoring_groups (
  id             TEXT NOT NULL PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  observer_level TEXT NOT NULL,                 -- rights.Level: what observers may see of members
  member_level   TEXT NOT NULL                  -- rights.Level: what members may see of observers
) STRICT;

CREATE TABLE monitoring_group_members (
  monitoring_group_id TEXT NOT NULL REFERENCES monitoring_groups (id) ON DELETE CASCADE,
  side                TEXT NOT NULL CHECK (side IN ('observer', 'member')),
  person_id           TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (monitoring_group_id, side, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX monitoring_group_members_person ON monitoring_group_members (person_id);

CREATE TABLE relationships (
  owner_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  viewer_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  level     TEXT NOT NULL,                      -- rights.Level, the owner's own choice
  PRIMARY KEY (owner_id, viewer_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX relationships_viewer ON relationships (viewer_id);

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- 0002_claims.sql: claims survive a restart; the presence they add up to is never stored.

CREATE TABLE claims (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  source    TEXT NOT NULL,                      -- presence.Source
  id        TEXT NOT NULL,                      -- unique within source
  status    TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  profile   TEXT NOT NULL,                      -- may be empty
  text      TEXT NOT NULL,                      -- never the subject of a private appointment
  from_ms   INTEGER NOT NULL,
  until_ms  INTEGER CHECK (until_ms >= from_ms), -- NULL: until retracted
  lease_ms  INTEGER,                            -- ends here unless refreshed; NULL: no lease
  detail    TEXT,                               -- JSON: what only some classes of source say; NULL: nothing
  PRIMARY KEY (person_id, source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE shown (                            -- presence.Shown
  person_id        TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  at_ms            INTEGER,                     -- up to when it is worked out
  off              INTEGER NOT NULL CHECK (off IN (0, 1)),
  status           TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  since_ms         INTEGER,                     -- NULL: not known
  covered_status   TEXT CHECK (covered_status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')), -- NULL: none is covered
  covered_since_ms INTEGER                      -- NULL: not known, or none is covered
) STRICT, WITHOUT ROWID;

-- 0003_calendars.sql: calendars of people, and of their resources what scheduling needs.

CREATE TABLE calendars (
  id           TEXT NOT NULL PRIMARY KEY,
  person_id    TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind         TEXT NOT NULL,                   -- 'ics', 'caldav', 'exchange', ...; open, as each new source adds one
  name         TEXT NOT NULL,
  url          TEXT NOT NULL,
  username     TEXT NOT NULL,
  password     BLOB,                            -- sealed by package secret; NULL: none
  state        TEXT NOT NULL,                   -- ETag, Last-Modified or sync token of the last success
  checked_ms   INTEGER,                         -- last attempt; NULL: never
  succeeded_ms INTEGER,                         -- last success; NULL: never
  error        TEXT NOT NULL,                   -- of the last attempt; empty: it went well
  problems     TEXT,                            -- JSON; NULL: none
  connector_id TEXT                             -- the system that holds it; NULL: none
) STRICT;

CREATE INDEX calendars_person ON calendars (person_id);

CREATE TABLE calendar_objects (
  calendar_id TEXT NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
  href        TEXT NOT NULL,
  etag        TEXT NOT NULL,
  data        BLOB NOT NULL,                    -- iCalendar; never the subject of a private appointment
  PRIMARY KEY (calendar_id, href)
) STRICT;

-- 0004_access.sql: who is signed in, which programs are let in, and who changed what.

CREATE TABLE sessions (
  hash       BLOB NOT NULL PRIMARY KEY,         -- SHA-256 of the secret
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  label      TEXT NOT NULL,                     -- such as "Firefox on Linux"
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,                  -- first instant it is no longer good for
  address    TEXT NOT NULL DEFAULT '',          -- from where it was made
  connector_id TEXT,                            -- the sign-in provider; NULL: with a password
  provider_session TEXT,                        -- as the provider calls it; NULL: it does not tell
  client     INTEGER NOT NULL DEFAULT 0 CHECK (client IN (0, 1)) -- of a desktop client
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_person ON sessions (person_id);

CREATE TABLE tokens (
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  origin     TEXT UNIQUE,                       -- label of its claims; NULL: makes none
  scopes     TEXT NOT NULL,                     -- JSON array of words
  person_id  TEXT REFERENCES people (id) ON DELETE CASCADE, -- acts for them; NULL: for the organisation
  hash       BLOB NOT NULL UNIQUE,              -- SHA-256 of the secret
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER                            -- NULL: never
) STRICT;

CREATE INDEX tokens_person ON tokens (person_id);

CREATE TABLE audit (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so it is a position to read on from
  at_ms     INTEGER NOT NULL,
  actor     TEXT NOT NULL,                      -- people.id, or 'token/' and tokens.id; empty: the system
  action    TEXT NOT NULL,                      -- such as 'settings.put'
  person_id TEXT,                               -- the person concerned, who may be gone; NULL: none
  detail    TEXT,                               -- JSON; NULL: none
  address   TEXT NOT NULL DEFAULT '',           -- from where; empty: not over the network
  location_id TEXT                              -- the location concerned, which may be gone; NULL: none
) STRICT;

CREATE INDEX audit_person ON audit (person_id, id);

-- 0005_administration.sql: who administers which location, and from where somebody changed something.

CREATE TABLE administrators (                   -- of people whose role is location_admin
  person_id   TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  location_id TEXT NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, location_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX administrators_location ON administrators (location_id);

CREATE INDEX audit_location ON audit (location_id, id);

CREATE TABLE links (                            -- with which people set a password, once
  hash       BLOB NOT NULL PRIMARY KEY,         -- SHA-256 of the secret
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links (person_id);

-- 0006_connectors.sql: outside systems, and who comes from which directory.

CREATE TABLE connectors (
  id           TEXT NOT NULL PRIMARY KEY,
  kind         TEXT NOT NULL,                   -- 'ldap'; open, as each new system adds one
  name         TEXT NOT NULL,
  enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  config       TEXT NOT NULL,                   -- JSON, without secrets
  secret       BLOB,                            -- sealed by package secret; NULL: none
  checked_ms   INTEGER,                         -- last attempt; NULL: never
  succeeded_ms INTEGER,                         -- last success; NULL: never
  error        TEXT NOT NULL,                   -- of the last attempt; empty: it went well
  report       TEXT                             -- JSON: what the last success did; NULL: nothing
) STRICT;

CREATE TABLE directory_people (                 -- who comes from which directory
  person_id    TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,
  external_id  TEXT,                              -- entryUUID, objectGUID, externalId; NULL: it gives none
  blocked      INTEGER NOT NULL CHECK (blocked IN (0, 1)), -- the directory blocked them, and may let them in again
  gone         INTEGER NOT NULL CHECK (gone IN (0, 1)), -- the directory has deleted them, and may bring them back
  UNIQUE (connector_id, external_id)
) STRICT, WITHOUT ROWID;

-- 0007_provisioning.sql: groups of providers of identities, and people whom these have deleted.

CREATE TABLE directory_groups (                 -- groups that a provider of identities maintains
  id            TEXT NOT NULL PRIMARY KEY,
  connector_id  TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  name          TEXT NOT NULL,
  external_id   TEXT NOT NULL,                  -- the provider's; empty: it gives none
  work_group_id TEXT REFERENCES work_groups (id) ON DELETE SET NULL, -- which it maintains; NULL: none
  created_ms    INTEGER NOT NULL,
  UNIQUE (connector_id, name)
) STRICT;

CREATE INDEX directory_groups_work_group ON directory_groups (work_group_id);

CREATE TABLE directory_group_members (
  directory_group_id TEXT NOT NULL REFERENCES directory_groups (id) ON DELETE CASCADE,
  person_id          TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (directory_group_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_group_members_person ON directory_group_members (person_id);

-- 0008_identities.sql: as whom sign-in providers know people, and by which provider somebody signed in.

CREATE INDEX sessions_provider ON sessions (connector_id, provider_session);

CREATE TABLE identities (                       -- as whom a sign-in provider knows people
  connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  subject      TEXT NOT NULL,                   -- the provider gives it to nobody else
  person_id    TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  created_ms   INTEGER NOT NULL,
  PRIMARY KEY (connector_id, subject),
  UNIQUE (connector_id, person_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_person ON identities (person_id);

-- 0010_teams.sql: people in Microsoft Teams: who they are there, their sign-in, and what was written there.

CREATE TABLE teams (
  person_id    TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,                   -- the application that is used, or was last
  address      TEXT NOT NULL,                   -- by which user_id was found; empty: a sign-in told it
  user_id      TEXT NOT NULL,                   -- object ID at Microsoft; empty: not known
  account      TEXT NOT NULL,                   -- user name of who signed in; empty: nobody
  token        BLOB,                            -- of the sign-in, sealed by package secret; NULL: none is remembered
  state        TEXT,                            -- JSON, as package teams understands it; NULL: nothing
  updated_ms   INTEGER                          -- NULL: not known
) STRICT;

-- 0011_forwardings.sql: what was set of lines in telephone systems, until it is taken back.

CREATE TABLE forwardings (
  connector_id TEXT NOT NULL,                   -- of the telephone system
  line         TEXT NOT NULL,                   -- as that knows it
  state        TEXT NOT NULL,                   -- JSON, as package forward understands it
  updated_ms   INTEGER NOT NULL,
  PRIMARY KEY (connector_id, line)
) STRICT, WITHOUT ROWID;

-- 0013_telephones.sql: accounts with which people's telephones sign in, and where lines are redirected for whom this server answers.

CREATE TABLE sip_accounts (
  username   TEXT NOT NULL PRIMARY KEY,         -- the name that the telephone signs in with
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose telephone it is
  name       TEXT NOT NULL,                     -- as they call it
  secret     BLOB NOT NULL,                     -- hashes of the password, sealed by package secret
  created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sip_accounts_person ON sip_accounts (person_id);

CREATE TABLE redirects (
  connector_id TEXT NOT NULL,                   -- of the SIP server that answers for the line
  line         TEXT NOT NULL,
  person_id    TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose line it was when that was set
  forwarding   TEXT NOT NULL,                   -- JSON, as package telephones understands it
  PRIMARY KEY (connector_id, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX redirects_person ON redirects (person_id);
