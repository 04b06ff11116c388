-- What an API key is called, what it may do (scopes with blanks between them; null for everything), and when it was last used.
ALTER TABLE keys ADD COLUMN name TEXT;
ALTER TABLE keys ADD COLUMN scopes TEXT;
ALTER TABLE keys ADD COLUMN last_used INTEGER;
CREATE INDEX keys_by_owner ON keys (owner, id);

-- What happens to a holder of keys and not to one of its intents: keys made, rolled and revoked, merchants added. owner is whose
-- stream the events are in, that of merchant 0 and live for the operator; count and head are the chain of the events so far.
CREATE TABLE journals (
    owner BLOB    NOT NULL PRIMARY KEY CHECK (length(owner) = 17),
    id    BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    count INTEGER NOT NULL CHECK (count >= 1),
    head  BLOB    NOT NULL CHECK (length(head) = 32)
) STRICT, WITHOUT ROWID;

-- An event is about an intent, or stands in a journal.
ALTER TABLE events RENAME COLUMN intent TO subject;

-- Whether a part waits for somebody to act: an open dispute, a settlement that did not arrive. Disputes have owners from now on, so
-- that they are found and listed as settlements are.
ALTER TABLE parts ADD COLUMN waits INTEGER NOT NULL DEFAULT 0 CHECK (waits IN (0, 1));
CREATE INDEX parts_that_wait ON parts (kind, id) WHERE waits = 1;
UPDATE parts SET owner = (SELECT e.owner FROM escrows e WHERE e.id = parts.escrow),
    waits = json_extract(body, '$.state.Open') IS NOT NULL
    WHERE kind = 6;
UPDATE parts SET waits = 1
    WHERE kind = 2 AND (json_extract(body, '$.state.Failed') IS NOT NULL OR json_extract(body, '$.state.Returned') IS NOT NULL);
