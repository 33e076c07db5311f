-- +goose Up
-- 0010_teams.sql: people in Microsoft Teams: who they are there, their sign-in, and what was written there.

CREATE TABLE teams (
  person_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  connector_id TEXT COLLATE "C" NOT NULL,       -- the application that is used, or was last
  address      TEXT COLLATE "C" NOT NULL,       -- by which user_id was found; empty: a sign-in told it
  user_id      TEXT COLLATE "C" NOT NULL,       -- object ID at Microsoft; empty: not known
  account      TEXT COLLATE "C" NOT NULL,       -- user name of who signed in; empty: nobody
  token        BYTEA,                           -- of the sign-in, sealed by package secret; NULL: none is remembered
  state        TEXT,                            -- JSON, as package teams understands it; NULL: nothing
  updated_ms   BIGINT                           -- NULL: not known
);
