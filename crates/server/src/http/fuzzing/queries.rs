//! Queries of lists, ids, and where a stream of events begins.

use axum::extract::FromRequestParts;
use escrow::{Currency, EventId, IntentId, IntentStatus, MilestoneId, PaymentType, RawId};
use futures_util::FutureExt;
use store::{PageRequest, Position};

use super::{escaped, head, lines};
use crate::http::events;
use crate::http::fields::{LATEST_S, digits};
use crate::http::form;
use crate::http::list::{MAX_LIMIT, MAX_OFFSET, Query};
use crate::http::payment_intents::list;

/// Pages and filters stay within their bounds, whatever is asked for; an id and a cursor are read from one text alone; the last value
/// of a parameter wins. The first line is a query, the second a `Last-Event-ID`.
pub fn target(data: &[u8]) {
    let [query, last_seen] = lines(data);
    check_ids(last_seen);
    check_pairs(query);
    let Ok(text) = std::str::from_utf8(query) else { return };
    let Some(mut parts) = head("GET", &format!("/v1/events?{text}"), &[("last-event-id", last_seen)]) else { return };
    let read = Query::from_request_parts(&mut parts, &()).now_or_never().expect("nothing is waited for");
    let Ok(query) = read else { return };
    let text = parts.uri.query().unwrap_or_default().as_bytes();
    for (name, _) in url::form_urlencoded::parse(text) {
        let last = url::form_urlencoded::parse(text).filter(|(other, _)| *other == name).last();
        let last = last.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty());
        assert_eq!(query.get(&name).map(str::to_owned), last, "{name}");
    }
    if let Ok(page) = query.page(|text| text.parse().ok().map(EventId::raw)) {
        check_page(&query, page);
    }
    if let Ok((limit, offset)) = query.window() {
        check_window(limit, offset);
    }
    check_filters(&query);
    if let Ok(Some((name, text))) = events::stream::start(&parts.headers, &query) {
        let given = last_seen.trim_ascii();
        let expected = if given.is_empty() { query.get("starting_after") } else { std::str::from_utf8(given).ok() };
        assert_eq!(Some(text.as_str()), expected, "{name}");
    }
}

/// What was read is what another reader reads (that of the URL Standard's own crate, which takes what is no text as well), and reads as
/// the same when it is written again.
fn check_pairs(query: &[u8]) {
    let Ok(pairs) = form::pairs(query) else { return };
    assert_eq!(url::form_urlencoded::parse(query).into_owned().collect::<Vec<_>>(), pairs);
    let written: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    assert_eq!(form::pairs(written.join("&").as_bytes()).ok(), Some(pairs));
}

fn check_page(query: &Query, page: PageRequest) {
    let PageRequest { limit, position } = page;
    let cursor = |name| query.get(name).map(str::to_owned);
    let given = ["starting_after", "ending_before", "offset"].map(cursor);
    let shown = |id: RawId| Some(EventId::new(id).to_string());
    match position {
        Position::After(id) => assert_eq!(given, [shown(id), None, None]),
        Position::Before(id) => assert_eq!(given, [None, shown(id), None]),
        Position::Offset(offset) => {
            assert_eq!(given[..2], [None, None]);
            check_window(limit, offset);
        }
    }
    check_window(limit, 0);
    if let Some(text) = query.get("limit") {
        assert_eq!(text.trim_start_matches('0'), limit.to_string());
    }
}

fn check_window(limit: usize, offset: u64) {
    assert!((1..=MAX_LIMIT.unsigned_abs()).contains(&(limit as u64)) && offset <= MAX_OFFSET.unsigned_abs());
}

fn check_filters(query: &Query) {
    if let Ok(filter) = list::filter(query) {
        assert_eq!(filter.status.map(IntentStatus::name), query.get("status"));
        assert_eq!(filter.payment_type.map(PaymentType::name), query.get("type"));
        assert_eq!(filter.currency.map(Currency::code), query.get("currency"));
        let times = [filter.created_from, filter.created_to];
        assert!(times.into_iter().flatten().all(|time| (0..=LATEST_S).contains(&time.seconds())));
        for (name, value) in &filter.metadata {
            assert!(!name.is_empty() && !name.contains(['[', ']']) && !value.is_empty());
            assert_eq!(query.get(&format!("metadata[{name}]")), Some(value.as_str()));
        }
    }
    if let Ok(filter) = events::filter(query) {
        let intent = filter.intent.map(|id: IntentId| id.to_string());
        assert_eq!(intent.as_deref(), query.get("paymentIntentId"));
    }
}

fn check_ids(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for shown in [
        text.parse::<EventId>().ok().map(|id| id.to_string()),
        text.parse::<IntentId>().ok().map(|id| id.to_string()),
        text.parse::<MilestoneId>().ok().map(|id| id.to_string()),
    ] {
        assert!(shown.is_none_or(|shown| shown == text), "two texts for one id: {text:?}");
    }
    if let Some(number) = digits(text) {
        assert!(number >= 0 && text.bytes().all(|byte| byte.is_ascii_digit()));
    }
}
