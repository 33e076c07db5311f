-- +goose Up
-- 0008_identities.sql: as whom sign-in providers know people, and by which provider somebody signed in.

ALTER TABLE sessions ADD COLUMN connector_id TEXT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;

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
