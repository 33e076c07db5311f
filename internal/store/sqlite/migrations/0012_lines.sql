-- +goose Up
-- 0012_lines.sql: telephone lines that are entered for people.

ALTER TABLE people ADD COLUMN lines TEXT NOT NULL DEFAULT '[]'; -- JSON: connector, line, forwards; the first is the main one
