-- Payments are parts of escrows, and waiting for one is a duty. What a kind or a duty is, the program knows: these checks admit
-- later ones too, so that no table need be made anew for them.

-- kind: as before, and 4 payment.
CREATE TABLE parts_2 (
    escrow BLOB    NOT NULL CHECK (length(escrow) = 16),
    kind   INTEGER NOT NULL CHECK (kind >= 0),
    id     BLOB    NOT NULL CHECK (length(id) = 16),
    place  INTEGER NOT NULL,
    owner  BLOB    CHECK ((owner IS NULL AND kind <> 2) OR (length(owner) = 17 AND kind = 2)),
    body   TEXT    NOT NULL,
    PRIMARY KEY (escrow, kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO parts_2 (escrow, kind, id, place, owner, body)
    SELECT escrow, kind, id, place, owner, body FROM parts ORDER BY escrow, kind, id;
DROP TABLE parts;
ALTER TABLE parts_2 RENAME TO parts;
CREATE UNIQUE INDEX settlements_by_id ON parts (id) WHERE kind = 2;
CREATE INDEX settlements_by_owner ON parts (owner, id) WHERE kind = 2;

-- duty: as before, and 5 await a payment. subject is what it is about, empty where that is the escrow itself.
CREATE TABLE jobs_2 (
    intent   BLOB    NOT NULL CHECK (length(intent) = 16),
    duty     INTEGER NOT NULL CHECK (duty >= 1),
    subject  BLOB    NOT NULL CHECK (length(subject) IN (0, 16)),
    owner    BLOB    NOT NULL CHECK (length(owner) = 17),
    due      INTEGER NOT NULL,
    run_at   INTEGER NOT NULL,
    token    INTEGER NOT NULL CHECK (token >= 0),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    PRIMARY KEY (intent, duty, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO jobs_2 (intent, duty, subject, owner, due, run_at, token, attempts)
    SELECT intent, duty, subject, owner, due, run_at, token, attempts FROM jobs ORDER BY intent, duty, subject;
DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;
CREATE INDEX jobs_by_time ON jobs (run_at);

-- Which intent of an owner names a transaction: the first that did, for ever.
CREATE TABLE claims (
    owner  BLOB NOT NULL CHECK (length(owner) = 17),
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    intent BLOB NOT NULL CHECK (length(intent) = 16),
    PRIMARY KEY (owner, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_intent ON claims (intent, hash);
