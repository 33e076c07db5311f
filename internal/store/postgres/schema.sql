-- schema.sql: the database as this version of the program wants it. The files in migrations lead here, and a
-- test compares. Change both.

-- 0001_office.sql: who belongs to the organisation, how they are related, what is configured.
--
-- Keys compare by their bytes (collation C), so that lists have the same order on every engine. An absent time is NULL.
-- Columns named *_ms are Unix milliseconds, UTC. Times are arguments of a statement, never functions of it.
-- A constraint UNIQUE is named after its table and the column that collides: the program reads it from there.

CREATE TABLE locations (
  id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name      TEXT COLLATE "C" NOT NULL CONSTRAINT locations_name UNIQUE,
  time_zone TEXT NOT NULL                       -- IANA name
);

CREATE TABLE groups (
  id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  location_id TEXT COLLATE "C" NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
  name        TEXT COLLATE "C" NOT NULL,
  CONSTRAINT groups_name UNIQUE (location_id, name)
);

CREATE TABLE sections (
  scope_id TEXT COLLATE "C" NOT NULL,           -- locations.id or groups.id; goes with its scope
  name     TEXT COLLATE "C" NOT NULL,           -- as in package policy
  value    TEXT NOT NULL,                       -- JSON
  PRIMARY KEY (scope_id, name)
);

CREATE TABLE people (
  id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  location_id   TEXT COLLATE "C" NOT NULL REFERENCES locations (id),
  group_id      TEXT COLLATE "C" REFERENCES groups (id), -- NULL: in none
  login         TEXT COLLATE "C" CONSTRAINT people_login UNIQUE, -- lower case; NULL: cannot sign in with a password
  name          TEXT NOT NULL,                  -- shown to colleagues
  email         TEXT NOT NULL,
  work_number   TEXT NOT NULL,
  mobile_number TEXT NOT NULL,
  home_number   TEXT NOT NULL,
  voicemail     TEXT NOT NULL,
  time_zone     TEXT NOT NULL,                  -- empty: the location's
  language      TEXT NOT NULL,                  -- empty: the browser's
  role          TEXT NOT NULL CHECK (role IN ('user', 'location_admin', 'admin')),
  vip           BOOLEAN NOT NULL,
  blocked       BOOLEAN NOT NULL,
  password_hash TEXT NOT NULL,                  -- argon2id in PHC form; empty: none
  own           TEXT NOT NULL,                  -- JSON: the person's own settings and profiles
  created_ms    BIGINT NOT NULL,
  lines         TEXT NOT NULL DEFAULT '[]'      -- JSON: connector, line, forwards; the first is the main one
);

CREATE TABLE work_groups (
  id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name  TEXT COLLATE "C" NOT NULL CONSTRAINT work_groups_name UNIQUE,
  level TEXT NOT NULL                           -- rights.Level of all members to one another
);

CREATE TABLE work_group_members (
  work_group_id TEXT COLLATE "C" NOT NULL REFERENCES work_groups (id) ON DELETE CASCADE,
  person_id     TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (work_group_id, person_id)
);

CREATE INDEX work_group_members_person ON work_group_members (person_id);

CREATE TABLE monitoring_groups (
  id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name           TEXT COLLATE "C" NOT NULL CONSTRAINT monitoring_groups_name UNIQUE,
  observer_level TEXT NOT NULL,                 -- rights.Level: what observers may see of members
  member_level   TEXT NOT NULL                  -- rights.Level: what members may see of observers
);

CREATE TABLE monitoring_group_members (
  monitoring_group_id TEXT COLLATE "C" NOT NULL REFERENCES monitoring_groups (id) ON DELETE CASCADE,
  side                TEXT COLLATE "C" NOT NULL CHECK (side IN ('observer', 'member')),
  person_id           TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (monitoring_group_id, side, person_id)
);

CREATE INDEX monitoring_group_members_person ON monitoring_group_members (person_id);

CREATE TABLE relationships (
  owner_id  TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  viewer_id TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  level     TEXT NOT NULL,                      -- rights.Level, the owner's own choice
  PRIMARY KEY (owner_id, viewer_id)
);

CREATE INDEX relationships_viewer ON relationships (viewer_id);

