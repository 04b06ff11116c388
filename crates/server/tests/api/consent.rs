//! Payers consent by signature.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::wallet::Wallet;
use crate::world::{OTHER, Reply, START_MS, TEST, World, intent_body};

/// As in the published documentation: its checksum is wrong.
const WRONG_CHECKSUM: &str = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";

/// Five blocks of the simulated chain.
const FINALITY_S: i64 = 10;

fn confirm(intent: &str) -> String {
    format!("/payment-intents/{intent}/confirm")
}

fn path(intent: &str) -> String {
    format!("/payment-intents/{intent}")
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

/// A request with the first merchant's test key and an idempotency key.
async fn post_under(world: &World, key: &str, path: &str, body: &Value) -> Reply {
    let request = Request::builder().method("POST").uri(format!("/v1{path}")).header("X-API-Key", TEST);
    let request = request.header("Idempotency-Key", key).header("content-type", "application/json");
    world.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

/// A phase that began at and, where it has, ended at so many seconds after the start.
fn phase(name: &str, status: &str, began_s: i64, ended_s: Option<i64>) -> Value {
    let at = |seconds: i64| START_MS / 1000 + seconds;
    let mut phase = json!({"phase": name, "status": status, "startedAt": at(began_s).to_string()});
    if let Some(ended_s) = ended_s {
        phase["completedAt"] = json!(at(ended_s).to_string());
    }
    phase["timestamp"] = json!(at(ended_s.unwrap_or(began_s)));
    phase
}

#[tokio::test(start_paused = true)]
async fn a_signed_intent_is_paid_five_blocks_later() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let escrow = format!("/payment-intents/{intent}/escrow");
    world.host.advance(::escrow::Span::from_seconds(60));
    let body = wallet.consent(&world, &intent).await;
    let confirmed = world.post(&confirm(&intent), body.clone()).await.ok(200);
    assert_eq!(confirmed["status"], "PROCESSING");
    let data = &confirmed["data"];
    assert_eq!(data["signature"], body["signature"]);
    assert_eq!(data["signerAddress"], json!(wallet.address()));
    assert_eq!(data["failureReason"], Value::Null);
    let transaction = data["transactionHash"].as_str().expect("a simulated transaction").to_owned();
    assert!(transaction.starts_with("0x") && transaction.len() == 66, "{transaction}");
    let consented = phase("SIGNATURE_VERIFICATION", "COMPLETED", 0, Some(60));
    assert_eq!(data["phases"], json!([consented, phase("BLOCKCHAIN_CONFIRMATION", "IN_PROGRESS", 60, None)]));
    assert_eq!(world.get(&path(&intent)).await.ok(200), confirmed);
    let order = world.get(&escrow).await.ok(200);
    assert_eq!(order["data"]["fundedAmount"], "0.00", "nothing is booked before it is final");
    assert_eq!(order["data"]["buyerAddress"], Value::Null);
    assert_eq!(world.get("/account/ledger-entries").await.ok(200)["data"], json!([]));

    let paid = world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    assert_eq!(paid["data"]["transactionHash"], json!(transaction));
    assert_eq!(paid["data"]["signature"], body["signature"]);
    assert_eq!(
        paid["data"]["phases"],
        json!([
            consented,
            phase("BLOCKCHAIN_CONFIRMATION", "COMPLETED", 60, Some(70)),
            phase("ESCROW_LOCKED", "COMPLETED", 70, Some(70)),
            phase("AWAITING_DELIVERY_PROOF", "IN_PROGRESS", 70, None),
        ])
    );
    let order = world.get(&escrow).await.ok(200)["data"].clone();
    assert_eq!((&order["fundedAmount"], &order["heldAmount"]), (&json!("1000.00"), &json!("1000.00")));
    assert_eq!(order["buyerAddress"], json!(wallet.address()));
    assert_eq!(order["createTxHash"], json!(transaction));
    let entries = world.get("/account/ledger-entries").await.ok(200);
    assert_eq!(entries["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(entries["data"][0]["description"], "1000.00 USDC paid in (sandbox) and held in escrow");

    let late = world.post(&confirm(&intent), body).await;
    late.refused(400, "invalid_state_transition", "Cannot confirm payment intent in status: SUCCEEDED", "");
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_not_final_a_second_earlier() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    world.post(&confirm(&intent), wallet.consent(&world, &intent).await).await.ok(200);
    world.host.advance(::escrow::Span::from_seconds(FINALITY_S - 1));
    world.engine.host().sleep(::escrow::Span::from_seconds(FINALITY_S)).await;
    assert_eq!(world.get(&path(&intent)).await.ok(200)["status"], "PROCESSING");
    world.advance_until(1, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
}

#[tokio::test(start_paused = true)]
async fn payments_without_escrow_are_consented_to_as_well() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let body = with(with(intent_body(), "type", "CONSENTED_PULL"), "releaseType", Value::Null);
    let intent = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    world.post(&confirm(&intent), wallet.consent(&world, &intent).await).await.ok(200);
    let paid = world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    assert_eq!(paid["data"]["settlementStatus"], "PENDING");
}

#[tokio::test(start_paused = true)]
async fn what_must_be_sent_along() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let good = wallet.consent(&world, &intent).await;
    let before = world.everything().await;
    world.post(&confirm(&intent), Value::Null).await.refused(
        400,
        "invalid_request",
        "signature is required",
        "signature",
    );
    world.post(&confirm(&intent), json!({})).await.refused(
        400,
        "invalid_request",
        "signature is required",
        "signature",
    );
    let address = "must be an address: 0x and 40 hexadecimal digits";
    for (name, value, why) in [
        ("signature", Value::Null, "signature is required"),
        ("signature", json!(7), "must be a string"),
        ("signature", json!("0".repeat(2049)), "at most 2048 bytes"),
        ("payerAddress", Value::Null, "payerAddress is required"),
        ("payerAddress", json!({}), "must be a string"),
        ("payerAddress", json!(""), address),
        ("payerAddress", json!("alice@example.com"), address),
        ("payerAddress", json!(&wallet.address()[2..]), address),
        ("payerAddress", json!(&wallet.address()[..41]), address),
    ] {
        let reply = world.post(&confirm(&intent), with(good.clone(), name, value)).await;
        reply.refused(400, "invalid_request", why, name);
    }
    assert_eq!(world.everything().await, before);
    let another = world.call_as(OTHER, "POST", &confirm(&intent), good.clone()).await;
    another.refused(403, "forbidden", "You do not have permission to access this payment intent", "");
    world.post(&confirm(&intent), good).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn signatures_that_are_not_the_payers_over_these_terms() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let other_intent = world.intent(true).await;
    let good = wallet.sign(&world, &intent).await;
    let not_theirs = "not the expected account's over the current typed data";
    let other_v = if good.ends_with("1b") { "1c" } else { "1b" };
    let before = world.everything().await;
    for (signature, why) in [
        (String::new(), "must start with 0x"),
        ("please".to_owned(), "must start with 0x"),
        (good[2..].to_owned(), "must start with 0x"),
        (good[..130].to_owned(), "it has 128 after the 0x"),
        (format!("{good}00"), "it has 132 after the 0x"),
        (format!("0x{}", "zz".repeat(65)), "other characters"),
        (format!("0x{}", "00".repeat(65)), "greater than zero"),
        (format!("{}1d", &good[..130]), "must be 0, 1, 27 or 28; it is 29"),
        (format!("{}{}1b", &good[..66], "7f".repeat(31) + "ff"), not_theirs),
        (format!("{}{}1b", &good[..66], "fe".repeat(32)), "lower half"),
        (format!("{}{other_v}", &good[..130]), not_theirs),
        (Wallet::new(2).sign(&world, &intent).await, not_theirs),
        (wallet.sign(&world, &other_intent).await, not_theirs),
    ] {
        let body = json!({"signature": signature, "payerAddress": wallet.address()});
        let reply = world.post(&confirm(&intent), body).await;
        reply.refused(400, "signature_verification_failed", why, "signature");
    }
    let body = json!({"signature": good, "payerAddress": Wallet::new(2).address()});
    let reply = world.post(&confirm(&intent), body).await;
    reply.refused(400, "signature_verification_failed", &wallet.address(), "signature");
    assert_eq!(world.everything().await, before);
    let body = json!({"signature": good, "payerAddress": wallet.address()});
    world.post(&confirm(&intent), body).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn both_forms_of_v_and_any_case_are_one_signature() {
    let world = World::new().await;
    for number in 1..=8 {
        let wallet = Wallet::new(number);
        let intent = world.intent(true).await;
        let signature = wallet.sign(&world, &intent).await;
        let low_v = if signature.ends_with("1b") { "00" } else { "01" };
        let sent = match number % 3 {
            0 => format!("0x{}", signature[2..].to_uppercase()),
            1 => format!("{}{low_v}", &signature[..130]),
            _ => signature,
        };
        let body = json!({"signature": sent, "payerAddress": wallet.address()});
        let confirmed = world.post(&confirm(&intent), body).await.ok(200);
        assert_eq!(confirmed["data"]["signature"], json!(sent), "as sent");
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_are_echoed_as_sent() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let checksummed = wallet.address();
    let swapped: String = checksummed[2..]
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let forms = [
        checksummed.clone(),
        checksummed.to_lowercase(),
        format!("0x{}", checksummed[2..].to_uppercase()),
        format!("0x{swapped}"),
    ];
    for sent in forms {
        let body = with(intent_body(), "deliveryOracle", WRONG_CHECKSUM);
        let created = world.post("/payment-intents", body).await.ok(200);
        let intent = created["id"].as_str().expect("an id").to_owned();
        // What Milepost writes itself has its checksum.
        let signed = &created["data"]["typedData"]["message"]["terms"]["deliveryOracle"];
        let signed = signed.as_str().expect("an address");
        assert!(signed != WRONG_CHECKSUM && signed.eq_ignore_ascii_case(WRONG_CHECKSUM), "{signed}");
        let body = with(wallet.consent(&world, &intent).await, "payerAddress", sent.as_str());
        let confirmed = world.post(&confirm(&intent), body).await.ok(200);
        assert_eq!(confirmed["data"]["signerAddress"], json!(sent));
        world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
        let order = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
        assert_eq!(order["data"]["buyerAddress"], json!(sent));
        assert_eq!(order["data"]["deliveryOracle"], WRONG_CHECKSUM);
    }
}

#[tokio::test(start_paused = true)]
async fn only_an_intent_that_waits_for_money_is_confirmed() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let canceled = world.intent(true).await;
    world.post(&format!("/payment-intents/{canceled}/cancel"), Value::Null).await.ok(200);
    let funded = world.intent(true).await;
    world.post(&format!("/test-helpers/payment-intents/{funded}/fund"), Value::Null).await.ok(200);
    let confirmed = world.intent(true).await;
    world.post(&confirm(&confirmed), wallet.consent(&world, &confirmed).await).await.ok(200);
    let before = world.everything().await;
    for (intent, status) in [(canceled, "CANCELED"), (funded, "SUCCEEDED"), (confirmed, "PROCESSING")] {
        let message = format!("Cannot confirm payment intent in status: {status}");
        let body = wallet.consent(&world, &intent).await;
        world.post(&confirm(&intent), body).await.refused(400, "invalid_state_transition", &message, "");
        let bad = json!({"signature": "0x", "payerAddress": wallet.address()});
        world.post(&confirm(&intent), bad).await.refused(400, "invalid_state_transition", &message, "");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_signature_under_older_terms_is_none() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "300").await;
    let one = format!("/payment-intents/{intent}/escrow/milestones/{milestone}");
    let nonce = async || world.get(&path(&intent)).await.ok(200)["data"]["typedData"]["message"]["nonce"].clone();
    let mut signed = vec![wallet.consent(&world, &intent).await];
    assert_eq!(nonce().await, "1");
    world.milestone(&intent, 1, "700").await;
    signed.push(wallet.consent(&world, &intent).await);
    world.call("PATCH", &one, json!({"amount": "299"})).await.ok(200);
    signed.push(wallet.consent(&world, &intent).await);
    world.call("PATCH", &one, json!({"amount": "300"})).await.ok(200);
    // The same terms as two changes ago, but not the same count of them.
    assert_eq!(nonce().await, "4");
    for body in signed {
        let reply = world.post(&confirm(&intent), body).await;
        reply.refused(400, "signature_verification_failed", "the terms may have changed", "signature");
    }
    world.post(&confirm(&intent), wallet.consent(&world, &intent).await).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn the_transaction_may_be_named() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (first, second) = (world.intent(true).await, world.intent(true).await);
    let body = wallet.consent(&world, &first).await;
    for bad in [json!("0x12"), json!("nonsense"), json!("ab".repeat(32)), json!(12), json!("")] {
        let reply = world.post(&confirm(&first), with(body.clone(), "transactionHash", bad)).await;
        reply.refused(400, "invalid_transaction_hash", "must be 0x and 64 hexadecimal digits", "transactionHash");
    }
    let hash = format!("0x{}", "aB".repeat(32));
    let confirmed = world.post(&confirm(&first), with(body, "transactionHash", hash.as_str())).await.ok(200);
    assert_eq!(confirmed["data"]["transactionHash"], json!(hash.to_lowercase()));

    let before = world.everything().await;
    let body = wallet.consent(&world, &second).await;
    let taken = world
        .post(&confirm(&second), with(body.clone(), "transactionHash", hash.to_uppercase().replace("0X", "0x")))
        .await;
    taken.refused(400, "transaction_hash_exists", "already used by another payment intent", "transactionHash");
    assert_eq!(world.everything().await, before);
    let other = format!("0x{}", "cd".repeat(32));
    world.post(&confirm(&second), with(body, "transactionHash", other.as_str())).await.ok(200);
    for (intent, hash) in [(first, hash.to_lowercase()), (second, other)] {
        let paid = world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
        assert_eq!(paid["data"]["transactionHash"], json!(hash));
        let order = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
        assert_eq!(order["data"]["createTxHash"], json!(hash));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_consent_ends() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (early, late) = (world.intent(true).await, world.intent(true).await);
    let deadline_s = START_MS / 1000 + 30 * 24 * 3600;
    for intent in [&early, &late] {
        let message = world.get(&path(intent)).await.ok(200)["data"]["typedData"]["message"].clone();
        assert_eq!(message["deadline"], json!(deadline_s.to_string()));
    }
    world.host.advance(::escrow::Span::from_seconds(30 * 24 * 3600));
    world.post(&confirm(&early), wallet.consent(&world, &early).await).await.ok(200);
    world.host.advance(::escrow::Span::from_seconds(24 * 3600));
    let reply = world.post(&confirm(&late), wallet.consent(&world, &late).await).await;
    let message = format!("deadline for consenting to this payment intent has passed (Unix seconds {deadline_s})");
    reply.refused(400, "signature_verification_failed", &message, "signature");
    assert_eq!(world.get(&path(&late)).await.ok(200)["status"], "INITIATED");
}

#[tokio::test(start_paused = true)]
async fn a_confirm_is_sent_again_without_harm() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let body = wallet.consent(&world, &intent).await;
    let bad = with(body.clone(), "signature", format!("0x{}", "11".repeat(65)));
    let refused = post_under(&world, "bad", &confirm(&intent), &bad).await;
    refused.refused(400, "signature_verification_failed", "must be 0, 1, 27 or 28", "signature");
    let first = post_under(&world, "k", &confirm(&intent), &body).await;
    first.ok(200);
    world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    let before = world.everything().await;
    for (key, body, remembered) in [("k", &body, &first), ("bad", &bad, &refused)] {
        let again = post_under(&world, key, &confirm(&intent), body).await;
        assert_eq!((again.status, &again.body), (remembered.status, &remembered.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(first.json()["status"], "PROCESSING", "the first answer, although more has happened since");
    let changed = with(body, "payerAddress", wallet.address().to_lowercase());
    let reply = post_under(&world, "k", &confirm(&intent), &changed).await;
    reply.refused(400, "idempotency_mismatch", "different request", "");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn two_confirms_at_once_are_one_payment() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let (one, other) = (Wallet::new(1).consent(&world, &intent).await, Wallet::new(2).consent(&world, &intent).await);
    let at = confirm(&intent);
    let (one, other) = tokio::join!(world.post(&at, one), world.post(&at, other));
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    let signer = won.ok(200)["data"]["signerAddress"].clone();
    lost.refused(400, "invalid_state_transition", "Cannot confirm payment intent in status: PROCESSING", "");
    let paid = world.advance_until(FINALITY_S, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    assert_eq!(paid["data"]["signerAddress"], signer);
    assert_eq!(world.get("/account/ledger-entries").await.ok(200)["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn lists_show_who_signed_and_what_to_sign() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (confirmed, waiting) = (world.intent(true).await, world.intent(true).await);
    world.post(&confirm(&confirmed), wallet.consent(&world, &confirmed).await).await.ok(200);
    for (status, intent, signer) in
        [("PROCESSING", &confirmed, json!(wallet.address())), ("INITIATED", &waiting, Value::Null)]
    {
        let list = world.get(&format!("/payment-intents?status={status}")).await.ok(200);
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
        let shown = &list["data"][0];
        assert_eq!((&shown["id"], &shown["signerAddress"]), (&json!(intent), &signer));
        assert_eq!(*shown, world.get(&path(intent)).await.ok(200)["data"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_signed() {
    let world = World::with_fee(250).await;
    let hash = format!("0x{}", "aB".repeat(32));
    let mut body = intent_body();
    for (name, value) in [
        ("autoRelease", json!(true)),
        ("deliveryPeriod", json!("24h")),
        ("disputeWindow", json!(3600)),
        ("timeLockUntil", json!("1900000000")),
        ("expectedDeliveryHash", json!(hash)),
        ("deliveryOracle", json!(WRONG_CHECKSUM)),
        (
            "milestones",
            json!([
                {"milestoneIndex": 4, "amount": "700.000001"},
                {"milestoneIndex": 0, "amount": "299.999999", "description": "Entwürfe 🚀"},
            ]),
        ),
    ] {
        body[name] = value;
    }
    let created = world.post("/payment-intents", body).await.ok(200)["data"].clone();
    let typed = &created["typedData"];
    let field = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let fields = |list: &[(&str, &str)]| list.iter().map(|(name, kind)| field(name, kind)).collect::<Vec<_>>();
    let mut types = json!({
        "PaymentConsent": fields(&[
            ("intentId", "string"), ("paymentType", "string"), ("payee", "address"), ("token", "address"),
            ("amount", "uint256"), ("terms", "Terms"), ("nonce", "uint256"), ("deadline", "uint256"),
        ]),
        "Terms": fields(&[
            ("releaseType", "string"), ("autoRelease", "bool"), ("requireDelivery", "bool"),
            ("requireApproval", "bool"), ("approvalPeriod", "uint256"), ("deliveryPeriod", "uint256"),
            ("disputeWindow", "uint256"), ("timeLockUntil", "uint256"), ("expectedDeliveryHash", "bytes32"),
            ("deliveryOracle", "address"), ("feeBasisPoints", "uint256"), ("settlementMethod", "string"),
            ("settlementDestination", "bytes32"), ("milestones", "Milestone[]"),
        ]),
        "Milestone": fields(&[("index", "uint256"), ("amount", "uint256"), ("description", "string")]),
    });
    let terms = &typed["message"]["terms"];
    let message = json!({
        "intentId": created["id"], "paymentType": "DELIVERY_VS_PAYMENT", "payee": typed["message"]["payee"],
        "token": "0x2eb09AC7887e96A3E295B8b44B0BB55C059B2ED3", "amount": "1000000000",
        "terms": {
            "releaseType": "MILESTONE_LOCKED", "autoRelease": true, "requireDelivery": false, "requireApproval": false,
            "approvalPeriod": "604800", "deliveryPeriod": "86400", "disputeWindow": "3600",
            "timeLockUntil": "1900000000", "expectedDeliveryHash": hash.to_lowercase(),
            "deliveryOracle": terms["deliveryOracle"], "feeBasisPoints": "250", "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": terms["settlementDestination"],
            "milestones": [
                {"index": "0", "amount": "299999999", "description": "Entwürfe 🚀"},
                {"index": "4", "amount": "700000001", "description": ""},
            ],
        },
        "nonce": "2", "deadline": (START_MS / 1000 + 30 * 24 * 3600).to_string(),
    });
    let domain = json!({
        "name": "Milepost", "version": "1", "chainId": 11_155_111,
        "verifyingContract": "0x242eAa9010E34A0CC33AE33bCdc42B597662Bd48",
    });
    assert_eq!(created["contractAddress"], domain["verifyingContract"]);
    assert_eq!(created["chainId"], domain["chainId"]);
    assert_eq!(*typed, json!({"domain": domain, "types": types, "primaryType": "PaymentConsent", "message": message}));
    types["EIP712Domain"] = json!(fields(&[
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ]));
    let v4 = json!({"domain": domain, "types": types, "primaryType": "PaymentConsent", "message": message});
    assert_eq!(created["typedDataV4"], v4);
    assert!(!typed.to_string().contains("bank_account_123"), "where the payee is paid out is sealed: {typed}");
}

#[tokio::test(start_paused = true)]
async fn amounts_are_signed_as_the_token_counts_them() {
    let world = World::new().await;
    for (currency, amount, share, units, share_units) in [
        ("DAI", "1000.000001", "0.5", "1000000001000000000000", "500000000000000000"),
        ("DAI", "1000000000", "1000000000", "1000000000000000000000000000", "1000000000000000000000000000"),
        ("USDC", "1000.000001", "0.5", "1000000001", "500000"),
        ("USDT", "0.000001", "0.000001", "1", "1"),
        ("EUR", "10.01", "0.5", "1001", "50"),
    ] {
        let body = with(with(intent_body(), "amount", amount), "currency", currency);
        let body = with(body, "milestones", json!([{"milestoneIndex": 0, "amount": share}]));
        let created = world.post("/payment-intents", body).await.ok(200);
        let message = &created["data"]["typedData"]["message"];
        assert_eq!(message["amount"], units, "{currency} {amount}");
        assert_eq!(message["terms"]["milestones"][0]["amount"], share_units, "{currency} {share}");
    }
}
