//! Takes out of what is logged what nobody should read again: keys, tokens, passwords, and the numbers of cards.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{body, form};
use crate::processor::{CardNumber, NUMBER_DIGITS};

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// What the name of a member whose value is secret has in it, in lower case and without anything but letters and digits.
const SECRET_WORDS: [&str; 17] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "privatekey",
    "authorization",
    "credential",
    "bearer",
    "cardnumber",
    "cvv",
    "cvc",
    "securitycode",
    "verificationvalue",
    "mnemonic",
    "seedphrase",
];

/// Whole names of members whose values are secret, and which are too short to be looked for in others.
const SECRET_NAMES: [&str; 8] = ["pan", "pin", "csc", "otp", "pwd", "seed", "expiry", "iban"];

/// What the texts of secrets start with.
const SECRET_PREFIXES: [&str; 6] = ["sk_test_", "sk_live_", "sk_hackathon_", "sk_admin_", "whsec_", "payer_"];

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    UrlEncoded,
}

/// The JSON of a body without its secrets; `None` for one that is empty or cannot be read, and so might hide one. JSON that came under
/// the content type of forms, as `curl -d` sends it, would be one long name with every secret in it.
pub(crate) fn body(raw: &[u8], written: Form) -> Option<String> {
    let mut value = match written {
        Form::Json => body::plain(raw)?,
        Form::UrlEncoded if raw.trim_ascii_start().starts_with(b"{") => return None,
        Form::UrlEncoded => Value::Object(form::object(raw).ok()?),
    };
    hide(&mut value);
    Some(value.to_string())
}

fn hide(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            let plain = number.to_string();
            if text(&plain) != plain {
                *value = HIDDEN.into();
            }
        }
        Value::String(plain) => {
            if let Cow::Owned(masked) = text(plain) {
                *plain = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if is_secret(name) && !is_public(value) {
                    *value = HIDDEN.into();
                } else {
                    hide(value);
                }
            }
            if members.keys().any(|name| matches!(text(name), Cow::Owned(_))) {
                let masked = std::mem::take(members).into_iter().map(|(name, value)| (text(&name).into_owned(), value));
                *members = masked.collect::<Map<String, Value>>();
            }
        }
    }
}

/// What is never a secret: nothing, and the address of a currency's contract, which is called a token as well.
fn is_public(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.parse::<escrow::Address>().is_ok())
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&plain.as_str())
        || (0..plain.len()).any(|at| begins_with_secret_word(&plain.as_bytes()[at..]))
}

/// Whether one of the words is here. Every member of every body is asked for at each of its letters, so that the first one decides mostly.
fn begins_with_secret_word(text: &[u8]) -> bool {
    SECRET_WORDS.iter().any(|word| text.first() == word.as_bytes().first() && text.starts_with(word.as_bytes()))
}

/// A path without the secrets in it. It is decoded first: what is written otherwise is the same secret.
pub(crate) fn path(path: &str) -> String {
    text(&percent_decode_str(path).decode_utf8_lossy()).into_owned()
}

/// A query without the secrets in it, decoded; `None` for one that cannot be read, and so might hide one.
pub(crate) fn query(query: &str) -> Option<String> {
    let pairs = form::pairs(query.as_bytes()).ok()?;
    let shown = pairs.iter().map(|(name, value)| {
        let is_hidden = name.split(['[', ']']).any(is_secret);
        format!("{}={}", text(name), if is_hidden { HIDDEN.into() } else { text(value) })
    });
    Some(shown.collect::<Vec<_>>().join("&"))
}

/// A text without the secrets in it; most have none, and are left as they are.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    let shown = if first_secret(text).is_some() { Cow::Owned(without_tokens(text)) } else { Cow::Borrowed(text) };
    if may_have_cards(&shown) { Cow::Owned(without_cards(&shown)) } else { shown }
}

/// A text in which nothing is left of a key or token but what kind it was.
fn without_tokens(text: &str) -> String {
    let is_secret = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = first_secret(rest) {
        shown.push_str(&rest[..at]);
        shown.push_str(HIDDEN);
        rest = rest[at..].trim_start_matches(is_secret);
    }
    shown + rest
}

/// Where the secret part of the first key or token begins. It is looked for in one pass: whoever sends text decides how often this is
/// asked, so that a search of all that is left for every prefix would take a time that grows with the square of its length.
fn first_secret(text: &str) -> Option<usize> {
    // All of them end like this.
    let behind = |(at, _)| {
        let until = &text[..=at];
        SECRET_PREFIXES.into_iter().any(|prefix| until.ends_with(prefix)).then_some(at + 1)
    };
    // A prefix at the very end has nothing secret behind it.
    text.match_indices('_').find_map(behind).filter(|at| *at < text.len())
}

