-- Refunds are found by their ids and listed by their owners, as settlements are: whatever has an owner is. Which kinds those are,
-- the program knows, so that no table need be made anew for another one.
CREATE TABLE parts_4 (
    escrow BLOB    NOT NULL CHECK (length(escrow) = 16),
    kind   INTEGER NOT NULL CHECK (kind >= 0),
    id     BLOB    NOT NULL CHECK (length(id) = 16),
    place  INTEGER NOT NULL,
    owner  BLOB    CHECK (length(owner) = 17),
    body   TEXT    NOT NULL,
    PRIMARY KEY (escrow, kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO parts_4 (escrow, kind, id, place, owner, body)
    SELECT p.escrow, p.kind, p.id, p.place,
        iif(p.kind = 3, (SELECT e.owner FROM escrows e WHERE e.id = p.escrow), p.owner), p.body
    FROM parts p ORDER BY p.escrow, p.kind, p.id;
DROP TABLE parts;
ALTER TABLE parts_4 RENAME TO parts;
CREATE UNIQUE INDEX parts_by_id ON parts (kind, id) WHERE owner IS NOT NULL;
CREATE INDEX parts_by_owner ON parts (owner, kind, id) WHERE owner IS NOT NULL;
