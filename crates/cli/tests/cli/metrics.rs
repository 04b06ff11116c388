//! What is measured, and where it is shown.

use reqwest::Method;

use crate::harness::{Client, Gateway, folder};

/// What `/metrics` shows.
pub(crate) fn scraped(client: &Client, url: &str) -> String {
    let (status, text) = client.send_to(Method::GET, url);
    assert_eq!(status, 200, "{text}");
    text
}

/// Has a gateway show its measures on a port of their own, all of them.
pub(crate) const APART: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

/// Where that is.
pub(crate) fn url(gateway: &Gateway) -> String {
    gateway.announced["metrics"].as_str().expect("an address").to_owned()
}

/// The value of one line.
fn value(text: &str, line: &str) -> Option<f64> {
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '))?;
    Some(value.parse().expect("a number"))
}

#[test]
fn requests_jobs_and_money_are_measured() {
    let folder = folder();
    let args = ["--rate-limits", "documented", "--rate-limit-keyless", "1/h", "--settlement-delay", "1h"];
    let gateway = Gateway::start(folder.path(), &[&args[..], &APART].concat());
    let client = gateway.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "300.00");
    client.complete(&intent, &milestone);
    let (wrong, _) = client.send_text(Method::GET, "/nothing/sk_test_secret", &[], "");
    // Two of these cannot pass; an hour may end between them, and then there is a third.
    let keyless = || client.send_text(Method::GET, "/account/balance", &[], "").0;
    assert_eq!((wrong, [keyless(), keyless(), keyless()].contains(&429)), (404, true));
    client.send_text(Method::from_bytes(b"SK_TEST_SECRET").expect("a method"), "/account/balance", &[], "");

    let text = scraped(&client, &url(&gateway));
    let complete = "/payment-intents/{intent}/escrow/milestones/{milestone}/complete";
    for (line, expected) in [
        ("milepost_requests_total{method=\"POST\",route=\"/payment-intents\",status=\"200\"}".to_owned(), 1.0),
        (format!("milepost_requests_total{{method=\"POST\",route=\"{complete}\",status=\"200\"}}"), 1.0),
        ("milepost_requests_total{method=\"GET\",route=\"(none)\",status=\"404\"}".to_owned(), 1.0),
        (format!("milepost_request_seconds_count{{route=\"{complete}\"}}"), 1.0),
        ("milepost_requests_in_flight".to_owned(), 0.0),
        ("milepost_rate_limited_total{by=\"key\"}".to_owned(), 0.0),
        ("milepost_store_up".to_owned(), 1.0),
        ("milepost_jobs_waiting{duty=\"start_settlement\"}".to_owned(), 1.0),
        ("milepost_jobs_due{duty=\"start_settlement\"}".to_owned(), 0.0),
        ("milepost_jobs_waiting{duty=\"pay_back\"}".to_owned(), 0.0),
        ("milepost_money_minor_units{mode=\"sandbox\",account=\"escrow\",currency=\"USDC\"}".to_owned(), 7e8),
        ("milepost_money_minor_units{mode=\"sandbox\",account=\"payable\",currency=\"USDC\"}".to_owned(), 3e8),
        ("milepost_money_minor_units{mode=\"sandbox\",account=\"rail:sandbox\",currency=\"USDC\"}".to_owned(), -1e9),
    ] {
        assert_eq!(value(&text, &line), Some(expected), "{line}\n{text}");
    }
    assert!(value(&text, "milepost_rate_limited_total{by=\"address\"}").is_some_and(|limited| limited >= 1.0));
    assert!(value(&text, "milepost_connections_open").is_some_and(|open| open >= 1.0));
    assert!(!text.to_lowercase().contains("secret"), "{text}");
    assert!(!text.contains(&intent) && !text.contains(&milestone), "{text}");
}

#[test]
fn measures_have_a_port_of_their_own_where_that_is_set() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &APART);
    let client = gateway.client();
    let apart = url(&gateway);
    assert!(scraped(&client, &apart).contains("milepost_connections_open"));
    let api = gateway.announced["listening"].as_str().expect("an address");
    for path in ["/metrics", "/v1/metrics", "/api/v1/metrics"] {
        let (status, text) = client.send_to(Method::GET, &format!("{api}{path}"));
        assert!(status == 404 && text.contains("Unrecognized request URL"), "{path}: {text}");
    }
    let base = apart.trim_end_matches("/metrics");
    assert_eq!(client.send_to(Method::GET, &format!("{base}/v1/payment-intents")).0, 404, "the API is not there");
    gateway.stop();
}

#[test]
fn beside_the_api_nobody_is_shown_how_much_money_there_is() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[]);
    let client = gateway.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "300.00");
    client.complete(&intent, &milestone);
    let api = gateway.announced["listening"].as_str().expect("an address");
    for path in ["/metrics", "/v1/metrics"] {
        let text = scraped(&client, &format!("{api}{path}"));
        assert!(text.contains("milepost_jobs_waiting") && text.contains("# TYPE milepost_connections_open"), "{text}");
        assert!(!text.contains("money"), "{text}");
    }
    gateway.stop();
}
