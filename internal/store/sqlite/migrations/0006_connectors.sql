-- +goose Up
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
  external_id  TEXT NOT NULL,                     -- entryUUID, objectGUID
  blocked      INTEGER NOT NULL CHECK (blocked IN (0, 1)), -- the directory blocked them, and may let them in again
  UNIQUE (connector_id, external_id)
) STRICT, WITHOUT ROWID;
