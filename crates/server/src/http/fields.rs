//! Reading fields: typed, bounded, and with an error that names the field and says what is allowed.

use std::ops::RangeInclusive;
use std::str::FromStr;

use engine::is_one_line;
use escrow::{Address, Decimal, Hash, NotAnAddress, Span};
use serde_json::{Map, Number, Value};

use super::error::ApiError;

/// The latest point in time that a field can name: the end of the year 9999, in Unix seconds.
pub(super) const LATEST_S: i64 = 253_402_300_799;

/// The field that names a transaction.
pub(super) const TRANSACTION_HASH: &str = "transactionHash";

/// The target of the traces of fields that are read.
const READ: &str = "server::fields";

/// What a field can be read as, or the error that names it.
pub(super) type Read<T> = Result<T, ApiError>;

/// How strictly the types of JSON are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As JSON has them.
    Strict,
    /// Numbers and booleans may be text: in forms, which have nothing else, and inside metadata.
    Lenient,
}

/// The most that a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many bytes of UTF-8.
    Bytes(usize),
    /// So many characters.
    Chars(usize),
}

/// The fields of an object. An absent one and a `null` are the same.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    members: &'a Map<String, Value>,
    /// Where the object is, in front of its fields' names; empty at the top.
    at: String,
    style: Style,
}

impl<'a> Fields<'a> {
    /// The fields of a body.
    pub(super) const fn top(members: &'a Map<String, Value>, style: Style) -> Fields<'a> {
        Fields { members, at: String::new(), style }
    }

    /// The name of a field as errors give it: `amount`, `metadata.releaseType`, `milestones[1].amount`.
    pub(super) fn param(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// The error for a field that is wrong; `rule` follows its name in the message.
    pub(super) fn wrong(&self, name: &str, rule: impl AsRef<str>) -> ApiError {
        let param = self.param(name);
        let message = format!("{param} {}", rule.as_ref());
        ApiError::Field { param, message }
    }

    /// What a field must not lack.
    pub(super) fn required<T>(&self, name: &str, value: Option<T>) -> Read<T> {
        value.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// Whether the field was sent as `null`, which a change takes as an order to remove it.
    pub(super) fn is_null(&self, name: &str) -> bool {
        matches!(self.members.get(name), Some(Value::Null))
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// The members as they were read.
    pub(super) const fn members(&self) -> &'a Map<String, Value> {
        self.members
    }

    /// What is there to be read. It is told which field that was: the tests hold it against the fields that are documented.
    fn value(&self, name: &str) -> Option<&'a Value> {
        tracing::trace!(target: READ, param = self.param(name));
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A text, which may be empty.
    pub(super) fn text(&self, name: &str, limit: Limit) -> Read<Option<&'a str>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let Value::String(text) = value else { return Err(self.wrong(name, "must be a string")) };
        let (length, most, unit) = match limit {
            Limit::Bytes(most) => (text.len(), most, "bytes"),
            Limit::Chars(most) => (text.chars().count(), most, "characters"),
        };
        if length > most {
            return Err(self.wrong(name, format!("must be at most {most} {unit} long")));
        }
        if !is_printable(text) {
            return Err(self.wrong(name, "must not contain control characters other than newline and tab"));
        }
        Ok(Some(text))
    }

    /// A text that has more than blanks in it, where it is there at all.
    pub(super) fn full_text(&self, name: &str, limit: Limit) -> Read<Option<&'a str>> {
        match self.text(name, limit)? {
            Some(text) if text.trim().is_empty() => Err(self.wrong(name, "must not be empty")),
            other => Ok(other),
        }
    }

    /// A text that shows in a table as nothing but itself.
    pub(super) fn line(&self, name: &str, limit: Limit) -> Read<Option<&'a str>> {
        match self.full_text(name, limit)? {
            Some(text) if !is_one_line(text) => Err(self.wrong(
                name,
                "must be on one line, without control characters, marks of direction, and blanks around it",
            )),
            other => Ok(other),
        }
    }

