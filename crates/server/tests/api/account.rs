//! Balance and ledger.

use serde_json::{Value, json};

use crate::world::{OTHER, World, intent_body};

#[tokio::test(start_paused = true)]
async fn balances() {
    let world = World::new().await;
    let nothing = json!({
        "object": "balance",
        "data": {
            "availableBalance": "0.00", "pendingBalance": "0.00", "reservedBalance": "0.00", "totalBalance": "0.00",
            "currency": "USDC", "balances": [],
        },
    });
    for path in ["/account/balance", "/payment-intents/account/balance"] {
        assert_eq!(world.get(path).await.ok(200), nothing);
    }
    for (currency, amount, release) in [("USD", "100", "40"), ("USDT", "0.000003", "0.000001")] {
        let mut body = intent_body();
        body["currency"] = json!(currency);
        body["amount"] = json!(amount);
        body["autoRelease"] = json!(true);
        body["milestones"] = json!([{"milestoneIndex": 0, "amount": release}]);
        let intent = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
        let list = world.get(&format!("/payment-intents/{intent}/escrow/milestones")).await.ok(200);
        let milestone = list["data"][0]["id"].as_str().expect("an id");
        let complete = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
        world.post(&complete, json!({"completedBy": "me"})).await.ok(200);
    }
    let of = |available: &str, pending: &str, total: &str, currency: &str| {
        json!({
            "availableBalance": available, "pendingBalance": pending, "reservedBalance": "0.00", "totalBalance": total,
            "currency": currency,
        })
    };
    let (tether, dollar) = (of("0.000001", "0.000002", "0.000003", "USDT"), of("40.00", "60.00", "100.00", "USD"));
    let zero = of("0.00", "0.00", "0.00", "EUR");
    for (query, chosen) in [("", &tether), ("?currency=USD", &dollar), ("?currency=EUR", &zero)] {
        let mut data = chosen.clone();
        data["balances"] = json!([tether, dollar]);
        let path = format!("/account/balance{query}");
        assert_eq!(world.get(&path).await.ok(200), json!({"object": "balance", "data": data}), "{query}");
    }
    world.get("/account/balance?currency=XYZ").await.refused(400, "invalid_request", "must be one of", "currency");
    assert_eq!(world.call_as(OTHER, "GET", "/account/balance", Value::Null).await.ok(200), nothing);
}

#[tokio::test(start_paused = true)]
async fn ledger_entries() {
    let world = World::with_fee(100).await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "300").await;
    let complete = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&complete, json!({"completedBy": "me"})).await.ok(200);
    let all = "/account/ledger-entries";
    let is_paid_out = |list: &Value| list["data"].as_array().is_some_and(|entries| entries.len() == 5);
    let list = world.advance_until(10, all, is_paid_out).await;

    let canceled = world.intent(true).await;
    world.post(&format!("/test-helpers/payment-intents/{canceled}/fund"), Value::Null).await.ok(200);
    world.post(&format!("/payment-intents/{canceled}/cancel"), Value::Null).await.ok(200);
    let of_canceled = format!("{all}?paymentIntentId={canceled}");
    let is_returned = |list: &Value| list["data"].as_array().is_some_and(|entries| entries.len() == 3);
    let refunds = world.advance_until(1, &of_canceled, is_returned).await;

    let told = |entry: &Value| -> Vec<String> {
        ["transactionType", "amount", "balanceBefore", "balanceAfter"]
            .map(|name| entry[name].as_str().expect("a text").to_owned())
            .to_vec()
    };
    let rows = |list: &Value| -> Vec<_> { list["data"].as_array().expect("a list").iter().map(told).collect() };
    assert_eq!(
        rows(&list),
        [
            ["SETTLEMENT", "297.00", "297.00", "0.00"],
            ["RESERVE", "297.00", "297.00", "0.00"],
            ["FEE", "3.00", "300.00", "297.00"],
            ["RELEASE", "300.00", "0.00", "300.00"],
            ["CREDIT", "1000.00", "0.00", "1000.00"],
        ]
    );
    // The owner's escrow still holds 700.00 of the first intent.
    assert_eq!(
        rows(&refunds),
        [
            ["DEBIT", "1000.00", "1000.00", "0.00"],
            ["REFUND", "1000.00", "1700.00", "700.00"],
            ["CREDIT", "1000.00", "700.00", "1700.00"],
        ]
    );
    let settled = &list["data"][0];
    assert!(settled["settlementTxId"].as_str().is_some_and(|id| id.starts_with("simulated_")), "{settled}");
    let whole = json!({
        "id": settled["id"], "transactionType": "SETTLEMENT", "amount": "297.00", "currency": "USDC",
        "balanceBefore": "297.00", "balanceAfter": "0.00", "paymentIntentId": intent, "milestoneId": milestone,
        "settlementMethod": "OFF_RAMP_MOCK", "settlementDestination": "bank_account_123",
        "settlementTxId": settled["settlementTxId"], "status": "COMPLETED", "description": settled["description"],
        "createdAt": "2027-01-15T08:00:10.000Z",
    });
    assert_eq!(settled, &whole);
    assert_eq!(list["data"][4]["settlementMethod"], Value::Null);
    assert_eq!(list["data"][3]["milestoneId"], json!(milestone));

    for (query, count) in [
        ("transactionType=CREDIT".to_owned(), 2),
        ("transactionType=DEBIT".to_owned(), 1),
        ("currency=USD".to_owned(), 0),
        (format!("paymentIntentId={intent}&transactionType=FEE"), 1),
        ("paymentIntentId=intent_0000000000000000000000".to_owned(), 0),
        ("limit=3&offset=6".to_owned(), 2),
    ] {
        let list = world.get(&format!("/payment-intents/account/ledger-entries?{query}")).await.ok(200);
        assert_eq!(list["data"].as_array().map(Vec::len), Some(count), "{query}");
        assert_eq!(list["url"], "/v1/payment-intents/account/ledger-entries");
    }
    for (query, param) in [
        ("transactionType=GIFT", "transactionType"),
        ("currency=usd", "currency"),
        ("paymentIntentId=x", "paymentIntentId"),
        ("starting_after=transfer_0000000000000000000000", "starting_after"),
    ] {
        world.get(&format!("{all}?{query}")).await.refused(400, "invalid_request", "", param);
    }
}

#[tokio::test(start_paused = true)]
async fn a_type_of_entry_is_all_that_is_shown_as_that_type() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    for _ in 0..2 {
        world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), Value::Null).await.ok(200);
    }
    let credits = world.get("/account/ledger-entries?transactionType=CREDIT").await.ok(200);
    // The funding, and the same again, which is to be sent back.
    assert_eq!(credits["data"].as_array().map(Vec::len), Some(2));
    let unknown = world.get("/account/ledger-entries?transactionType=GIFT").await;
    let types = "must be one of CREDIT, RELEASE, FEE, RESERVE, SETTLEMENT, REFUND, DEBIT";
    unknown.refused(400, "invalid_request", types, "transactionType");
    assert!(unknown.json()["message"].as_str().is_some_and(|message| message.ends_with("DEBIT")));
}
