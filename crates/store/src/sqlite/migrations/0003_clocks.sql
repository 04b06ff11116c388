-- The sandbox's clocks: how far a merchant's is ahead of real time, in milliseconds. An owner without a row has real time, and so
-- has every live one.
CREATE TABLE clocks (
    owner    BLOB    NOT NULL PRIMARY KEY CHECK (length(owner) = 17 AND substr(owner, 17) = x'00'),
    ahead_ms INTEGER NOT NULL CHECK (ahead_ms >= 0)
) STRICT, WITHOUT ROWID;

-- jobs.due is in the owner's own time from now on, as escrows are; jobs.run_at stays real time: due without what the owner's clock
-- is ahead, or the end of a lease, or when to try again. A clock that moves takes the jobs of its owner along. They are looked for
-- in the sandbox alone, so that live ones pay nothing for the index.
CREATE INDEX jobs_of_sandboxes ON jobs (owner) WHERE substr(owner, 17) = x'00';
