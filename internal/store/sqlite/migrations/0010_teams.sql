-- +goose Up
-- 0010_teams.sql: people in Microsoft Teams: who they are there, their sign-in, and what was written there.

CREATE TABLE teams (
  person_id    TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT NOT NULL,                   -- the application that is used, or was last
  address      TEXT NOT NULL,                   -- by which user_id was found; empty: a sign-in told it
  user_id      TEXT NOT NULL,                   -- object ID at Microsoft; empty: not known
  account      TEXT NOT NULL,                   -- user name of who signed in; empty: nobody
  token        BLOB,                            -- of the sign-in, sealed by package secret; NULL: none is remembered
  state        TEXT,                            -- JSON, as package teams understands it; NULL: nothing
  updated_ms   INTEGER                          -- NULL: not known
) STRICT;
