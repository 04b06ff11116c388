//! What a request may carry.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{Reply, TEST, World, intent_body};

async fn create(world: &World, content_type: Option<&str>, body: impl Into<Body>) -> Reply {
    let mut request = Request::builder().method("POST").uri("/v1/payment-intents").header("X-API-Key", TEST);
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    world.send(request.body(body.into()).expect("a request")).await
}

#[tokio::test(start_paused = true)]
async fn bodies_that_cannot_be_read() {
    let world = World::new().await;
    let before = world.everything().await;
    let good = intent_body().to_string();
    let deep = |levels: usize| format!("{{\"metadata\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let json = Some("application/json");
    let form = Some("application/x-www-form-urlencoded");
    let deep_form = format!("a{}=1", "[b]".repeat(20));
    for (content_type, body, message) in [
        (json, b"{\"amount\": \"1\",\n \"currency\" }".to_vec(), "at line 2 column"),
        (json, b"{".to_vec(), "at line 1 column 1"),
        (json, deep(200).into_bytes(), "recursion limit"),
        (json, deep(100_000).into_bytes(), "recursion limit"),
        (json, b"{\"amount\":\"\xff\"}".to_vec(), "not valid UTF-8 from byte 11 on"),
        (json, b"{\"description\":\"\\ud800\"}".to_vec(), "not valid JSON"),
        (json, b"{\"amount\": 1e999}".to_vec(), "not valid JSON"),
        (json, b"{\"amount\": NaN}".to_vec(), "not valid JSON"),
        (json, b"{} {}".to_vec(), "not valid JSON"),
        (json, b"[]".to_vec(), "must be a JSON object"),
        (json, b"null".to_vec(), "must be a JSON object"),
        (json, b"\"text\"".to_vec(), "must be a JSON object"),
        (None, b"amount=1".to_vec(), "not valid JSON"),
        (
            Some("text/plain"),
            good.clone().into_bytes(),
            "must be application/json or application/x-www-form-urlencoded",
        ),
        (Some("multipart/form-data; boundary=x"), b"--x--".to_vec(), "must be application/json or"),
        (form, b"amount=%FF".to_vec(), "valid UTF-8"),
    ] {
        create(&world, content_type, body).await.refused(400, "invalid_request", message, "");
    }
    create(&world, form, deep_form.clone()).await.refused(
        400,
        "invalid_request",
        "levels",
        deep_form.trim_end_matches("=1"),
    );
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_empty() {
    let world = World::new().await;
    for (content_type, body) in [
        (None, ""),
        (Some("application/json"), ""),
        (Some("application/json"), " \n"),
        (Some("application/json"), "{}"),
        (Some("application/x-www-form-urlencoded"), ""),
        (Some("text/plain"), ""),
    ] {
        create(&world, content_type, body).await.refused(400, "invalid_request", "amount is required", "amount");
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_too_large() {
    let world = World::new().await;
    let before = world.everything().await;
    // In-process requests announce no length.
    let huge = vec![b' '; server::MAX_BODY_BYTES + 1];
    let message = "The request body must be at most 1048576 bytes";
    create(&world, None, huge.clone()).await.refused(413, "request_too_large", message, "");
    // One that says how long it is, and is not read for it.
    let announced = Request::builder()
        .method("POST")
        .uri("/v1/payment-intents")
        .header("X-API-Key", TEST)
        .header("Content-Length", "1048577");
    let reply = world.send(announced.body(Body::empty()).expect("a request")).await;
    reply.refused(413, "request_too_large", message, "");
    // The key is looked at before the body.
    let request = Request::builder().method("POST").uri("/v1/payment-intents");
    let reply = world.send(request.body(Body::from(huge)).expect("a request")).await;
    reply.refused(401, "authentication_required", "API key is required", "");
    assert_eq!(world.everything().await, before);

    let mut fitting = intent_body().to_string().into_bytes();
    fitting.resize(server::MAX_BODY_BYTES, b' ');
    create(&world, None, fitting).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn json_is_taken_as_sent() {
    let world = World::new().await;
    let metadata = r#"{"z": 12345678901234567890123, "a": [1.0e2,  "ü\u0041"], "releaseType": "MILESTONE_LOCKED"}"#;
    let body = format!(
        r#"{{"amount":"5","amount":"7.5","currency":"USD","type":"CONDITIONAL","settlementMethod":"OFF_RAMP_MOCK",
            "settlementDestination":"x","nobody":{{"knows":null}},"description":null,"metadata":{metadata}}}"#
    );
    for content_type in [None, Some("application/json"), Some("Application/JSON; charset=utf-8")] {
        let reply = create(&world, content_type, body.clone()).await;
        let created = reply.ok(200);
        assert_eq!(created["data"]["amount"], "7.50", "the last of two wins");
        assert_eq!(created["data"]["description"], Value::Null);
        let text = String::from_utf8(reply.body).expect("text");
        let kept = r#""metadata":{"z":12345678901234567890123,"a":[1.0e2,"ü\u0041"],"releaseType":"MILESTONE_LOCKED"}"#;
        assert_eq!(text.matches(kept).count(), 2, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn forms_spell_the_same() {
    let world = World::new().await;
    let form = "amount=100.00&currency=USDC&type=CONDITIONAL&settlementMethod=OFF_RAMP_MOCK\
        &settlementDestination=bank_account_123&description=Order+%23123&metadata[orderId]=7&metadata%5Bnote%5D=a%0Ab\
        &metadata[releaseType]=MILESTONE_LOCKED&autoRelease=true&deliveryPeriod=24h&disputeWindow=60\
        &milestones[1][milestoneIndex]=5&milestones[1][amount]=40&milestones[0][milestoneIndex]=2\
        &milestones[0][amount]=60&milestones[0][percentage]=60.5";
    let created = create(&world, Some("application/x-www-form-urlencoded;charset=UTF-8"), form).await.ok(200);
    assert_eq!(created["data"]["description"], "Order #123");
    assert_eq!(created["metadata"], json!({"orderId": "7", "note": "a\nb", "releaseType": "MILESTONE_LOCKED"}));
    let id = created["id"].as_str().expect("an id");
    let escrow = world.get(&format!("/payment-intents/{id}/escrow")).await.ok(200);
    assert_eq!(escrow["data"]["autoReleaseOnProof"], true);
    assert_eq!(escrow["data"]["deliveryPeriod"], 86_400);
    assert_eq!(escrow["data"]["disputeWindow"], "60");
    let milestones = &escrow["data"]["milestones"];
    assert_eq!(milestones[0]["milestoneIndex"], 2);
    assert_eq!(milestones[0]["percentage"], json!(60.5));
    assert_eq!(milestones[1]["amount"], "40.00");

    for (form, param, message) in [
        ("amount=1e3", "amount", "exponent"),
        ("amount[x]=1", "amount", "decimal string"),
        ("amount[]=1", "amount[]", "named like"),
        (&format!("{form}&autoRelease=yes"), "autoRelease", "true or false"),
        (&format!("{form}&milestones[0][milestoneIndex]=-1"), "milestones[0].milestoneIndex", "integer from 0"),
        (&format!("{form}&milestones[x][amount]=1"), "milestones", "list"),
        (&format!("{form}&milestones=1"), "milestones", "list"),
        (&format!("{form}&metadata=1"), "metadata", "object"),
    ] {
        let reply = create(&world, Some("application/x-www-form-urlencoded"), form.to_owned()).await;
        reply.refused(400, "invalid_request", message, param);
    }
}

/// Nothing is unpacked: a body that says that it is packed is refused whatever is in it, and before it is read.
#[tokio::test(start_paused = true)]
async fn bodies_that_are_packed() {
    let world = World::new().await;
    let before = world.everything().await;
    let send = async |codings: &[&str]| {
        let request = Request::builder().method("POST").uri("/v1/payment-intents").header("X-API-Key", TEST);
        let request = codings.iter().fold(request, |request, coding| request.header("Content-Encoding", *coding));
        world.send(request.body(Body::from(intent_body().to_string())).expect("a request")).await
    };
    for codings in [
        &["gzip"][..],
        &["GZIP"],
        &["deflate"],
        &["br"],
        &["zstd"],
        &["x-gzip"],
        &["identity, gzip"],
        &["gzip, gzip"],
        &["identity", "gzip"],
        &["\u{e9}"],
    ] {
        send(codings).await.refused(400, "invalid_request", "without a Content-Encoding", "");
    }
    assert_eq!(world.everything().await, before);
    for codings in [&[][..], &["identity"], &["Identity"], &[""]] {
        send(codings).await.ok(200);
    }
}

/// Names that hash alike where a hash adds up characters, as many simple ones do: every choice of `Aa` and `BB`.
fn colliding(pairs: u32) -> impl Iterator<Item = String> {
    let part = |bits: u32, place| if bits >> place & 1 == 0 { "Aa" } else { "BB" };
    (0..1_u32 << pairs).map(move |bits| (0..pairs).map(|place| part(bits, place)).collect())
}

/// Bodies of very many members, which take no longer for what they are called. Nothing is measured.
#[tokio::test(start_paused = true)]
async fn bodies_and_queries_of_very_many_names() {
    let world = World::new().await;
    let before = world.everything().await;
    let names: [Vec<String>; 3] = [
        colliding(14).collect(),
        (0..50_000).map(|number| format!("n{number}")).collect(),
        vec!["amount".to_owned(); 50_000],
    ];
    let form = Some("application/x-www-form-urlencoded");
    for names in &names {
        let json: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
        let (members, pairs) = (json.join(","), names.join("=&"));
        let deep: Vec<String> = names.iter().map(|name| format!("metadata[{name}]=1")).collect();
        for (content_type, body) in [
            (None, format!("{{{members}}}")),
            (None, format!("{{\"metadata\":{{{members}}}}}")),
            (None, format!("{{\"milestones\":[{{{members}}}]}}")),
            (form, pairs),
            (form, deep.join("&")),
        ] {
            assert!(body.len() <= server::MAX_BODY_BYTES, "{}", body.len());
            let reply = create(&world, content_type, body).await;
            assert!(reply.status == 400 && reply.body.len() < 3_000, "{reply:?}");
        }
    }
    let query = colliding(10).map(|name| format!("{name}=1")).collect::<Vec<_>>().join("&");
    for name in ["", "&limit=1", "&limit=x"] {
        let reply = world.get(&format!("/payment-intents?{query}{name}")).await;
        assert_eq!(reply.status, if name == "&limit=x" { 400 } else { 200 });
    }
    assert_eq!(world.everything().await, before);
}

/// Numbers that fit nowhere are refused where they are read, and kept as they were sent where they are not.
#[tokio::test(start_paused = true)]
async fn numbers_that_fit_nowhere() {
    let world = World::new().await;
    let before = world.everything().await;
    let digits = "7".repeat(400);
    let small = format!("0.{}1", "0".repeat(400));
    for number in [digits.as_str(), &small, "1e400", "1e-400", "-1", "1e999999", "1e99999999999999999999", "-0"] {
        for name in ["amount", "deliveryPeriod", "disputeWindow", "timeLockUntil", "metadata"] {
            for value in [number.to_owned(), format!("\"{number}\"")] {
                let body = format!("{{\"{name}\":{value},\"currency\":\"USDC\"}}");
                let reply = create(&world, None, body).await;
                assert!(reply.status == 400 && reply.body.len() < 3_000, "{name} {value}: {reply:?}");
            }
        }
    }
    assert_eq!(world.everything().await, before);
    let (kept, mut body) = (&digits[..300], intent_body().to_string());
    body.insert_str(1, &format!("\"metadata\":{{\"n\":{kept}}},"));
    let reply = create(&world, None, body).await;
    assert_eq!(reply.status, 200);
    assert!(String::from_utf8(reply.body).expect("text").contains(kept));
}

/// A field of a form can be named at any length; the answer does not repeat all of it.
#[tokio::test]
async fn long_names_are_not_echoed_whole() {
    let world = World::new().await;
    let body = format!("metadata{}=1", "[a]".repeat(100_000));
    let reply = create(&world, Some("application/x-www-form-urlencoded"), body).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.len() < 3_000, "{} bytes", reply.body.len());
}

/// A JSON reader that gives a meaning to the names of members would read what stands behind this one as JSON again, level by level,
/// until the stack is full.
#[tokio::test(start_paused = true)]
async fn no_name_of_a_member_means_anything() {
    let world = World::new().await;
    let escape = |text: &str| text.replace('\\', "\u{0}").replace('"', "\\u0022").replace('\u{0}', "\\u005c");
    let mut nested = "1".to_owned();
    while nested.len() < 500_000 {
        let level = format!("{{\"$serde_json::private::RawValue\":\"{}\"}}", escape(&nested));
        nested = format!("{}{level}{}", "[".repeat(100), "]".repeat(100));
    }
    let deep = create(&world, None, format!("{{\"x\":{nested}}}")).await;
    deep.refused(400, "invalid_request", "amount is required", "amount");
    let mut body = intent_body();
    body["metadata"]["$serde_json::private::RawValue"] = "[1]".into();
    let reply = create(&world, None, body.to_string()).await;
    assert_eq!(reply.status, 200);
    // The answer is looked at as text, since this test reads JSON with the same reader.
    let text = String::from_utf8(reply.body).expect("UTF-8");
    assert!(text.contains("\"$serde_json::private::RawValue\":\"[1]\""), "{text}");
}
