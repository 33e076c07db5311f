-- 0004_access.sql: who is signed in, which programs are let in, and who changed what.
-- +goose Up

CREATE TABLE sessions (
  hash       BLOB NOT NULL PRIMARY KEY,         -- SHA-256 of the secret
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  label      TEXT NOT NULL,                     -- such as "Firefox on Linux"
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL                   -- first instant it is no longer good for
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
  detail    TEXT                                -- JSON; NULL: none
) STRICT;

CREATE INDEX audit_person ON audit (person_id, id);
