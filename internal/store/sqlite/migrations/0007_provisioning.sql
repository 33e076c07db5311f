-- +goose Up
-- 0007_provisioning.sql: groups of providers of identities, and people whom these have deleted.

ALTER TABLE directory_people RENAME TO directory_people_before;

CREATE TABLE directory_people (                 -- who comes from which directory
  person_id    TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,
  external_id  TEXT,                              -- entryUUID, objectGUID, externalId; NULL: it gives none
  blocked      INTEGER NOT NULL CHECK (blocked IN (0, 1)), -- the directory blocked them, and may let them in again
  gone         INTEGER NOT NULL CHECK (gone IN (0, 1)), -- the directory has deleted them, and may bring them back
  UNIQUE (connector_id, external_id)
) STRICT, WITHOUT ROWID;

INSERT INTO directory_people (person_id, connector_id, external_id, blocked, gone)
SELECT person_id, connector_id, external_id, blocked, 0 FROM directory_people_before;

DROP TABLE directory_people_before;

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
