-- Events are found by their ids, and listed and followed by their types.
ALTER TABLE events ADD COLUMN type TEXT NOT NULL DEFAULT '';
UPDATE events SET type = json_extract(CAST(body AS TEXT), '$.type');
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (owner, type, position);
