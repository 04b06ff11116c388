-- Fingerprints of secrets, from which those cannot be learned: the gateway that opens the store must have the secret that it was made
-- with, since no key and no webhook secret works with another.
CREATE TABLE secrets (
    name        TEXT NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32)
) STRICT, WITHOUT ROWID;