/// How many characters may stand between two groups of digits of one number.
const MAX_BETWEEN: usize = 3;

/// Whether there are enough digits for a card number anywhere with no letter between them.
fn may_have_cards(text: &str) -> bool {
    let mut digits = 0;
    text.bytes().any(|byte| {
        digits = match byte {
            b'0'..=b'9' => digits + 1,
            _ if byte.is_ascii_alphabetic() => 0,
            _ => digits,
        };
        digits >= *NUMBER_DIGITS.start()
    })
}

/// A text without card numbers: groups of digits with a few characters between them that are neither letters nor digits. However
/// many there are, the text is read once.
fn without_cards(text: &str) -> String {
    let groups = groups(text);
    let (mut shown, mut told) = (String::with_capacity(text.len()), 0);
    for place in 0..groups.len() {
        if let Some((from, to)) = card_number(text, &groups[place..]).filter(|(from, _)| *from >= told) {
            shown.push_str(&text[told..from]);
            shown.push_str(HIDDEN);
            told = to;
        }
    }
    shown + &text[told..]
}

/// Where a card number is that begins with the first of these groups of digits.
fn card_number(text: &str, groups: &[(usize, usize)]) -> Option<(usize, usize)> {
    let is_next = |pair: &[(usize, usize)]| match pair {
        [(_, end), (start, _)] => {
            let between = &text[*end..*start];
            !between.contains(char::is_alphanumeric) && between.chars().count() <= MAX_BETWEEN
        }
        _ => false,
    };
    // No number has more groups than digits.
    let groups = groups.get(..*NUMBER_DIGITS.end()).unwrap_or(groups);
    let run = 1 + groups.windows(2).take_while(|pair| is_next(pair)).count();
    let (from, _) = groups.first()?;
    let ends = groups.iter().take(run).scan(0, |digits, (from, to)| {
        *digits += to - from;
        Some((*digits, *to))
    });
    let ends: Vec<_> = ends.filter(|(digits, _)| NUMBER_DIGITS.contains(digits)).collect();
    // The longest first: a part of a number may look like one as well.
    let longest = ends.into_iter().rev().find(|(_, to)| is_card_number(&text[*from..*to]));
    longest.map(|(_, to)| (*from, to))
}

/// The groups of digits, as where each begins and ends; without those of hexadecimal numbers, which are hashes and addresses here.
fn groups(text: &str) -> Vec<(usize, usize)> {
    let (mut groups, mut from) = (Vec::new(), 0);
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (mut begun, mut at) = (None, from);
        for c in word.chars().filter(|_| !word.starts_with("0x")) {
            match (begun, c.is_ascii_digit()) {
                (None, true) => begun = Some(at),
                (Some(begin), false) => {
                    groups.push((begin, at));
                    begun = None;
                }
                (None, false) | (Some(_), true) => {}
            }
            at += c.len_utf8();
        }
        groups.extend(begun.map(|begin| (begin, at)));
        from += word.len();
    }
    groups
}