    /// An amount of a currency that is not known yet.
    pub(super) fn amount(&self, name: &str) -> Read<Option<Decimal>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                Decimal::parse(text).map(Some).map_err(|error| self.wrong(name, error.to_string()))
            }
            Some(Value::Number(_)) => Err(self.wrong(name, "must be a decimal string, not a number")),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null) => {
                Err(self.wrong(name, "must be a decimal string such as \"1000.00\""))
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(&self, name: &str, range: &RangeInclusive<i64>) -> Read<Option<i64>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => whole(number),
            Value::String(text) if self.style == Style::Lenient => digits(text),
            Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null => None,
        };
        let fitting = number.filter(|number| range.contains(number));
        fitting
            .map(Some)
            .ok_or_else(|| self.wrong(name, format!("must be an integer from {} to {}", range.start(), range.end())))
    }

    /// A percentage, as a decimal literal.
    pub(super) fn percentage(&self, name: &str) -> Read<Option<String>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => Some(number.clone()),
            Value::String(text) if self.style == Style::Lenient => serde_json::from_str::<Number>(text).ok(),
            Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null => None,
        };
        let in_range = |number: &Number| {
            number.as_f64().is_some_and(|percent| percent.is_sign_positive() && (0.0..=100.0).contains(&percent))
        };
        let fitting = number.filter(in_range).ok_or_else(|| self.wrong(name, "must be a number from 0 to 100"))?;
        Ok(Some(fitting.to_string()))
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Read<Option<bool>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if self.style == Style::Lenient && text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if self.style == Style::Lenient && text == "false" => Ok(Some(false)),
            Some(Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) | Value::Null) => {
                Err(self.wrong(name, "must be true or false"))
            }
        }
    }

    /// A length of time: seconds as a number or as digits, or digits with a unit, `"90s"`, `"15m"`, `"24h"`, `"30d"`.
    pub(super) fn span(&self, name: &str, seconds: &RangeInclusive<i64>) -> Read<Option<Span>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let length = match value {
            Value::Number(number) => whole(number),
            Value::String(text) => span_seconds(text),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null => None,
        };
        let fitting = length.filter(|length| seconds.contains(length));
        fitting.map(|length| Some(Span::from_seconds(length))).ok_or_else(|| {
            self.wrong(
                name,
                format!("must be seconds from {} to {}, or such as \"24h\" or \"30d\"", seconds.start(), seconds.end()),
            )
        })
    }

    /// A point in time: Unix seconds, as a number or as digits.
    pub(super) fn seconds(&self, name: &str, range: &RangeInclusive<i64>) -> Read<Option<i64>> {
        Fields { style: Style::Lenient, ..self.clone() }.integer(name, range)
    }

    /// `0x` and so many hexadecimal digits, in any case.
    pub(super) fn hex(&self, name: &str, bytes: usize, what: &str) -> Read<Option<&'a str>> {
        let text = self.text(name, Limit::Bytes(usize::MAX))?;
        let is_hex = |text: &&str| {
            text.strip_prefix("0x")
                .is_some_and(|digits| digits.len() == 2 * bytes && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        match text {
            Some(text) if !is_hex(&text) => Err(self.wrong(name, format!("must be {what}"))),
            other => Ok(other),
        }
    }

    /// 32 bytes as `0x` and 64 hexadecimal digits, in any case.
    pub(super) fn bytes32(&self, name: &str) -> Read<Option<Hash>> {
        const WHAT: &str = "a valid bytes32 hex string";
        let text = self.hex(name, 32, WHAT)?;
        let parsed =
            text.map(|text| text.parse::<evm::B256>().map_err(|_| self.wrong(name, format!("must be {WHAT}"))));
        Ok(parsed.transpose()?.map(|bytes| Hash::from_bytes(bytes.0)))
    }

    /// The hash of a transaction.
    pub(super) fn transaction_hash(&self) -> Read<Option<Hash>> {
        self.bytes32(TRANSACTION_HASH).map_err(|_| ApiError::TransactionHash(self.param(TRANSACTION_HASH)))
    }

    /// An address on an EVM chain, in any case.
    pub(super) fn address(&self, name: &str) -> Read<Option<Address>> {
        let text = self.text(name, Limit::Bytes(usize::MAX))?;
        text.map(|text| text.parse().map_err(|error: NotAnAddress| self.wrong(name, error.to_string()))).transpose()
    }

    /// An address of the web.
    pub(super) fn web_url(&self, name: &str, limit: Limit) -> Read<Option<&'a str>> {
        match self.text(name, limit)? {
            Some(text) if !is_web_url(text) => Err(self.wrong(name, "must be an absolute http or https URL")),
            other => Ok(other),
        }
    }

    /// Texts of a list; in a form, those under the keys `0`, `1`, `2`…, by number, or one alone.
    pub(super) fn texts(&self, name: &str, most: usize) -> Read<Option<Vec<&'a str>>> {
        let wrong = || self.wrong(name, format!("must be a list of at most {most} texts"));
        let items: Vec<&Value> = match self.value(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(Value::Object(items)) if self.style == Style::Lenient => {
                by_number(items).ok_or_else(wrong)?.into_iter().map(|(_, item)| item).collect()
            }
            Some(text @ Value::String(_)) if self.style == Style::Lenient => vec![text],
            Some(Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null) => {
                return Err(wrong());
            }
        };
        let texts: Option<Vec<&str>> = items.into_iter().map(Value::as_str).collect();
        texts.filter(|texts| texts.len() <= most).map(Some).ok_or_else(wrong)
    }

    /// One of a closed set of names.
    pub(super) fn choice<T: Copy>(&self, name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Read<Option<T>> {
        let Some(text) = self.text(name, Limit::Bytes(usize::MAX))? else { return Ok(None) };
        let found = all.iter().copied().find(|value| name_of(*value) == text);
        let names = || all.iter().map(|value| name_of(*value)).collect::<Vec<_>>().join(", ");
        found.map(Some).ok_or_else(|| self.wrong(name, format!("must be one of {}", names())))
    }

    /// An id.
    pub(super) fn id<T: FromStr>(&self, name: &str, what: &str) -> Read<Option<T>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| self.wrong(name, format!("must be the id of {}", with_article(what))))
        };
        self.text(name, Limit::Bytes(usize::MAX))?.map(parse).transpose()
    }

    /// The fields of an object inside this one.
    pub(super) fn object(&self, name: &str, style: Style) -> Read<Option<Fields<'a>>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Fields { members, at: self.param(name), style })),
            Some(Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Null) => {
                Err(self.wrong(name, "must be an object"))
            }
        }
    }

    /// The objects of a list; in a form, those under the keys `0`, `1`, `2`…, by number.
    pub(super) fn objects(&self, name: &str, most: usize) -> Read<Vec<Fields<'a>>> {
        let wrong = || self.wrong(name, format!("must be a list of at most {most} objects"));
        let items: Vec<(String, &Value)> = match self.value(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().enumerate().map(|(place, item)| (place.to_string(), item)).collect()
            }
            Some(Value::Object(items)) if self.style == Style::Lenient => by_number(items).ok_or_else(wrong)?,
            Some(Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null) => {
                return Err(wrong());
            }
        };
        if items.len() > most {
            return Err(wrong());
        }
        let fields = items.into_iter().map(|(place, item)| match item {
            Value::Object(members) => {
                Ok(Fields { members, at: format!("{}[{place}]", self.param(name)), style: self.style })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let param = format!("{}[{place}]", self.param(name));
                Err(ApiError::field(&param, format!("{param} must be an object")))
            }
        });
        fields.collect()
    }
}

