//! What somebody does to a store who can write into its database, and what `verify` says of it.

use serde_json::json;

use crate::harness::Gateway;

/// What is not written alike in every SQL.
pub(crate) struct Dialect {
    /// The body of an event with another amount in it.
    pub(crate) dearer_body: &'static str,
    /// Sixteen bytes at random.
    pub(crate) random_id: &'static str,
    /// Thirty-two bytes at random.
    pub(crate) random_hash: &'static str,
}

/// One thing that is done to a store.
pub(crate) struct Deed {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
    /// What `verify` says.
    pub(crate) said: &'static str,
    /// Whether it names the intent.
    pub(crate) names_the_intent: bool,
}

/// Has an intent, a share of which is released, and a webhook endpoint, and says which intent it is.
pub(crate) fn live_a_little(gateway: &Gateway) -> String {
    let client = gateway.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "500.00");
    client.complete(&intent, &milestone);
    client.post("/webhook-endpoints", &json!({"url": "http://127.0.0.1:9/hook"}));
    intent
}

/// Everything that is done, each to a store that [lived a little](live_a_little).
pub(crate) fn deeds(dialect: &Dialect) -> Vec<Deed> {
    let mut deeds = to_events(dialect);
    deeds.extend(to_rows(dialect));
    deeds
}

fn to_events(dialect: &Dialect) -> Vec<Deed> {
    const INTENT: &str = "(SELECT id FROM escrows)";
    let of = |sequence: &str| format!("subject = {INTENT} AND sequence = {sequence}");
    let last = of(&format!("(SELECT max(sequence) FROM events WHERE subject = {INTENT})"));
    let (id, dearer) = (dialect.random_id, dialect.dearer_body);
    let deed = |name, sql, said| Deed { name, sql, said, names_the_intent: true };
    vec![
        deed(
            "an event changed",
            format!("UPDATE events SET body = {dearer} WHERE {}", of("2")),
            "(sequence 2) does not hash to its stored hash",
        ),
        deed("an event missing", format!("DELETE FROM events WHERE {}", of("2")), "has sequence 3 in place of 2"),
        deed(
            "an event inserted",
            format!(
                "INSERT INTO events (owner, position, subject, sequence, id, created, hash, body, type)
                 SELECT owner, (SELECT last + 1 FROM streams s WHERE s.owner = e.owner), subject, sequence + 1,
                     {id}, created, hash, body, type FROM events e WHERE {last}"
            ),
            "does not hash to its stored hash",
        ),
        deed("the last event cut off", format!("DELETE FROM events WHERE {last}"), "its state says"),
        deed(
            "the last event cut off with its place",
            format!(
                "DELETE FROM events WHERE {last};
                 UPDATE streams SET last = last - 1 WHERE owner = (SELECT owner FROM escrows)"
            ),
            "its state says",
        ),
        deed(
            "an event listed as another",
            format!("UPDATE events SET type = 'dispute.raised' WHERE {}", of("1")),
            "its body does not say",
        ),
        deed(
            "an event under another id",
            format!("UPDATE events SET id = {id} WHERE {}", of("2")),
            "its body does not say",
        ),
        deed(
            "events in another order",
            format!(
                "UPDATE events SET position = position + 1000 WHERE {one};
                 UPDATE events SET position = position - 1 WHERE {two};
                 UPDATE events SET position = position - 999 WHERE {one}",
                one = of("1"),
                two = of("2")
            ),
            "before one that came before it",
        ),
        Deed {
            name: "events counted on",
            sql: "UPDATE streams SET last = last + 5".to_owned(),
            said: "says its last event is in place",
            names_the_intent: false,
        },
        Deed {
            name: "an event moved",
            sql: format!("UPDATE events SET position = position + 1000 WHERE {last}"),
            said: "have places up to",
            names_the_intent: false,
        },
    ]
}

