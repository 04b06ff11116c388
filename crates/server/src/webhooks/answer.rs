//! What endpoints answer, and what it means.

use std::time::UNIX_EPOCH;

use axum::body::Bytes;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use engine::webhooks::LONGEST_REQUESTED_WAIT;
use engine::{Reached, Verdict};
use escrow::{Span, Timestamp};
use http_body_util::BodyExt;
use hyper::body::Body;

/// How much of an answer's body is kept, in bytes.
const KEPT_BYTES: usize = 1024;

/// As long as a character can be in UTF-8: so much more is read, so that the last one that is kept is whole.
const CHAR_BYTES: usize = 4;

/// What an answer means, but for its body.
pub(super) fn understand(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Reached {
    let reached = |verdict, problem| Reached { verdict, status: Some(status.as_u16()), body: None, problem };
    if status.is_success() {
        return reached(Verdict::Accepted, None);
    }
    let code = status.as_u16();
    if status == StatusCode::GONE {
        return reached(Verdict::Gone, Some(format!("the answer was {code}: the endpoint wants no more calls")));
    }
    let problem = if status.is_redirection() {
        format!("the answer was {code}, and redirects are not followed")
    } else {
        format!("the answer was {code}, not 2xx")
    };
    reached(Verdict::Failed { retry_after: retry_after(headers, now) }, Some(problem))
}

/// What came of a call that was not answered, for this reason.
pub(super) fn unanswered(problem: String) -> Reached {
    Reached { verdict: Verdict::Failed { retry_after: None }, status: None, body: None, problem: Some(problem) }
}

/// How long the endpoint wants to be left alone (RFC 9110 §10.2.3): seconds, or a date; the longest, where it says so more than once.
/// What is neither, or over, is as if it were not there.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Span> {
    headers.get_all(RETRY_AFTER).iter().filter_map(|value| wait(value.to_str().ok()?.trim(), now)).max()
}

fn wait(text: &str, now: Timestamp) -> Option<Span> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wanted = if is_number {
        // A number that is too large for a number is larger than the bound, as well.
        text.parse().map_or(LONGEST_REQUESTED_WAIT, Span::from_seconds)
    } else {
        let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let date_ms = i64::try_from(date.as_millis()).ok()?;
        Span::from_ms(date_ms.saturating_sub(now.ms()))
    };
    (wanted > Span::from_ms(0)).then(|| wanted.min(LONGEST_REQUESTED_WAIT))
}

/// The beginning of a body, and how it ended.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    bytes: Vec<u8>,
}

/// How the reading of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the body.
    Whole,
    /// With as much as is kept; there is more.
    Enough,
    /// In the middle of the body.
    BrokeOff,
}

impl Beginning {
    /// Reads until the body ends, or there is enough of it. What was read is there even if this is dropped before its end.
    pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(&mut self, body: &mut B) -> Ending {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Ending::BrokeOff };
            // What is no data is a trailer, which says nothing to us.
            let data = frame.into_data().unwrap_or_default();
            let room = (KEPT_BYTES + CHAR_BYTES).saturating_sub(self.bytes.len());
            self.bytes.extend(data.iter().take(room));
            if self.bytes.len() > KEPT_BYTES {
                return Ending::Enough;
            }
        }
        Ending::Whole
    }

    /// As text of at most [`KEPT_BYTES`]: what is no UTF-8, and control characters other than line ends and tabs, are replaced.
    pub(super) fn text(&self) -> Option<String> {
        let is_kept = |c: char| c == '\n' || c == '\t' || !c.is_control();
        let text = String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n");
        let mut text: String = text.chars().map(|c| if is_kept(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
        text.truncate(text.floor_char_boundary(KEPT_BYTES));
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// 1994-11-06T08:49:37Z, the time of RFC 9110's examples.
    const NOW: Timestamp = Timestamp::from_ms(784_111_777_000);

    #[test]
    fn what_a_status_means() {
        let failed = Verdict::Failed { retry_after: None };
        for (code, verdict, problem) in [
            (200, Verdict::Accepted, None),
            (204, Verdict::Accepted, None),
            (299, Verdict::Accepted, None),
            (101, failed, Some("the answer was 101, not 2xx")),
            (302, failed, Some("the answer was 302, and redirects are not followed")),
            (304, failed, Some("the answer was 304, and redirects are not followed")),
            (400, failed, Some("the answer was 400, not 2xx")),
            (404, failed, Some("the answer was 404, not 2xx")),
            (410, Verdict::Gone, Some("the answer was 410: the endpoint wants no more calls")),
            (500, failed, Some("the answer was 500, not 2xx")),
            (999, failed, Some("the answer was 999, not 2xx")),
        ] {
            let status = StatusCode::from_u16(code).expect("a status");
            let reached = understand(status, &HeaderMap::new(), NOW);
            let expected = Reached { verdict, status: Some(code), body: None, problem: problem.map(str::to_owned) };
            assert_eq!(reached, expected, "{code}");
        }
    }

    #[test]
    fn how_long_an_endpoint_wants_to_be_left_alone() {
        let day = 24 * 3600;
        for (text, seconds) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("1", Some(1)),
            ("0", None),
            ("00060", Some(60)),
            ("86400", Some(day)),
            ("86401", Some(day)),
            ("99999999999999999999999999", Some(day)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(day)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("Sun, 31 Feb 1994 08:50:37 GMT", None),
            ("1994-11-06T08:50:37Z", None),
            ("", None),
            ("-1", None),
            ("+60", None),
            ("1.5", None),
            ("60s", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let reached = understand(StatusCode::TOO_MANY_REQUESTS, &headers, NOW);
            assert_eq!(reached.verdict, Verdict::Failed { retry_after: seconds.map(Span::from_seconds) }, "{text:?}");
        }
        let unreadable = HeaderValue::from_bytes(b"\xff").expect("bytes that a header may hold");
        assert_eq!(retry_after(&HeaderMap::from_iter([(RETRY_AFTER, unreadable)]), NOW), None);
    }

    #[test]
    fn bodies_as_text() {
        let long = "x".repeat(KEPT_BYTES);
        for (bytes, text) in [
            (b"".to_vec(), None),
            (b"ok".to_vec(), Some("ok".to_owned())),
            (b"a\r\nb\n\tc".to_vec(), Some("a\nb\n\tc".to_owned())),
            (b"\x1b[31m\0\x7f\r".to_vec(), Some("\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}".to_owned())),
            (b"\xff\xfea".to_vec(), Some("\u{fffd}\u{fffd}a".to_owned())),
            (format!("{long}€").into_bytes(), Some(long.clone())),
            (format!("{}€", &long[1..]).into_bytes(), Some(long[1..].to_owned())),
            (format!("{}€", &long[3..]).into_bytes(), Some(format!("{}€", &long[3..]))),
            (vec![0xff; KEPT_BYTES], Some("\u{fffd}".repeat(KEPT_BYTES / 3))),
        ] {
            assert_eq!(Beginning { bytes: bytes.clone() }.text(), text, "{bytes:?}");
        }
    }
}
