-- 0002_claims.sql: claims survive a restart; the presence they add up to is never stored.
-- +goose Up

CREATE TABLE claims (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  source    TEXT NOT NULL,                      -- presence.Source
  id        TEXT NOT NULL,                      -- unique within source
  status    TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  profile   TEXT NOT NULL,                      -- may be empty
  text      TEXT NOT NULL,                      -- never the subject of a private appointment
  from_ms   INTEGER NOT NULL,
  until_ms  INTEGER CHECK (until_ms >= from_ms), -- NULL: until retracted
  lease_ms  INTEGER,                            -- ends here unless refreshed; NULL: no lease
  detail    TEXT,                               -- JSON: what only some classes of source say; NULL: nothing
  PRIMARY KEY (person_id, source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE shown (                            -- presence.Shown
  person_id        TEXT NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  at_ms            INTEGER,                     -- up to when it is worked out
  off              INTEGER NOT NULL CHECK (off IN (0, 1)),
  status           TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  since_ms         INTEGER,                     -- NULL: not known
  covered_status   TEXT CHECK (covered_status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')), -- NULL: none is covered
  covered_since_ms INTEGER                      -- NULL: not known, or none is covered
) STRICT, WITHOUT ROWID;
