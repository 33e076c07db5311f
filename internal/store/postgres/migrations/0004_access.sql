-- 0004_access.sql: who is signed in, which programs are let in, and who changed what.
-- +goose Up

CREATE TABLE sessions (
  hash       BYTEA NOT NULL PRIMARY KEY,        -- SHA-256 of the secret
  person_id  TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  label      TEXT NOT NULL,                     -- such as "Firefox on Linux"
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL                    -- first instant it is no longer good for
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
  detail    TEXT                                -- JSON; NULL: none
);

CREATE INDEX audit_person ON audit (person_id, id);
