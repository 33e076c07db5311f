-- 0002_claims.sql: claims survive a restart; the presence they add up to is never stored.
-- +goose Up

CREATE TABLE claims (
  person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  source    TEXT COLLATE "C" NOT NULL,          -- presence.Source
  id        TEXT COLLATE "C" NOT NULL,          -- unique within source
  status    TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  profile   TEXT NOT NULL,                      -- may be empty
  text      TEXT NOT NULL,                      -- never the subject of a private appointment
  from_ms   BIGINT NOT NULL,
  until_ms  BIGINT CHECK (until_ms >= from_ms), -- NULL: until retracted
  lease_ms  BIGINT,                             -- ends here unless refreshed; NULL: no lease
  detail    TEXT,                               -- JSON: what only some classes of source say; NULL: nothing
  PRIMARY KEY (person_id, source, id)
);

CREATE TABLE shown (                            -- presence.Shown
  person_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  at_ms            BIGINT,                      -- up to when it is worked out
  off              BOOLEAN NOT NULL,
  status           TEXT NOT NULL CHECK (status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')),
  since_ms         BIGINT,                      -- NULL: not known
  covered_status   TEXT CHECK (covered_status IN
    ('logged_out', 'available', 'be_right_back', 'busy', 'do_not_disturb', 'unavailable')), -- NULL: none is covered
  covered_since_ms BIGINT                       -- NULL: not known, or none is covered
);
