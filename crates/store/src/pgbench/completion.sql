-- A milestone is completed, as a program does it that has one transaction for every request: the same rows are read and written as by
-- the store, statement by statement. Where :hot is 1, all are of one merchant.
\set i random(1, 10000)
\set m (CASE WHEN :hot = 1 THEN 1 ELSE :i % 1000 + 1 END)
\set p random(1, 4)
\set r random(1, 9000000000000000000)
BEGIN;
SELECT fingerprint, status, body FROM pgbench_replies WHERE owner = decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex') AND key = 'key-' || :r;
SELECT version, body FROM pgbench_escrows WHERE id = decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex') FOR UPDATE;
SELECT kind, body FROM pgbench_parts WHERE owner = decode(lpad(to_hex((:i % 1000 + 1)::BIGINT), 34, '0'), 'hex') AND escrow = decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex') ORDER BY kind, place;
UPDATE pgbench_escrows SET version = version + 1, body = repeat('t', 420) WHERE id = decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex');
UPDATE pgbench_parts SET body = repeat('n', 260) WHERE owner = decode(lpad(to_hex((:i % 1000 + 1)::BIGINT), 34, '0'), 'hex') AND escrow = decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex') AND kind = 1 AND id = decode(lpad(to_hex((:p)::BIGINT), 32, '0'), 'hex');
INSERT INTO pgbench_parts VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex'), 2, decode(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT), 16, '0') || lpad(to_hex((:r)::BIGINT), 16, '0'), 'hex'), 1, 0, repeat('s', 260));
UPDATE pgbench_streams SET last = last + 2 WHERE owner = decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex') RETURNING last \gset
UPDATE pgbench_balances SET minor = minor - 300 WHERE owner = decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex') AND account = 'escrow' AND currency = 'USDC' RETURNING minor AS a \gset
UPDATE pgbench_balances SET minor = minor + 300 WHERE owner = decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex') AND account = 'payable' AND currency = 'USDC' RETURNING minor AS b \gset
INSERT INTO pgbench_transfers VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), decode(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT), 16, '0') || lpad(to_hex((:r)::BIGINT), 16, '0'), 'hex'), decode(lpad(to_hex((:i)::BIGINT), 32, '0'), 'hex'), 1700000000000, 'RELEASE', NULL, NULL, 300, 'USDC', :a, :b);
INSERT INTO pgbench_events VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), :last::BIGINT - 1, decode(lpad(to_hex((:r)::BIGINT), 32, '0'), 'hex'), 1, decode(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT), 16, '0') || lpad(to_hex((:r)::BIGINT), 16, '0'), 'hex'), 1700000000000, decode(repeat('00', 32), 'hex'), 'milestone.completed', decode(repeat('65', 900), 'hex'));
INSERT INTO pgbench_events VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), :last, decode(lpad(to_hex((:r)::BIGINT), 32, '0'), 'hex'), 2, decode(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + 1), 16, '0') || lpad(to_hex((:r)::BIGINT), 16, '0'), 'hex'), 1700000000000, decode(repeat('00', 32), 'hex'), 'milestone.released', decode(repeat('65', 900), 'hex'));
INSERT INTO pgbench_jobs VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), decode(lpad(to_hex((:r)::BIGINT), 32, '0'), 'hex'), 1, decode(lpad(to_hex((:r)::BIGINT), 32, '0'), 'hex'), 1700000000000, 1700000000000, 0, 0);
INSERT INTO pgbench_replies VALUES (decode(lpad(to_hex((:m)::BIGINT), 34, '0'), 'hex'), 'key-' || :r, decode(repeat('00', 32), 'hex'), 200, 1700000000000, decode(repeat('61', 1000), 'hex'));
END;
