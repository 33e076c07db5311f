-- +goose Up
-- 0013_telephones.sql: accounts with which people's telephones sign in, and where lines are redirected for whom this server answers.

CREATE TABLE sip_accounts (
  username   TEXT NOT NULL PRIMARY KEY,         -- the name that the telephone signs in with
  person_id  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose telephone it is
  name       TEXT NOT NULL,                     -- as they call it
  secret     BLOB NOT NULL,                     -- hashes of the password, sealed by package secret
  created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sip_accounts_person ON sip_accounts (person_id);

CREATE TABLE redirects (
  connector_id TEXT NOT NULL,                   -- of the SIP server that answers for the line
  line         TEXT NOT NULL,
  person_id    TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE, -- whose line it was when that was set
  forwarding   TEXT NOT NULL,                   -- JSON, as package telephones understands it
  PRIMARY KEY (connector_id, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX redirects_person ON redirects (person_id);
