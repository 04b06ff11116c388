//! Paying by card.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use engine::{Answer, Ask, Keyring, Reach, Rendered};
use escrow::{Actor, Escrow, IntentId, Means, Mode, NewIntent, OrderId, Payer, PaymentState, Rail};
use serde_json::{Value, json};
use store::{Audited, Store, Wanted};

use crate::world::{PUBLIC_URL, Reply, World, intent_body};

const VISA: &str = "4242424242424242";
const MASTERCARD: &str = "5555555555554444";
const WITHOUT_REFUNDS: &str = "4000000000005126";
const DECLINED: &str = "4000000000000002";
const WITHOUT_FUNDS: &str = "4000000000009995";

/// How long a payment of the sandbox takes to be final: five blocks of two seconds.
const FINALITY_S: i64 = 10;

fn card(number: &str) -> Value {
    json!({"card": {"cardNumber": number, "expiry": "12/30", "cvv": "123", "name": "A. Payer"}})
}

/// A body with these fields of the card changed.
fn with(changes: Value) -> Value {
    let mut body = card(VISA);
    for (name, value) in changes.as_object().expect("an object") {
        body["card"][name] = value.clone();
    }
    body
}

fn path(intent: &str) -> String {
    format!("/v1/payment-intents/public/{intent}/payment")
}

