-- +goose Up
-- 0014_clients.sql: sign-ins of desktop clients, which may do less than a browser.

ALTER TABLE sessions ADD COLUMN client INTEGER NOT NULL DEFAULT 0 CHECK (client IN (0, 1)); -- of a desktop client
