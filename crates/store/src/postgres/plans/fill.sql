-- Enough of everything that it matters which index is taken. Most is one owner's, and was there first: an index of all ids leads through
-- what others have had since.

CREATE FUNCTION id(number BIGINT) RETURNS BYTEA IMMUTABLE LANGUAGE SQL
    AS $$ SELECT decode(lpad(to_hex(number), 32, '0'), 'hex') $$;
CREATE FUNCTION owner(number BIGINT) RETURNS BYTEA IMMUTABLE LANGUAGE SQL
    AS $$ SELECT id(number) || decode('00', 'hex') $$;

CREATE TABLE numbers (n BIGINT, owner BYTEA);
INSERT INTO numbers SELECT n, owner(CASE WHEN n <= 2000 THEN 1 ELSE 2 + n % 2 END) FROM generate_series(1, 3000) n;

INSERT INTO escrows SELECT owner, id(n), 1, (ARRAY['FINAL', 'FINAL', 'SUCCEEDED', 'CANCELED'])[1 + n % 4],
    (ARRAY['CONDITIONAL', 'DELIVERY_VS_PAYMENT'])[1 + n % 2], (ARRAY['USD', 'USDC'])[1 + n % 3 % 2], n, repeat('x', 300) FROM numbers;
INSERT INTO parts SELECT owner, id(n), kind, id(10000 * kind + n), n, CASE WHEN n % 100 = 0 AND kind IN (2, 6) THEN 1 ELSE 0 END,
    repeat('x', 300) FROM numbers, generate_series(0, 6) kind;
INSERT INTO metadata SELECT owner, 'name 5', 'value', id(n) FROM numbers WHERE n % 2 = 0;
INSERT INTO metadata SELECT owner, 'name 6', 'value', id(n) FROM numbers WHERE n % 3 = 0;
INSERT INTO transfers SELECT owner, id(10000 * kind + n), id(n), n, (ARRAY['FUND', 'RELEASE', 'FEE'])[kind], NULL, NULL, 1,
    (ARRAY['USD', 'USDC'])[1 + n % 3 % 2], 1, 1 FROM numbers, generate_series(1, 3) kind;
INSERT INTO events SELECT owner, 10000 * sequence + n, id(n), sequence, id(10000 * sequence + n), n, id(n) || id(n),
    (ARRAY['payment_intent.created', 'payment_intent.succeeded', 'merchant.created'])[sequence], repeat('x', 300)::BYTEA
    FROM numbers, generate_series(1, 3) sequence;
INSERT INTO jobs SELECT owner, id(n), 4, '', n, n, 0, 0 FROM numbers;
INSERT INTO claims SELECT owner, id(n) || id(n), id(n) FROM numbers;
INSERT INTO journals SELECT owner(n), id(20000 + n), 1, id(n) || id(n) FROM numbers;
INSERT INTO merchants SELECT id(n), n::TEXT, n FROM numbers;
INSERT INTO keys SELECT owner, id(n), id(n) || id(n), 'live', '1234', n FROM numbers;
INSERT INTO endpoints SELECT owner, id(n), 'enabled', 'http://127.0.0.1', NULL, '["*"]', 1, NULL, n, n, 0, NULL, NULL, 0, 0 FROM numbers;
INSERT INTO deliveries SELECT id(1), n, id(n), CASE n % 10 WHEN 0 THEN 'pending' WHEN 1 THEN 'failed' ELSE 'succeeded' END,
    CASE n % 10 WHEN 0 THEN n END, 0, 0, 0, n, n, '[]' FROM numbers;
INSERT INTO requests SELECT owner, id(n), id(n), 'GET', '/', NULL, 200, n, 1 FROM numbers;
