-- Events are found by their ids, and listed and followed by their types.
ALTER TABLE events ADD COLUMN type TEXT NOT NULL DEFAULT '';
UPDATE events SET type = json_extract(CAST(body AS TEXT), '$.type');
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (owner, type, position);

-- Where events are sent to. state: enabled, why not, or deleted. events is what is chosen, as JSON. secret counts the secrets, which
-- follow from the gateway's own and are not here; previous_until is how long the one before signs as well. cursor is the place in the
-- owner's stream up to which everything chosen has a delivery; failing_since is by the owner's clock, all else in real time.
CREATE TABLE endpoints (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner          BLOB    NOT NULL CHECK (length(owner) = 17),
    state          TEXT    NOT NULL,
    url            TEXT    NOT NULL,
    description    TEXT,
    events         TEXT    NOT NULL,
    secret         INTEGER NOT NULL CHECK (secret >= 1),
    previous_until INTEGER,
    created        INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    cursor         INTEGER NOT NULL CHECK (cursor >= 0),
    failing_since  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_by_owner ON endpoints (owner, id) WHERE state <> 'deleted';

-- Events that endpoints are told: position is that of the event in the stream of the endpoint's owner. due is when there will be a
-- call, by the owner's clock, and null when there will be none. tries counts the calls that were made because it was time, asked how
-- often somebody asked for one, heard how often that was when the last one was made. attempts are the last calls, as JSON.
CREATE TABLE deliveries (
    endpoint BLOB    NOT NULL CHECK (length(endpoint) = 16),
    position INTEGER NOT NULL CHECK (position >= 1),
    id       BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    state    TEXT    NOT NULL CHECK ((state = 'pending') = (due IS NOT NULL)),
    due      INTEGER,
    tries    INTEGER NOT NULL CHECK (tries >= 0),
    asked    INTEGER NOT NULL CHECK (asked >= 0),
    heard    INTEGER NOT NULL CHECK (heard BETWEEN 0 AND asked),
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    attempts TEXT    NOT NULL,
    PRIMARY KEY (endpoint, position)
) STRICT;
CREATE INDEX deliveries_to_come ON deliveries (endpoint, due) WHERE due IS NOT NULL;
CREATE INDEX deliveries_not_taken ON deliveries (endpoint, state, position) WHERE state <> 'succeeded';