/// The numbers of payment cards begin with 2 to 6 (ISO/IEC 7812-1, major industry identifier); a time in milliseconds does not.
fn is_card_number(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.starts_with(['2', '3', '4', '5', '6']) && CardNumber::parse(&digits).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_secrets_and_nothing_else() {
        for (plain, shown) in [
            ("", ""),
            ("bank_account_123", "bank_account_123"),
            ("intent_03526TGJZ2vXxW0Aq1Lk4e", "intent_03526TGJZ2vXxW0Aq1Lk4e"),
            ("sk_test_abcdefgh", "sk_test_***"),
            (
                "use sk_live_a-b_c12345, or whsec_MfKQ9r8 or payer_0123456789abcdef",
                "use sk_live_***, or whsec_*** or payer_***",
            ),
            ("sk_test_", "sk_test_"),
            ("4242424242424242", "***"),
            ("card 4242 4242 4242 4242 12/30", "card *** 12/30"),
            ("4242-4242-4242-4242 123", "*** 123"),
            ("12 4242 4242 4242 4242", "12 ***"),
            ("4242424242424243", "4242424242424243"),
            ("card4242424242424242", "card***"),
            ("4242.4242\u{a0}4242 \u{2013} 4242", "***"),
            ("4242\t4242\n4242 / 4242", "***"),
            ("0x4242424242424242", "0x4242424242424242"),
            ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:00.000Z"),
            ("1800000000000", "1800000000000"),
            ("4242424242424242 5555555555554444", "*** ***"),
            ("€4242424242424242€", "€***€"),
            ("1 2 3 4242 4242 4242 4242 1 2 3", "1 2 3 *** 1 2 3"),
            ("4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "***"),
            ("sk_test_abcdefgh sk_live_abcdefgh 4242424242424242 sk_test_", "sk_test_*** sk_live_*** *** sk_test_"),
        ] {
            assert_eq!(text(plain), shown);
        }
    }

    /// Nothing is measured: read again for every group or token, texts of this length would take minutes.
    #[test]
    fn a_long_text_is_read_once() {
        const TIMES: usize = 50_000;
        for (part, shown) in [
            ("1 ", "1 "),
            ("9-", "9-"),
            ("4242424242424242 ", "*** "),
            ("sk_test_a ", "sk_test_*** "),
            ("sk_", "sk_"),
            ("€ ", "€ "),
        ] {
            assert!(text(&part.repeat(TIMES)) == shown.repeat(TIMES), "{part:?}");
        }
    }

    #[test]
    fn bodies_lose_what_is_secret_by_name_or_by_looks() {
        for (raw, form, shown) in [
            (
                r#"{"amount":"1000.00","card":{"cardNumber":"1","cvv":"123","name":"A"}}"#,
                Form::Json,
                Some(r#"{"amount":"1000.00","card":{"cardNumber":"***","cvv":"***","name":"A"}}"#),
            ),
            (
                r#"{"a":[4242424242424242,{"Api-Key":5,"api_key":null}],"t":1800000000}"#,
                Form::Json,
                Some(r#"{"a":["***",{"Api-Key":"***","api_key":null}],"t":1800000000}"#),
            ),
            (r#"{"4242424242424242":"sk_test_12345678"}"#, Form::Json, Some(r#"{"***":"sk_test_***"}"#)),
            (
                "card[cardNumber]=4242424242424242&x=%34242424242424242",
                Form::UrlEncoded,
                Some(r#"{"card":{"cardNumber":"***"},"x":"***"}"#),
            ),
            (r#"{"cardNumber":"4242"#, Form::Json, None),
            (
                r#"{"token":"0x2eb09AC7887e96A3E295B8b44B0BB55C059B2ED3","tokens":1,"payerToken":"t"}"#,
                Form::Json,
                Some(r#"{"token":"0x2eb09AC7887e96A3E295B8b44B0BB55C059B2ED3","tokens":"***","payerToken":"***"}"#),
            ),
            (
                r#"{"n":4.242424242424242e15,"cvv2":1,"accessToken":"a","spin":1}"#,
                Form::Json,
                Some(r#"{"n":"***","cvv2":"***","accessToken":"***","spin":1}"#),
            ),
            ("", Form::Json, None),
            ("a[=4242424242424242", Form::UrlEncoded, None),
            (r#"{"cvv":"123","password":"a&b=c"}"#, Form::UrlEncoded, None),
        ] {
            assert_eq!(body(raw.as_bytes(), form).as_deref(), shown, "{raw}");
        }
    }

    #[test]
    fn paths_and_queries_are_decoded_and_lose_the_same() {
        for (plain, shown) in [
            ("/v1/payment-intents", "/v1/payment-intents"),
            ("/v1/payment-intents/sk%5Ftest_abcdefgh", "/v1/payment-intents/sk_test_***"),
            ("/v1/%34242424242424242/x", "/v1/***/x"),
            ("/v1/4242%204242%204242%204242", "/v1/***"),
        ] {
            assert_eq!(path(plain), shown);
        }
        for (plain, shown) in [
            ("limit=1&offset=2", Some("limit=1&offset=2")),
            (
                "token=a&cvv=735&api_key=k&metadata[token]=b&metadata[cvv]=c",
                Some("token=***&cvv=***&api_key=***&metadata[token]=***&metadata[cvv]=***"),
            ),
            ("x=%73%6b%5ftest_abcdefgh&y=4242+4242+4242+4242", Some("x=sk_test_***&y=***")),
            ("4242424242424242", Some("***=")),
            ("x=%FF", None),
        ] {
            assert_eq!(query(plain).as_deref(), shown, "{plain}");
        }
    }
}
