-- +goose Up
-- 0005_administration.sql: who administers which location, and from where somebody changed something.

CREATE TABLE administrators (
  person_id   TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  location_id TEXT NOT NULL REFERENCES locations (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, location_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX administrators_location ON administrators (location_id);

ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN location_id TEXT;

CREATE INDEX audit_location ON audit (location_id, id);

CREATE TABLE links (                            -- with which people set a password, once
  hash       BLOB NOT NULL PRIMARY KEY,         -- SHA-256 of the secret
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links (person_id);
