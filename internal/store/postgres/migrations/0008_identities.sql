-- +goose Up
-- 0008_identities.sql: as whom sign-in providers know people, and by which provider somebody signed in.

ALTER TABLE sessions ADD COLUMN connector_id TEXT COLLATE "C";
ALTER TABLE sessions ADD COLUMN provider_session TEXT COLLATE "C";

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
