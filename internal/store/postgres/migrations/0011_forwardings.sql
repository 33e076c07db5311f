-- +goose Up
-- 0011_forwardings.sql: what was set of lines in telephone systems, until it is taken back.

CREATE TABLE forwardings (
  connector_id TEXT COLLATE "C" NOT NULL,       -- of the telephone system
  line         TEXT COLLATE "C" NOT NULL,       -- as that knows it
  state        TEXT NOT NULL,                   -- JSON, as package forward understands it
  updated_ms   BIGINT NOT NULL,
  PRIMARY KEY (connector_id, line)
);