fn to_rows(dialect: &Dialect) -> Vec<Deed> {
    let (id, hash) = (dialect.random_id, dialect.random_hash);
    let transfer_again = format!(
        "INSERT INTO transfers
             (owner, id, intent, created, kind, subject, method, minor, currency, from_after, to_after)
         SELECT owner, {id}, intent, created, kind, subject, method, minor, currency, from_after, to_after
         FROM transfers WHERE kind = 'release'"
    );
    let another_key = format!(
        "INSERT INTO keys (id, hash, kind, owner, last_four, created)
         SELECT {id}, {hash}, kind, owner, last_four, created FROM keys LIMIT 1"
    );
    [
        (
            "a balance raised",
            "UPDATE balances SET minor = minor + 1 WHERE account = 'payable'",
            "its transfers add up to",
        ),
        (
            "two balances raised together",
            "UPDATE balances SET minor = minor + 1 WHERE account = 'payable';
             UPDATE balances SET minor = minor - 1 WHERE account LIKE 'rail%'",
            "its transfers add up to",
        ),
        ("a balance removed", "DELETE FROM balances WHERE account = 'payable'", "its transfers add up to"),
        ("a transfer raised", "UPDATE transfers SET minor = minor + 1 WHERE kind = 'release'", "was due"),
        ("a transfer removed", "DELETE FROM transfers WHERE kind = 'release'", "its transfers add up to"),
        ("a transfer made twice", &transfer_again, "repeats Release"),
        (
            "another payee in the terms",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666') WHERE kind = 0",
            "settlementDestination of payment_intent",
        ),
        (
            "another payee of one payout",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666') WHERE kind = 2",
            "which was not agreed",
        ),
        (
            "another payee everywhere but in events",
            "UPDATE parts SET body = replace(body, 'bank_account_123', 'bank_account_666')",
            "settlementDestination of payment_intent",
        ),
        (
            "a dispute window that nobody signed",
            "UPDATE parts SET body = replace(body, '\"dispute_window\":604800000', '\"dispute_window\":1000') WHERE kind = 0",
            "the dispute window of",
        ),
        (
            "a release on a rail",
            "UPDATE transfers SET method = 'mock' WHERE kind = 'release'",
            "has a part that it cannot have",
        ),
        ("a part removed", "DELETE FROM parts WHERE kind = 2", "payable settlements are"),
        ("a job removed", "DELETE FROM jobs", "its jobs none"),
        ("a job put off", "UPDATE jobs SET due = due + 86400000", "its duties are"),
        ("the intent removed", "DELETE FROM escrows", "which does not exist"),
        ("a key renamed", "UPDATE keys SET name = 'mine'", "name of api_key"),
        ("a key that may do something else", "UPDATE keys SET scopes = 'escrow:read'", "scopes of api_key"),
        ("a key that expires later", "UPDATE keys SET expires = 4000000000000", "expiresAt of api_key"),
        ("a key removed", "DELETE FROM keys", "its last event is api_key.created"),
        ("a key inserted", &another_key, "no event tells of api_key"),
        ("a merchant renamed", "UPDATE merchants SET name = 'Mallory'", "name of merchant"),
        (
            "a webhook endpoint moved",
            "UPDATE endpoints SET url = 'https://mallory.example/'",
            "url of webhook_endpoint",
        ),
        (
            "a webhook endpoint that signs with an older secret",
            "UPDATE endpoints SET secret = secret + 1",
            "has secret 2, after 0 rotations",
        ),
        ("an intent listed as paid", "UPDATE escrows SET status = 'succeeded'", "is listed as succeeded"),
        ("a job nobody gets round to", "UPDATE jobs SET run_at = run_at + 86400000", "waits until"),
        ("a stream removed", "DELETE FROM streams", "has none"),
        (
            "another balance shown beside a transfer",
            "UPDATE transfers SET to_after = to_after + 1 WHERE kind = 'release'",
            "the balances of payable beside its transfers do not follow",
        ),
        ("a webhook endpoint removed", "DELETE FROM endpoints", "its last event is webhook_endpoint.created"),
    ]
    .map(|(name, sql, said)| Deed { name, sql: sql.to_owned(), said, names_the_intent: false })
    .into()
}
