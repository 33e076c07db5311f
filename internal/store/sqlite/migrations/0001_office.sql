-- 0001_office.sql: who belongs to the organisation, how they are related, what is configured.
--
-- Text keys compare by their bytes, so that lists have the same order on every engine. An absent time is NULL.
-- Columns named *_ms are Unix milliseconds, UTC. Times are arguments of a statement, never functions of it.
-- +goose Up

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
  created_ms    INTEGER NOT NULL
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
