-- +goose Up
-- 0007_provisioning.sql: groups of providers of identities, and people whom these have deleted.

ALTER TABLE directory_people ALTER COLUMN external_id DROP NOT NULL;
ALTER TABLE directory_people ADD COLUMN gone BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE directory_people ALTER COLUMN gone DROP DEFAULT;

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
