-- 0003_calendars.sql: calendars of people, and of their resources what scheduling needs.
-- +goose Up

CREATE TABLE calendars (
  id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  person_id    TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  kind         TEXT NOT NULL,                   -- 'ics', 'caldav'; open, as each new source adds one
  name         TEXT COLLATE "C" NOT NULL,
  url          TEXT NOT NULL,
  username     TEXT NOT NULL,
  password     BYTEA,                           -- sealed by package secret; NULL: none
  state        TEXT NOT NULL,                   -- ETag, Last-Modified or sync token of the last success
  checked_ms   BIGINT,                          -- last attempt; NULL: never
  succeeded_ms BIGINT,                          -- last success; NULL: never
  error        TEXT NOT NULL,                   -- of the last attempt; empty: it went well
  problems     TEXT                             -- JSON; NULL: none
);

CREATE INDEX calendars_person ON calendars (person_id);

CREATE TABLE calendar_objects (
  calendar_id TEXT COLLATE "C" NOT NULL REFERENCES calendars (id) ON DELETE CASCADE,
  href        TEXT COLLATE "C" NOT NULL,
  etag        TEXT NOT NULL,
  data        BYTEA NOT NULL,                   -- iCalendar; never the subject of a private appointment
  PRIMARY KEY (calendar_id, href)
);
