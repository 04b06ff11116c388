-- Lists stay cheap however long they are: for every filter there is an index whose ranges are in the order of the ids.

-- created stands at the end so that a period is looked for in the index alone.
DROP INDEX escrows_by_owner;
CREATE INDEX escrows_by_owner ON escrows (owner, id, created);

-- Any of the three may be left open: the values that it can have are few and known, and the ranges of each are merged by id.
CREATE INDEX escrows_by_state ON escrows (owner, status, payment_type, currency, id, created);

-- As above. The id, which completes the primary key, is part of the index without being named.
CREATE INDEX transfers_by_kind ON transfers (owner, currency, kind);

-- What escrows are found by of their metadata: a row for each member that is short enough. It is written with the escrow, and never
-- changes. The program fills it for escrows that are older.
CREATE TABLE metadata (
    owner  BLOB NOT NULL CHECK (length(owner) = 17),
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    escrow BLOB NOT NULL CHECK (length(escrow) = 16),
    PRIMARY KEY (owner, name, value, escrow)
) STRICT, WITHOUT ROWID;
