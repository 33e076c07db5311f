-- +goose Up
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
  external_id  TEXT COLLATE "C" NOT NULL,       -- entryUUID, objectGUID
  blocked      BOOLEAN NOT NULL, -- the directory blocked them, and may let them in again
  CONSTRAINT directory_people_external_id UNIQUE (connector_id, external_id)
);