CREATE TABLE meta (
  key   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

-- 0002_claims.sql: claims survive a restart; the presence they add up to is never stored.

CREATE TABLE claims (
  person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  source    TEXT COLLATE "C" NOT NULL,          -- presence.Source
  id        TEXT COLLATE "C" NOT NULL,          -- unique within source
  status    TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  profile   TEXT NOT NULL,                      -- may be empty
  text      TEXT NOT NULL,                      -- never the subject of a private appointment
  from_ms   BIGINT NOT NULL,
  until_ms  BIGINT CHECK (until_ms >= from_ms), -- NULL: until retracted
  lease_ms  BIGINT,                             -- ends here unless refreshed; NULL: no lease
  detail    TEXT,                               -- JSON: what only some classes of source say; NULL: nothing
  PRIMARY KEY (person_id, source, id)
);

CREATE TABLE shown (                            -- presence.Shown
  person_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  at_ms            BIGINT,                      -- up to when it is worked out
  off              BOOLEAN NOT NULL,
  status           TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  since_ms         BIGINT,                      -- NULL: not known
  covered_status   TEXT CHECK (covered_status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')), -- NULL: none is covered
  covered_since_ms BIGINT                       -- NULL: not known, or none is covered
);

-- 0003_calendars.sql: calendars of people, and of their resources what scheduling needs.

CREATE TABLE calendars (
  id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  person_id    TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind         TEXT NOT NULL,                   -- 'ics', 'caldav', 'exchange', ...; open, as each new source adds one
  name         TEXT COLLATE "C" NOT NULL,
  url          TEXT NOT NULL,
  username     TEXT NOT NULL,
  password     BYTEA,                           -- sealed by package secret; NULL: none
  state        TEXT NOT NULL,                   -- ETag, Last-Modified or sync token of the last success
  checked_ms   BIGINT,                          -- last attempt; NULL: never
  succeeded_ms BIGINT,                          -- last success; NULL: never
  error        TEXT NOT NULL,                   -- of the last attempt; empty: it went well
  problems     TEXT,                            -- JSON; NULL: none
  connector_id TEXT COLLATE "C"                 -- the system that holds it; NULL: none
);

CREATE INDEX calendars_person ON calendars (person_id);

CREATE TABLE calendar_objects (
  calendar_id TEXT COLLATE "C" NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
  href        TEXT COLLATE "C" NOT NULL,
  etag        TEXT NOT NULL,
  data        BYTEA NOT NULL,                   -- iCalendar; never the subject of a private appointment
  PRIMARY KEY (calendar_id, href)
);

-- 0004_access.sql: who is signed in, which programs are let in, and who changed what.

CREATE TABLE sessions (
  hash       BYTEA NOT NULL PRIMARY KEY,        -- SHA-256 of the secret
  person_id  TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  label      TEXT NOT NULL,                     -- such as "Firefox on Linux"
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,                   -- first instant it is no longer good for
  address    TEXT COLLATE "C" NOT NULL DEFAULT '', -- from where it was made
  connector_id TEXT COLLATE "C",                -- the sign-in provider; NULL: with a password
  provider_session TEXT COLLATE "C",            -- as the provider calls it; NULL: it does not tell
  client     BOOLEAN NOT NULL DEFAULT false     -- of a desktop client
);

CREATE INDEX sessions_person ON sessions (person_id);

CREATE TABLE tokens (
  id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  name       TEXT COLLATE "C" NOT NULL,
  origin     TEXT COLLATE "C" CONSTRAINT tokens_origin UNIQUE, -- label of its claims; NULL: makes none
  scopes     TEXT NOT NULL,                     -- JSON array of words
  person_id  TEXT COLLATE "C" REFERENCES people (id) ON DELETE CASCADE, -- acts for them; NULL: for the organisation
  hash       BYTEA NOT NULL CONSTRAINT tokens_hash UNIQUE, -- SHA-256 of the secret
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT                             -- NULL: never
);

CREATE INDEX tokens_person ON tokens (person_id);

CREATE TABLE audit (
  id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used again, so it is a position to read on from
  at_ms     BIGINT NOT NULL,
  actor     TEXT NOT NULL,                      -- people.id, or 'token/' and tokens.id; empty: the system
  action    TEXT NOT NULL,                      -- such as 'settings.put'
  person_id TEXT COLLATE "C",                   -- the person concerned, who may be gone; NULL: none
  detail    TEXT,                               -- JSON; NULL: none
  address   TEXT COLLATE "C" NOT NULL DEFAULT '', -- from where; empty: not over the network
  location_id TEXT COLLATE "C"                  -- the location concerned, which may be gone; NULL: none
);

CREATE INDEX audit_person ON audit (person_id, id);

-- 0005_administration.sql: who administers which location, and from where somebody changed something.

CREATE TABLE administrators (                   -- of people whose role is location_admin
  person_id   TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  location_id TEXT COLLATE "C" NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, location_id)
);

CREATE INDEX administrators_location ON administrators (location_id);

CREATE INDEX audit_location ON audit (location_id, id);

CREATE TABLE links (                            -- with which people set a password, once
  hash       BYTEA NOT NULL PRIMARY KEY,         -- SHA-256 of the secret
  person_id  TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL
);

CREATE INDEX links_person ON links (person_id);

-- 0006_connectors.sql: outside systems, and who comes from which directory.

CREATE TABLE connectors (
  id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  kind         TEXT NOT NULL,                   -- 'ldap'; open, as each new system adds one
  name         TEXT COLLATE "C" NOT NULL,
  enabled      BOOLEAN NOT NULL,
  config       TEXT NOT NULL,                   -- JSON, without secrets
  secret       BYTEA,                           -- sealed by package secret; NULL: none
  checked_ms   BIGINT,                          -- last attempt; NULL: never
  succeeded_ms BIGINT,                          -- last success; NULL: never
  error        TEXT NOT NULL,                   -- of the last attempt; empty: it went well
  report       TEXT                             -- JSON: what the last success did; NULL: nothing
);

CREATE TABLE directory_people (                 -- who comes from which directory
  person_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT COLLATE "C" NOT NULL,
  external_id  TEXT COLLATE "C",                -- entryUUID, objectGUID, externalId; NULL: it gives none
  blocked      BOOLEAN NOT NULL,                -- the directory blocked them, and may let them in again
  gone         BOOLEAN NOT NULL,                -- the directory has deleted them, and may bring them back
  CONSTRAINT directory_people_external_id UNIQUE (connector_id, external_id)
);

-- 0007_provisioning.sql: groups of providers of identities, and people whom these have deleted.

CREATE TABLE directory_groups (                 -- groups that a provider of identities maintains
  id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  connector_id  TEXT COLLATE "C" NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  name          TEXT COLLATE "C" NOT NULL,
  external_id   TEXT COLLATE "C" NOT NULL,      -- the provider's; empty: it gives none
  work_group_id TEXT COLLATE "C" REFERENCES work_groups (id) ON DELETE SET NULL, -- which it maintains; NULL: none
  created_ms    BIGINT NOT NULL,
  CONSTRAINT directory_groups_name UNIQUE (connector_id, name)
);

CREATE INDEX directory_groups_work_group ON directory_groups (work_group_id);

CREATE TABLE directory_group_members (
  directory_group_id TEXT COLLATE "C" NOT NULL REFERENCES directory_groups (id) ON DELETE CASCADE,
  person_id          TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  PRIMARY KEY (directory_group_id, person_id)
);

CREATE INDEX directory_group_members_person ON directory_group_members (person_id);

-- 0008_identities.sql: as whom sign-in providers know people, and by which provider somebody signed in.

CREATE INDEX sessions_provider ON sessions (connector_id, provider_session);

CREATE TABLE identities (                       -- as whom a sign-in provider knows people
  connector_id TEXT COLLATE "C" NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
  subject      TEXT COLLATE "C" NOT NULL,                   -- the provider gives it to nobody else
  person_id    TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  created_ms   BIGINT NOT NULL,
  PRIMARY KEY (connector_id, subject),
  CONSTRAINT identities_person_id UNIQUE (connector_id, person_id)
);

CREATE INDEX identities_person ON identities (person_id);

-- 0010_teams.sql: people in Microsoft Teams: who they are there, their sign-in, and what was written there.

CREATE TABLE teams (
  person_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT COLLATE "C" NOT NULL,       -- the application that is used, or was last
  address      TEXT COLLATE "C" NOT NULL,       -- by which user_id was found; empty: a sign-in told it
  user_id      TEXT COLLATE "C" NOT NULL,       -- object ID at Microsoft; empty: not known
  account      TEXT COLLATE "C" NOT NULL,       -- user name of who signed in; empty: nobody
  token        BYTEA,                           -- of the sign-in, sealed by package secret; NULL: none is remembered
  state        TEXT,                            -- JSON, as package teams understands it; NULL: nothing
  updated_ms   BIGINT                           -- NULL: not known
);

-- 0011_forwardings.sql: what was set of lines in telephone systems, until it is taken back.

CREATE TABLE forwardings (
  connector_id TEXT COLLATE "C" NOT NULL,       -- of the telephone system
  line         TEXT COLLATE "C" NOT NULL,       -- as that knows it
  state        TEXT NOT NULL,                   -- JSON, as package forward understands it
  updated_ms   BIGINT NOT NULL,
  PRIMARY KEY (connector_id, line)
);

-- 0013_telephones.sql: accounts with which people's telephones sign in, and where lines are redirected for whom this server answers.

CREATE TABLE sip_accounts (
  username   TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- the name that the telephone signs in with
  person_id  TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose telephone it is
  name       TEXT COLLATE "C" NOT NULL,         -- as they call it
  secret     BYTEA NOT NULL,                    -- hashes of the password, sealed by package secret
  created_ms BIGINT NOT NULL
);

CREATE INDEX sip_accounts_person ON sip_accounts (person_id);

CREATE TABLE redirects (
  connector_id TEXT COLLATE "C" NOT NULL,       -- of the SIP server that answers for the line
  line         TEXT COLLATE "C" NOT NULL,
  person_id    TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose line it was when that was set
  forwarding   TEXT NOT NULL,                   -- JSON, as package telephones understands it
  PRIMARY KEY (connector_id, line)
);

CREATE INDEX redirects_person ON redirects (person_id);