/// Whether a text has no control characters but newlines and tabs.
pub(super) fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// A noun with its indefinite article.
pub(super) fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// The integer that a number is: to JSON Schema, as to most languages, `1.0` is one.
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

/// The number that ASCII digits spell.
pub(super) fn digits(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn span_seconds(text: &str) -> Option<i64> {
    let unit_s = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        _ => return digits(text),
    };
    digits(text.get(..text.len() - 1)?)?.checked_mul(unit_s)
}

fn by_number(items: &Map<String, Value>) -> Option<Vec<(String, &Value)>> {
    let mut numbered: Vec<(i64, &Value)> =
        items.iter().map(|(key, item)| Some((digits(key)?, item))).collect::<Option<_>>()?;
    numbered.sort_by_key(|(number, _)| *number);
    Some(numbered.into_iter().map(|(number, item)| (number.to_string(), item)).collect())
}

fn is_web_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    is_web && !host.is_empty() && !host.starts_with(':') && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T>(value: Value, style: Style, field: impl FnOnce(Fields<'_>) -> Read<T>) -> Result<T, String> {
        let Value::Object(members) = json!({ "f": value }) else { unreachable!() };
        field(Fields::top(&members, style)).map_err(|error| {
            let ApiError::Field { param, message } = error else { panic!("{error:?}") };
            assert_eq!(param, "f");
            message
        })
    }

    #[test]
    fn integers() {
        let range = 0..=10;
        for (value, strict, lenient) in [
            (json!(0), true, true),
            (json!(10), true, true),
            (json!("7"), false, true),
            (json!(-1), false, false),
            (json!(11), false, false),
            (json!(1.0), true, true),
            (json!(1e1), true, true),
            (json!(1e300), false, false),
            (json!(1.5), false, false),
            (json!("1.5"), false, false),
            (json!("+1"), false, false),
            (json!(" 1"), false, false),
            (json!(""), false, false),
            (json!(true), false, false),
            (json!([1]), false, false),
            (json!(u64::MAX), false, false),
        ] {
            let read = |style| read(value.clone(), style, |fields| fields.integer("f", &range));
            assert_eq!((read(Style::Strict).is_ok(), read(Style::Lenient).is_ok()), (strict, lenient), "{value}");
        }
        assert_eq!(read(json!(null), Style::Strict, |fields| fields.integer("f", &range)), Ok(None));
    }

    #[test]
    fn percentages() {
        for (value, literal) in
            [(json!(30), Some("30")), (json!(33.3), Some("33.3")), (json!(0), Some("0")), (json!(100), Some("100"))]
        {
            assert_eq!(read(value, Style::Strict, |fields| fields.percentage("f")), Ok(literal.map(str::to_owned)));
        }
        for value in [json!(-0.5), json!(-0.0), json!(100.01), json!("30"), json!(true), json!({})] {
            assert!(read(value.clone(), Style::Strict, |fields| fields.percentage("f")).is_err(), "{value}");
        }
        assert_eq!(read(json!("30.5"), Style::Lenient, |fields| fields.percentage("f")), Ok(Some("30.5".to_owned())));
        for value in [json!("ten"), json!("1e400"), json!("101"), json!("")] {
            assert!(read(value.clone(), Style::Lenient, |fields| fields.percentage("f")).is_err(), "{value}");
        }
    }

    #[test]
    fn spans() {
        let range = 1..=100_000_000;
        for (value, seconds) in [
            (json!(3600), Some(3600)),
            (json!(3600.0), Some(3600)),
            (json!("3600"), Some(3600)),
            (json!("90s"), Some(90)),
            (json!("15m"), Some(900)),
            (json!("24h"), Some(86_400)),
            (json!("30d"), Some(2_592_000)),
            (json!(0), None),
            (json!("-1h"), None),
            (json!("1.5h"), None),
            (json!("h"), None),
            (json!("1w"), None),
            (json!("24 h"), None),
            (json!("5é"), None),
            (json!("9223372036854775807d"), None),
            (json!(true), None),
        ] {
            let found = read(value.clone(), Style::Strict, |fields| fields.span("f", &range));
            assert_eq!(found.ok().flatten().map(Span::seconds), seconds, "{value}");
        }
    }

    #[test]
    fn web_urls() {
        for (text, is_one) in [
            ("https://shop.example/thanks?order=7#top", true),
            ("http://localhost:3000", true),
            ("HTTPS://shop.example/€", true),
            ("javascript:alert(1)", false),
            ("ftp://shop.example", false),
            ("//shop.example", false),
            ("https://", false),
            ("https:///path", false),
            ("https://:80", false),
            ("https://a b", false),
            ("", false),
        ] {
            let found = read(json!(text), Style::Strict, |fields| {
                fields.web_url("f", Limit::Bytes(100)).map(|url| url.is_some())
            });
            assert_eq!(found.is_ok(), is_one, "{text}");
        }
    }

    #[test]
    fn texts() {
        for (text, is_fine) in [
            ("", true),
            ("línea\n\tdos", true),
            ("12345678", true),
            ("123456789", false),
            ("a\0b", false),
            ("a\rb", false),
            ("a\u{7f}", false),
            ("a\u{85}", false),
        ] {
            let found = read(json!(text), Style::Strict, |fields| {
                fields.text("f", Limit::Chars(10)).map(|_| ())?;
                fields.text("f", Limit::Bytes(11)).map(|_| ())?;
                fields.text("f", Limit::Chars(8)).map(|_| ())
            });
            let is_long_but_fine = text.chars().count() > 8 && text.chars().count() <= 10 && is_printable(text);
            assert_eq!(found.is_ok() || (is_long_but_fine && is_fine), is_fine, "{text:?}");
        }
    }
}