/// Pays without an API key.
async fn send(world: &World, intent: &str, idempotency_key: Option<&str>, body: &Value) -> Reply {
    let request = Request::builder().method("POST").uri(path(intent)).header("Content-Type", "application/json");
    let request = idempotency_key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
    world.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn pay(world: &World, intent: &str, number: &str) -> Reply {
    send(world, intent, None, &card(number)).await
}

async fn stored(world: &World, intent: &str) -> Escrow {
    world.store.escrow(intent.parse().expect("an id")).await.expect("readable").expect("there")
}

async fn reaches(world: &World, seconds: i64, intent: &str, status: &str) -> Value {
    let has_status = |intent: &Value| intent["status"] == status;
    world.advance_until(seconds, &format!("/payment-intents/{intent}"), has_status).await
}

fn token(reply: &Value) -> &str {
    let token = reply["payerToken"].as_str().expect("a token");
    assert_eq!(reply["data"]["payerToken"], token);
    token
}

#[tokio::test(start_paused = true)]
async fn a_card_that_pays() {
    for (number, brand, last4) in [
        (VISA, "visa", "4242"),
        (MASTERCARD, "mastercard", "4444"),
        ("4242 4242 4242 4242", "visa", "4242"),
        ("5555-5555-5555-4444", "mastercard", "4444"),
    ] {
        let world = World::new().await;
        let intent = world.intent(true).await;
        let paid = pay(&world, &intent, number).await.ok(200);
        assert_eq!((&paid["status"], &paid["data"]["status"]), (&json!("PROCESSING"), &json!("PROCESSING")));
        assert_eq!(paid["data"]["card"], json!({"brand": brand, "last4": last4}));
        assert_eq!(paid["paymentUrl"], format!("{PUBLIC_URL}/pay/{intent}"));
        for private in ["merchantId", "metadata"] {
            assert!(paid["data"].get(private).is_none() && paid.get(private).is_none(), "{private} is the merchant's");
        }
        assert_eq!(paid["data"]["settlementDestination"], "****_123");
        let secret = token(&paid).strip_prefix("payer_").expect("the prefix");
        assert!(secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");

        // Nobody is told the token again.
        let public = world.get(&format!("/payment-intents/public/{intent}")).await.ok(200);
        assert!(public.get("payerToken").is_none() && public["data"].get("payerToken").is_none());
        let succeeded = reaches(&world, FINALITY_S, &intent, "SUCCEEDED").await;
        assert_eq!(succeeded["data"]["onRampStatus"], "COMPLETED");
        let funded = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
        assert_eq!(funded["data"]["fundedAmount"], "1000.00");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_intent_shows_of_a_card_in_each_state() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let get = async || world.get(&format!("/payment-intents/{intent}")).await.ok(200)["data"].clone();
    assert!(get().await.get("fiatPaymentStatus").is_none());
    let check = |data: &Value, status: &str, fiat: &str, on_ramp: &str, has_transaction: bool, last4: &str| {
        assert_eq!(data["status"], status);
        assert_eq!(data["card"]["last4"], last4);
        assert_eq!(data["fiatPaymentStatus"], fiat);
        assert_eq!(data["paymentProcessorType"], "SIMULATED");
        let reference = data["paymentProcessorTxId"].as_str().expect("a reference");
        assert!(reference.starts_with("simulated_"), "{reference}");
        assert_eq!(data["onRampStatus"], on_ramp);
        assert_eq!(data["onRampTxId"].is_string(), has_transaction, "{data}");
        assert_eq!((&data["stablecoinAmount"], &data["stablecoinCurrency"]), (&json!("1000.00"), &json!("USDC")));
        reference.to_owned()
    };
    pay(&world, &intent, DECLINED).await.refused(400, "payment_failed", "The card was declined", "");
    let refused = get().await;
    let first = check(&refused, "REQUIRES_ACTION", "FAILED", "CANCELLED", false, "0002");
    assert_eq!(refused["failureReason"], "The card was declined");

    pay(&world, &intent, MASTERCARD).await.ok(200);
    let processing = get().await;
    let second = check(&processing, "PROCESSING", "SUCCEEDED", "PROCESSING", true, "4444");
    assert_ne!(first, second, "each attempt has its own name at the processor");
    assert_eq!(processing["failureReason"], Value::Null);

    let succeeded = &reaches(&world, FINALITY_S, &intent, "SUCCEEDED").await["data"];
    assert_eq!(check(succeeded, "SUCCEEDED", "SUCCEEDED", "COMPLETED", true, "4444"), second);
    assert_eq!(succeeded["onRampTxId"], processing["onRampTxId"]);
    assert_eq!(succeeded["transactionHash"], processing["onRampTxId"]);

    // What is owed in money of banks is not turned into anything.
    let mut body = intent_body();
    body["currency"] = json!("EUR");
    let euros = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    let data = pay(&world, &euros, VISA).await.ok(200)["data"].clone();
    assert_eq!(data["fiatPaymentStatus"], "SUCCEEDED");
    for name in ["onRampStatus", "onRampTxId", "stablecoinAmount", "stablecoinCurrency"] {
        assert_eq!(data[name], Value::Null, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_does_not_pay_and_then_another() {
    for (number, reason) in [(DECLINED, "The card was declined"), (WITHOUT_FUNDS, "The card has insufficient funds")] {
        let world = World::new().await;
        let intent = world.intent(true).await;
        let declined = pay(&world, &intent, number).await;
        declined.refused(400, "payment_failed", reason, "");
        assert!(!String::from_utf8_lossy(&declined.body).contains("payer_"));
        let escrow = stored(&world, &intent).await;
        assert_eq!(escrow.status().name(), "REQUIRES_ACTION");
        let [payment] = escrow.payments.as_slice() else { panic!("{:?}", escrow.payments) };
        assert!(matches!(&payment.state, PaymentState::Failed { reason: told, .. } if told == reason), "{payment:?}");
        assert!(events(&world, &intent).await.contains(&"payment_intent.payment_failed".to_owned()));

        pay(&world, &intent, VISA).await.ok(200);
        reaches(&world, FINALITY_S, &intent, "SUCCEEDED").await;
        let again = pay(&world, &intent, VISA).await;
        again.refused(400, "invalid_state_transition", "Cannot pay payment intent in status: SUCCEEDED", "");
        let entries = world.get(&format!("/account/ledger-entries?paymentIntentId={intent}")).await.ok(200);
        let credit = &entries["data"][0];
        assert_eq!(entries["data"].as_array().map(Vec::len), Some(1), "a declined card books nothing: {entries}");
        assert_eq!(credit["transactionType"], "CREDIT");
        assert!(credit["description"].as_str().is_some_and(|text| text.contains("paid in (card)")), "{credit}");
    }
}

/// The types of an intent's events.
async fn events(world: &World, intent: &str) -> Vec<String> {
    let mut types = Vec::new();
    for row in world.everything().await {
        if let Audited::Escrow { events, .. } = row {
            let bodies = events.iter().map(|(_, _, row)| serde_json::from_slice::<Value>(&row.body).expect("JSON"));
            let own = bodies.filter(|event| event["paymentIntentId"] == intent);
            types.extend(own.map(|event| event["type"].as_str().expect("a type").to_owned()));
        }
    }
    types
}

#[tokio::test(start_paused = true)]
async fn cards_that_cannot_be_read() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let before = world.everything().await;
    let digits = "must be a string of 12 to 19 digits";
    let month = "must be a month and a year, as \"MM/YY\"";
    let code = "must be a string of 3 to 4 digits";
    let name = "must be a string of at most 256 characters";
    let split = |month: Value, year: Value| json!({"expiry": null, "expiryMonth": month, "expiryYear": year});
    for (changes, param, message) in [
        (json!({"cardNumber": null}), "cardNumber", "is required"),
        (json!({"cardNumber": 4_242_424_242_424_242_u64}), "cardNumber", digits),
        (json!({"cardNumber": [VISA]}), "cardNumber", digits),
        (json!({"cardNumber": ""}), "cardNumber", digits),
        (json!({"cardNumber": "42424242424"}), "cardNumber", digits),
        (json!({"cardNumber": "4".repeat(20)}), "cardNumber", digits),
        (json!({"cardNumber": "4".repeat(100_000)}), "cardNumber", digits),
        (json!({"cardNumber": "4242.4242.4242.4242"}), "cardNumber", digits),
        (json!({"cardNumber": "4242\u{0}424242424242"}), "cardNumber", digits),
        (json!({"cardNumber": "4242424242424241"}), "cardNumber", "its check digit is wrong"),
        (json!({"cardNumber": "4111111111111111"}), "cardNumber", "Only the test cards pay in the sandbox"),
        (json!({"cardNumber": "378282246310005"}), "cardNumber", "Only the test cards pay in the sandbox"),
        (json!({"expiry": null}), "expiry", "is required"),
        (json!({"expiry": 1230}), "expiry", month),
        (json!({"expiry": "13/30"}), "expiry", month),
        (json!({"expiry": "2030-12"}), "expiry", month),
        (json!({"expiry": "soon"}), "expiry", month),
        (json!({"expiry": ""}), "expiry", month),
        (json!({"expiry": "12/26"}), "expiry", "the card has expired"),
        (json!({"expiry": "12/2026"}), "expiry", "the card has expired"),
        (json!({"expiry": "1226"}), "expiry", "the card has expired"),
        (json!({"expiry": "12-26"}), "expiry", "the card has expired"),
        (split(Value::Null, json!(2030)), "expiryMonth", "is required"),
        (split(json!(12), Value::Null), "expiryYear", "is required"),
        (split(json!(13), json!(2030)), "expiryMonth", "from 1 to 12"),
        (split(json!("December"), json!(2030)), "expiryMonth", "from 1 to 12"),
        (split(json!(12), json!(203)), "expiryYear", "two or four digits"),
        (split(json!(12), json!(-30)), "expiryYear", "two or four digits"),
        (split(json!(12), json!("MMXXX")), "expiryYear", "two or four digits"),
        (split(json!(12), json!(26)), "expiryYear", "the card has expired"),
        (split(json!("12"), json!("2026")), "expiryYear", "the card has expired"),
        (json!({"cvv": null}), "cvv", "is required"),
        (json!({"cvv": 123}), "cvv", code),
        (json!({"cvv": "12"}), "cvv", code),
        (json!({"cvv": "12345"}), "cvv", code),
        (json!({"cvv": "12a"}), "cvv", code),
        (json!({"cvv": "１２３"}), "cvv", code),
        (json!({"cvv": " 123"}), "cvv", code),
        (json!({"name": 7}), "name", name),
        (json!({"name": "x".repeat(257)}), "name", name),
        (json!({"name": "a\u{0}b"}), "name", name),
    ] {
        let reply = send(&world, &intent, Some("k"), &with(changes.clone())).await;
        reply.refused(400, "invalid_card", message, &format!("card.{param}"));
        let told = reply.json()["message"].as_str().expect("a message").to_owned();
        // Texts of two digits stand in the rules themselves.
        let sent = changes.as_object().expect("an object").values().filter_map(Value::as_str);
        for sent in sent.filter(|text| text.len() > 2) {
            assert!(!told.contains(sent), "{sent} is repeated in {told}");
        }
    }
    for (body, message) in
        [(json!({}), "card is required"), (json!({"card": null}), "is required"), (json!({"card": VISA}), "object")]
    {
        let reply = send(&world, &intent, Some("k"), &body).await;
        reply.refused(400, "invalid_request", message, "card");
        assert!(!String::from_utf8_lossy(&reply.body).contains(VISA));
    }
    assert_eq!(world.everything().await, before);
    // None of these was remembered under its key.
    send(&world, &intent, Some("k"), &card(VISA)).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_write_a_good_card() {
    let world = World::new().await;
    let split = |month: Value, year: Value| json!({"expiry": null, "expiryMonth": month, "expiryYear": year});
    for changes in [
        json!({}),
        json!({"expiry": "01/27"}),
        json!({"expiry": "01/2027"}),
        json!({"expiry": "0127"}),
        json!({"expiry": "01-27"}),
        json!({"expiry": "01 / 27"}),
        json!({"expiry": "12/9999"}),
        split(json!(1), json!(2027)),
        split(json!("01"), json!("27")),
        json!({"expiryMonth": 1, "expiryYear": 1999}),
        json!({"cvv": "0000"}),
        json!({"name": null}),
        json!({"name": "ñ".repeat(256)}),
        json!({"billingAddress": {"country": "XX"}, "brand": 7}),
    ] {
        let intent = world.intent(true).await;
        let reply = send(&world, &intent, None, &with(changes.clone())).await;
        assert_eq!(reply.status, 200, "{changes}: {}", String::from_utf8_lossy(&reply.body));
    }
    let intent = world.intent(true).await;
    let form = "card[cardNumber]=4242+4242+4242+4242&card[expiryMonth]=1&card[expiryYear]=2027&card%5Bcvv%5D=123";
    let request = Request::builder().method("POST").uri(path(&intent));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(Body::from(form));
    world.send(request.expect("a request")).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn a_card_is_good_to_the_end_of_its_month() {
    const FEBRUARY_MS: i64 = 1_801_440_000_000; // 2027-02-01T00:00:00Z
    let world = World::new().await;
    let intent = world.intent(true).await;
    let january = with(json!({"expiry": "01/27"}));
    world.host.set_ms(FEBRUARY_MS);
    send(&world, &intent, None, &january).await.refused(400, "invalid_card", "expired", "card.expiry");
    world.host.set_ms(FEBRUARY_MS - 1);
    send(&world, &intent, None, &january).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_under_way_at_a_time() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let attempts = [VISA, MASTERCARD, VISA, DECLINED].map(|number| pay(&world, &intent, number));
    let [one, two, three, four] = attempts;
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    let replies = [one, two, three, four];
    let paid = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(paid, 1, "{replies:?}");
    let is_late = |reply: &&Reply| reply.status != 200 && reply.json()["code"] != "payment_failed";
    for reply in replies.iter().filter(is_late) {
        reply.refused(400, "invalid_state_transition", "Cannot pay payment intent in status: PROCESSING", "");
    }
    let under_way = stored(&world, &intent).await.payments.iter().filter(|payment| payment.is_confirming()).count();
    assert_eq!(under_way, 1);
    // A card that would be declined comes as late, and a card that cannot be read is told so all the same.
    let late = pay(&world, &intent, DECLINED).await;
    late.refused(400, "invalid_state_transition", "Cannot pay payment intent in status: PROCESSING", "");
    let unread = send(&world, &intent, None, &with(json!({"cvv": "1"}))).await;
    unread.refused(400, "invalid_card", "3 to 4 digits", "card.cvv");
}

#[tokio::test(start_paused = true)]
async fn the_same_payment_again_happens_once_and_hides_the_token() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let first = send(&world, &intent, Some("k"), &card(VISA)).await;
    let mut shown = first.ok(200);
    let token = token(&shown).to_owned();
    let before = world.everything().await;
    let again = send(&world, &intent, Some("k"), &card(VISA)).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    shown["payerToken"] = Value::Null;
    shown["data"]["payerToken"] = Value::Null;
    assert_eq!(again.ok(200), shown, "the same, but for the token");
    assert_eq!(
        String::from_utf8_lossy(&first.body).replace(&format!("\"{token}\""), "null").as_bytes(),
        again.body,
        "byte for byte"
    );
    assert_eq!(send(&world, &intent, Some("k"), &card(VISA)).await.body, again.body);
    let other = send(&world, &intent, Some("k"), &card(MASTERCARD)).await;
    other.refused(400, "idempotency_mismatch", "different request", "");
    assert_eq!(world.everything().await, before);

    let escrow = stored(&world, &intent).await;
    let key = (escrow.owner, format!("{intent} k"));
    let loaded = world.store.load(Wanted { replies: vec![key], ..Wanted::default() }).await.expect("readable");
    let remembered = loaded.replies[0].as_ref().expect("remembered");
    assert_eq!(remembered.body, again.body);

    // Keys of payers count per intent.
    let another = world.intent(true).await;
    send(&world, &another, Some("k"), &card(VISA)).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn a_declined_card_is_remembered_under_its_key() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let first = send(&world, &intent, Some("k"), &card(DECLINED)).await;
    first.refused(400, "payment_failed", "declined", "");
    let before = world.everything().await;
    let again = send(&world, &intent, Some("k"), &card(DECLINED)).await;
    assert_eq!((again.status, &again.body), (400, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(world.everything().await, before);
    send(&world, &intent, None, &card(DECLINED)).await.refused(400, "payment_failed", "declined", "");
    assert_eq!(stored(&world, &intent).await.payments.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn money_that_comes_too_late_goes_back_to_the_card() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    pay(&world, &intent, VISA).await.ok(200);
    world.post(&format!("/payment-intents/{intent}/cancel"), Value::Null).await.ok(200);
    let entries = format!("/account/ledger-entries?paymentIntentId={intent}");
    let is_back = |list: &Value| list["data"].as_array().is_some_and(|entries| entries.len() == 2);
    let list = world.advance_until(FINALITY_S, &entries, is_back).await;
    for (place, kind, what) in [(0, "DEBIT", "sent back (card)"), (1, "CREDIT", "came in (card)")] {
        let entry = &list["data"][place];
        assert_eq!((&entry["transactionType"], &entry["amount"]), (&json!(kind), &json!("1000.00")));
        assert!(entry["description"].as_str().is_some_and(|text| text.contains(what)), "{entry}");
    }
    let escrow = stored(&world, &intent).await;
    let [refund] = escrow.refunds.as_slice() else { panic!("{:?}", escrow.refunds) };
    assert_eq!((refund.rail, refund.status().name()), (Rail::Card, "SUCCEEDED"));
    assert!(matches!(escrow.payments[0].state, PaymentState::Unapplied { refund: id, .. } if id == refund.id));
    let shown = world.get(&format!("/payment-intents/{intent}")).await.ok(200);
    assert_eq!(shown["status"], "CANCELED");
    assert_eq!(
        (&shown["data"]["fiatPaymentStatus"], &shown["data"]["onRampStatus"]),
        (&json!("REFUNDED"), &json!("CANCELLED"))
    );
    let balance = world.get("/account/balance").await.ok(200);
    assert_eq!(balance["data"]["totalBalance"], "0.00");
}

#[tokio::test(start_paused = true)]
async fn a_card_that_refuses_every_refund() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    pay(&world, &intent, WITHOUT_REFUNDS).await.ok(200);
    reaches(&world, FINALITY_S, &intent, "SUCCEEDED").await;
    let asked = world.post("/refunds", json!({"paymentIntentId": intent, "amount": "400"})).await.ok(200);
    assert_eq!(asked["status"], "PENDING");
    let refund = format!("/refunds/{}", asked["id"].as_str().expect("an id"));
    let failed = world.advance_until(1, &refund, |refund| refund["status"] == "FAILED").await;
    assert_eq!(failed["data"]["failureReason"], "The card takes no refunds");
    let order = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!([&order["data"]["heldAmount"], &order["data"]["refundedAmount"]], [&json!("1000.00"), &json!("0.00")]);
    let seen = world.event_types(&intent).await;
    assert!(seen.ends_with(&["refund.created".to_owned(), "refund.failed".to_owned()]), "{seen:?}");

    // What was nobody's refund goes back all the same: what is paid twice, and what comes too late.
    let is_back = |list: &Value| list["data"][0]["status"] == "SUCCEEDED";
    world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), Value::Null).await.ok(200);
    world.advance_until(1, &format!("/refunds?paymentIntentId={intent}"), is_back).await;
    let late = world.intent(true).await;
    pay(&world, &late, WITHOUT_REFUNDS).await.ok(200);
    world.post(&format!("/payment-intents/{late}/cancel"), Value::Null).await.ok(200);
    world.advance_until(FINALITY_S, &format!("/refunds?paymentIntentId={late}"), is_back).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_card_and_a_token_only_what_may_be_kept_is_stored() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paid = send(&world, &intent, Some("k"), &card("5555 5555 5555 4444")).await.ok(200);
    let token = token(&paid);
    let escrow = stored(&world, &intent).await;
    let Means::Card(kept) = &escrow.payments[0].means else { panic!("{escrow:?}") };
    let hash = Keyring::new(&[7; 32]).hash_payer_token(token);
    assert_eq!((kept.brand.name(), kept.last_four.as_str(), kept.token), ("mastercard", "4444", hash));
    reaches(&world, FINALITY_S, &intent, "SUCCEEDED").await;
    assert_eq!(stored(&world, &intent).await.payer(), Some(Payer::Bearer(hash)), "who pays is who holds the token");
    for row in world.everything().await {
        let mut texts = vec![format!("{row:?}")];
        // Bodies of events are bytes: they are looked at as text.
        if let Audited::Escrow { events, .. } = row {
            texts.extend(events.iter().map(|(_, _, row)| String::from_utf8_lossy(&row.body).into_owned()));
        }
        for text in texts {
            for secret in [MASTERCARD, "5555 5555", token, "A. Payer"] {
                assert!(!text.contains(secret), "{secret} is in {text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_real_money_from_cards() {
    let world = World::new().await;
    let ids = world.engine.ids();
    let terms = stored(&world, &world.intent(true).await).await.terms;
    let (id, order_id) = (IntentId::fresh(ids), OrderId::fresh(ids));
    let owner = world.owner("one", Mode::Live).await;
    let ask = Ask::Open(Box::new(NewIntent { id, order_id, owner, terms, milestones: Vec::new() }));
    let render =
        Arc::new(|_: Result<&Escrow, &escrow::Rejection>| Rendered { status: 0, body: Vec::new(), kept: None });
    let asked = engine::Request { reach: Reach::Owner(owner), by: Actor::Merchant, ask, idempotency: None, render };
    let opened = world.engine.submit(asked).await.expect("an answer");
    assert!(matches!(opened, Answer::Decided(_)), "{opened:?}");
    let before = world.everything().await;
    for body in [card(VISA), card("nonsense"), json!({})] {
        let reply = send(&world, &id.to_string(), Some("k"), &body).await;
        reply.refused(503, "service_unavailable", "no card processor is connected", "");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn intents_that_cannot_be_paid_by_card() {
    let world = World::new().await;
    let nobodys = pay(&world, "intent_0000000000000000000000", VISA).await;
    nobodys.refused(404, "resource_missing", "No such payment intent", "");
    let canceled = world.intent(true).await;
    world.post(&format!("/payment-intents/{canceled}/cancel"), Value::Null).await.ok(200);
    let reply = pay(&world, &canceled, VISA).await;
    reply.refused(400, "invalid_state_transition", "Cannot pay payment intent in status: CANCELED", "");
    let funded = world.intent(true).await;
    world.post(&format!("/test-helpers/payment-intents/{funded}/fund"), Value::Null).await.ok(200);
    let reply = pay(&world, &funded, VISA).await;
    reply.refused(400, "invalid_state_transition", "Cannot pay payment intent in status: SUCCEEDED", "");
}
