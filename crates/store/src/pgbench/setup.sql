-- What pgbench works on: tables with the columns, checks and indexes of the real ones, with 10,000 escrows of 1,000 merchants.
DROP TABLE IF EXISTS pgbench_escrows, pgbench_parts, pgbench_transfers, pgbench_balances, pgbench_streams, pgbench_events, pgbench_jobs, pgbench_replies;
CREATE TABLE pgbench_escrows (LIKE escrows INCLUDING ALL);
CREATE TABLE pgbench_parts (LIKE parts INCLUDING ALL);
CREATE TABLE pgbench_transfers (LIKE transfers INCLUDING ALL);
CREATE TABLE pgbench_balances (LIKE balances INCLUDING ALL);
CREATE TABLE pgbench_streams (LIKE streams INCLUDING ALL);
CREATE TABLE pgbench_events (LIKE events INCLUDING ALL);
CREATE TABLE pgbench_jobs (LIKE jobs INCLUDING ALL);
CREATE TABLE pgbench_replies (LIKE replies INCLUDING ALL);
INSERT INTO pgbench_streams SELECT decode(lpad(to_hex(m), 34, '0'), 'hex'), 0 FROM generate_series(1, 1000) AS m;
INSERT INTO pgbench_balances SELECT decode(lpad(to_hex(m), 34, '0'), 'hex'), a, 'USDC', 1000000000 FROM generate_series(1, 1000) AS m, unnest(ARRAY['escrow', 'payable']) AS a;
INSERT INTO pgbench_escrows SELECT decode(lpad(to_hex(i % 1000 + 1), 34, '0'), 'hex'), decode(lpad(to_hex(i), 32, '0'), 'hex'), 1, 'PROCESSING', 'DELIVERY_VS_PAYMENT', 'USDC', 1700000000000, repeat('s', 420) FROM generate_series(1, 10000) AS i;
INSERT INTO pgbench_parts SELECT decode(lpad(to_hex(i % 1000 + 1), 34, '0'), 'hex'), decode(lpad(to_hex(i), 32, '0'), 'hex'), 1, decode(lpad(to_hex(p), 32, '0'), 'hex'), p, 0, repeat('m', 230) FROM generate_series(1, 10000) AS i, generate_series(1, 4) AS p;
VACUUM ANALYZE;
