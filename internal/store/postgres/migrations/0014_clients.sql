-- +goose Up
-- 0014_clients.sql: sign-ins of desktop clients, which may do less than a browser.

ALTER TABLE sessions ADD COLUMN client BOOLEAN NOT NULL DEFAULT false; -- of a desktop client
