-- +goose Up
-- 0009_systems.sql: calendars that are held by a system of the administrators'.

ALTER TABLE calendars ADD COLUMN connector_id TEXT COLLATE "C";
