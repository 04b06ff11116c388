//! Bodies: JSON and forms, and what a new intent is read from.

use escrow::limits::{MAX_METADATA_BYTES, MAX_METADATA_KEYS, MAX_MILESTONES};
use escrow::{MilestoneId, RawId};
use serde_json::{Map, Number, Value};

use super::escaped;
use crate::http::body::{Sent, plain};
use crate::http::fields::Style;
use crate::http::form::MAX_DEPTH;
use crate::http::payment_intents::terms;
use crate::http::{mask, metadata, milestones};
use crate::processor::CardNumber;

/// What is read and written again reads as the same. A form spells the tree that JSON spells, and asks for the same terms. Metadata is
/// kept as it was sent, within its bounds.
pub fn target(data: &[u8]) {
    if let Ok(sent) = Sent::parse(data.to_vec().into(), Style::Strict, None) {
        check_json(&sent, data);
    }
    if let Ok(sent) = Sent::parse(data.to_vec().into(), Style::Lenient, None) {
        check_form(&sent);
    }
    for written in [mask::Form::Json, mask::Form::UrlEncoded] {
        if let Some(shown) = mask::body(data, written) {
            check_masked(&shown);
        }
    }
    if plain(data).is_some_and(|value| value.is_object()) {
        assert_eq!(mask::body(data, mask::Form::UrlEncoded), None, "JSON is no name of a field");
    }
}

fn check_json(sent: &Sent, data: &[u8]) {
    let members = sent.fields().members();
    let tree = Value::Object(members.clone());
    check_reader(data, &tree);
    if is_exact(&tree) {
        assert_eq!(plain(tree.to_string().as_bytes()).as_ref(), Some(&tree));
    }
    check_metadata(sent, members.get("metadata"));
    let mut pairs = Vec::new();
    let Some(spelt) = spell(members, "", 1, &mut pairs) else { return };
    let text = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    let form = Sent::parse(text.collect::<Vec<_>>().join("&").into_bytes().into(), Style::Lenient, None);
    let form = form.expect("a form of plain names");
    assert_eq!(form.fields().members(), &spelt, "a form spells another tree than the JSON that it was made from");
    if let Ok(read) = terms_of(sent) {
        assert_eq!(terms_of(&form).ok(), Some(read), "a form asks for other terms than the same JSON");
    }
}

/// What is read is what `serde_json` reads by itself, where no name means something to it.
fn check_reader(data: &[u8], tree: &Value) {
    const MEANT: &[u8] = b"serde_json";
    // Behind an escape may stand such a name as well.
    let is_plain = !data.contains(&b'\\') && !data.windows(MEANT.len()).any(|window| window == MEANT);
    if is_plain && !data.trim_ascii().is_empty() {
        assert_eq!(serde_json::from_slice::<Value>(data).ok().as_ref(), Some(tree));
    }
}

fn check_form(sent: &Sent) {
    let members = sent.fields().members();
    let mut pairs = Vec::new();
    let spelt = spell(members, "", 1, &mut pairs);
    assert_eq!(spelt.as_ref(), Some(members), "a form has only names that can be written, and texts");
    check_metadata(sent, members.get("metadata"));
    let json = Value::Object(members.clone()).to_string();
    assert_eq!(plain(json.as_bytes()), Some(Value::Object(members.clone())));
    let json = Sent::parse(json.into_bytes().into(), Style::Strict, None).expect("JSON");
    if let Ok(read) = terms_of(&json) {
        assert_eq!(terms_of(sent).ok(), Some(read), "JSON of texts asks for other terms than the same form");
    }
}

/// The terms that are asked for and the milestones with them, in words; without the metadata, which each way of writing keeps as it is,
/// and with percentages as forms have them.
fn terms_of(sent: &Sent) -> Result<String, ()> {
    let mut read = terms::read(sent, 0).map_err(drop)?;
    read.metadata = None;
    let id = MilestoneId::new(RawId::from_bits(1));
    let mut words = format!("{read:?}");
    for fields in sent.fields().objects("milestones", MAX_MILESTONES).map_err(drop)? {
        let mut milestone = milestones::create::read(&fields, id).map_err(drop)?;
        milestone.percentage = milestone.percentage.map(|text| text.trim_end_matches(".0").to_owned());
        words += &format!("{milestone:?}");
    }
    Ok(words)
}

fn check_metadata(sent: &Sent, value: Option<&Value>) {
    let Ok(Some((kept, fields))) = metadata::read(sent) else { return };
    assert!(kept.json().len() <= MAX_METADATA_BYTES && fields.members().len() <= MAX_METADATA_KEYS);
    assert_eq!(plain(kept.json().as_bytes()).as_ref(), value, "{}", kept.json());
    assert!(!kept.json().contains(['\n', '\r']), "{}", kept.json());
}

/// What is logged can be read, and has no number of a card left in it: they begin with 2 to 6 (ISO/IEC 7812-1), and what begins with 0x
/// is none.
fn check_masked(shown: &str) {
    let value = plain(shown.as_bytes()).expect("what is logged is JSON");
    // A number that is read once more may end in another digit, which nobody has logged.
    for text in texts(&value).into_iter().filter(|text| text.parse::<f64>().is_err() || shown.contains(text)) {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.starts_with("0x"));
        let groups = words.flat_map(|word| word.split(|c: char| !c.is_ascii_digit()));
        for digits in groups.filter(|digits| digits.starts_with(['2', '3', '4', '5', '6'])) {
            assert!(CardNumber::parse(digits).is_err(), "the number of a card is left in {shown}");
        }
    }
}

/// Every text, number and name in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| texts(value).into_iter().chain([name.clone()])).collect()
        }
    }
}

/// Whether the numbers in a value are written as they were read: those with a fraction are read to the next but one.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
    }
}

/// Writes members as the pairs of a form, and gives the tree that these spell; `None` where a name cannot be written or is too deep.
/// What a form cannot say is left out: nothing, an empty object or list.
fn spell(
    members: &Map<String, Value>,
    at: &str,
    depth: usize,
    pairs: &mut Vec<(String, String)>,
) -> Option<Map<String, Value>> {
    let mut spelt = Map::new();
    for (name, value) in members {
        if name.is_empty() || name.contains(['[', ']']) || depth > MAX_DEPTH {
            return None;
        }
        let at = if at.is_empty() { name.clone() } else { format!("{at}[{name}]") };
        let inner = match value {
            Value::Null => continue,
            Value::Bool(flag) => Value::String(flag.to_string()),
            Value::Number(number) => Value::String(written(number)),
            Value::String(text) => Value::String(text.clone()),
            Value::Array(items) => {
                let items = items.iter().enumerate().map(|(place, item)| (place.to_string(), item.clone()));
                Value::Object(spell(&items.collect(), &at, depth + 1, pairs)?)
            }
            Value::Object(members) => Value::Object(spell(members, &at, depth + 1, pairs)?),
        };
        match &inner {
            Value::String(text) => pairs.push((at, text.clone())),
            Value::Object(members) if members.is_empty() => continue,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
        }
        spelt.insert(name.clone(), inner);
    }
    Some(spelt)
}

/// A number as whoever fills in a form writes it: a whole one without a point.
fn written(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
