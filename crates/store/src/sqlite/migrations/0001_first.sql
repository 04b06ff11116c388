-- Everything that Milepost keeps. Ids are 16 big-endian bytes and grow with time; an owner is the id of a merchant and one byte
-- for the mode (0 sandbox, 1 live); times are milliseconds since the Unix epoch; money is in minor units.
--
-- Tables with bodies that may exceed a quarter of a page have row ids, so that bodies are appended whole; the narrow ones have
-- none, which saves them a second tree. There are no foreign keys: they would cost a look-up on every insert, and `verify` checks
-- more than they could.

-- The small part of an escrow that changes with every commit: where it stands, its balances, its event chain.
CREATE TABLE escrows (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner        BLOB    NOT NULL CHECK (length(owner) = 17),
    version      INTEGER NOT NULL CHECK (version >= 1),
    status       TEXT    NOT NULL,
    payment_type TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    created      INTEGER NOT NULL,
    body         TEXT    NOT NULL
) STRICT;
CREATE INDEX escrows_by_owner ON escrows (owner, id);

-- The parts of escrows that seldom change, each written only when it does. kind: 0 terms (under the escrow's own id),
-- 1 milestone, 2 settlement, 3 refund. place orders the parts of a kind by when they came into being. owner is there for
-- settlements only, which are listed by it.
CREATE TABLE parts (
    escrow BLOB    NOT NULL CHECK (length(escrow) = 16),
    kind   INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    id     BLOB    NOT NULL CHECK (length(id) = 16),
    place  INTEGER NOT NULL,
    owner  BLOB    CHECK ((owner IS NULL AND kind <> 2) OR (length(owner) = 17 AND kind = 2)),
    body   TEXT    NOT NULL,
    PRIMARY KEY (escrow, kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX settlements_by_id ON parts (id) WHERE kind = 2;
CREATE INDEX settlements_by_owner ON parts (owner, id) WHERE kind = 2;

-- The ledger. subject is the milestone, settlement or refund that it was made for, method the rail or payout method.
CREATE TABLE transfers (
    owner      BLOB    NOT NULL CHECK (length(owner) = 17),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    intent     BLOB    NOT NULL CHECK (length(intent) = 16),
    created    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    subject    BLOB    CHECK (length(subject) = 16),
    method     TEXT,
    minor      INTEGER NOT NULL CHECK (minor > 0),
    currency   TEXT    NOT NULL,
    from_after INTEGER NOT NULL,
    to_after   INTEGER NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfers_by_intent ON transfers (intent, id);

-- The running totals of owners.
CREATE TABLE balances (
    owner    BLOB    NOT NULL CHECK (length(owner) = 17),
    account  TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    minor    INTEGER NOT NULL,
    PRIMARY KEY (owner, account, currency)
) STRICT, WITHOUT ROWID;

-- What happened. position counts the events of an owner in the order of their commits, from 1; sequence those of an intent.
CREATE TABLE events (
    owner    BLOB    NOT NULL CHECK (length(owner) = 17),
    position INTEGER NOT NULL CHECK (position >= 1),
    intent   BLOB    NOT NULL CHECK (length(intent) = 16),
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    created  INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    body     BLOB    NOT NULL,
    PRIMARY KEY (owner, position)
) STRICT;
CREATE UNIQUE INDEX events_by_intent ON events (intent, sequence);

-- The position of the last event of each owner.
CREATE TABLE streams (
    owner BLOB    NOT NULL PRIMARY KEY CHECK (length(owner) = 17),
    last  INTEGER NOT NULL CHECK (last >= 1)
) STRICT, WITHOUT ROWID;

-- Duties. duty: 1 start a settlement, 2 pay out, 3 pay back, 4 finalize. subject is the settlement or refund, empty for 4.
-- run_at is when it can be claimed: its due time, or the end of its lease. token is that of the lease, 0 when nobody holds one.
CREATE TABLE jobs (
    intent   BLOB    NOT NULL CHECK (length(intent) = 16),
    duty     INTEGER NOT NULL CHECK (duty BETWEEN 1 AND 4),
    subject  BLOB    NOT NULL CHECK (length(subject) = iif(duty = 4, 0, 16)),
    owner    BLOB    NOT NULL CHECK (length(owner) = 17),
    due      INTEGER NOT NULL,
    run_at   INTEGER NOT NULL,
    token    INTEGER NOT NULL CHECK (token >= 0),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    PRIMARY KEY (intent, duty, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_by_time ON jobs (run_at);

-- Answers given under idempotency keys. Those keys are the clients' and random; a day's worth of them is forgotten at once.
CREATE TABLE replies (
    day         INTEGER NOT NULL,
    owner       BLOB    NOT NULL CHECK (length(owner) = 17),
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 65535),
    created     INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    PRIMARY KEY (day, owner, key)
) STRICT;

-- The days that replies may have: a look-up tries each, normally two.
CREATE TABLE reply_days (
    day INTEGER NOT NULL PRIMARY KEY
) STRICT;

CREATE TABLE merchants (
    id      BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name    TEXT    NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- API keys, without their secrets. owner is null for the operator's.
CREATE TABLE keys (
    id        BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    hash      BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    kind      TEXT    NOT NULL,
    owner     BLOB    CHECK (length(owner) = 17),
    last_four TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER,
    revoked   INTEGER
) STRICT, WITHOUT ROWID;

-- Single numbers: the last lease token, the time before which replies are forgotten, how often the store was probed.
CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
