//! What a payer signs after paying binds every field of it, and serves as nothing else.

use std::collections::{BTreeMap, BTreeSet};

use escrow::{Amount, Currency, Hash, IntentId, MilestoneId, RawId, Span};
use evm::{Act, Domain, SignatureError, token_address};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::{self, CHAIN_ID};
use crate::signature::{address, sent, sign, text};

const INTENT: IntentId = IntentId::new(RawId::from_bits(1));
const MILESTONE: MilestoneId = MilestoneId::new(RawId::from_bits(2));
const DISPUTE: &str = "dispute_0000000000000000000003";

fn amount(text: &str, currency: Currency) -> Amount {
    Amount::parse(text, currency).expect("a sample amount")
}

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn domain() -> Domain {
    Domain::sandbox(CHAIN_ID)
}

/// The samples of `tests/wallets/acts.mjs`, in its order.
pub(crate) fn all() -> [(&'static str, Act<'static>); 10] {
    let (intent, milestone) = (INTENT, MILESTONE);
    [
        (
            "approval",
            Act::Approval {
                intent,
                milestone,
                amount: amount("300.000001", Currency::Dai),
                proof: Some("Entwürfe – 設計 🚀\n\"quoted\" \\"),
                attempt: 2,
            },
        ),
        (
            "approval without a proof",
            Act::Approval {
                intent,
                milestone,
                amount: amount("0.000001", Currency::Usdc),
                proof: None,
                attempt: u64::MAX,
            },
        ),
        (
            "rejection",
            Act::Rejection { intent, milestone, attempt: 1, reason: "Not as agreed – 設計 🚀\n\tsee \"page 2\"" },
        ),
        (
            "dispute about a milestone",
            Act::Dispute {
                intent,
                milestone: Some(milestone),
                reason: "Broken",
                window: Some(Span::from_seconds(7_776_000)),
                count: 3,
            },
        ),
        (
            "dispute about the order",
            Act::Dispute { intent, milestone: None, reason: "Nothing arrived", window: None, count: 0 },
        ),
        (
            "evidence",
            Act::Evidence {
                intent,
                dispute: DISPUTE,
                text: Some("The parcel was empty ☹"),
                uri: Some("https://example.com/photo.jpg?n=1"),
                hash: Some(hash(0xab)),
            },
        ),
        ("evidence of nothing", Act::Evidence { intent, dispute: DISPUTE, text: None, uri: None, hash: None }),
        ("reclaim", Act::Reclaim { intent, held: amount("1000000000", Currency::Dai) }),
        ("release", Act::Release { intent, held: amount("10.01", Currency::Eur), proof: hash(0xcd) }),
        ("delivery proof", Act::DeliveryProof { intent, proof: hash(0xcd) }),
    ]
}

/// What an act can be made of.
#[derive(Clone, Debug)]
struct Parts {
    intent: u128,
    milestone: Option<u128>,
    amount: (i64, Currency),
    texts: [Option<String>; 2],
    hash: Option<[u8; 32]>,
    number: u64,
    seconds: i64,
}

/// One act of each kind.
fn of_each_kind(parts: &Parts) -> [Act<'_>; 7] {
    let intent = IntentId::new(RawId::from_bits(parts.intent));
    let some_milestone = parts.milestone.map(|bits| MilestoneId::new(RawId::from_bits(bits)));
    let milestone = some_milestone.unwrap_or(MILESTONE);
    let amount = Amount::from_minor(parts.amount.0, parts.amount.1).expect("an amount");
    let [first, second] = parts.texts.each_ref().map(Option::as_deref);
    let (text, number) = (first.unwrap_or_default(), parts.number);
    let hash = parts.hash.map(Hash::from_bytes);
    let proof = hash.unwrap_or(Hash::ZERO);
    let window = Some(Span::from_seconds(parts.seconds));
    [
        Act::Approval { intent, milestone, amount, proof: first, attempt: number },
        Act::Rejection { intent, milestone, attempt: number, reason: text },
        Act::Dispute { intent, milestone: some_milestone, reason: text, window, count: number },
        Act::Evidence { intent, dispute: text, text: first, uri: second, hash },
        Act::Reclaim { intent, held: amount },
        Act::Release { intent, held: amount, proof },
        Act::DeliveryProof { intent, proof },
    ]
}

/// The message's name and what it says.
fn shown(act: &Act<'_>) -> (String, BTreeMap<String, Value>) {
    let data = json!(act.typed_data(domain()));
    let name = data["primaryType"].as_str().expect("a name").to_owned();
    (name, serde_json::from_value(data["message"].clone()).expect("an object"))
}

type Change = (&'static [&'static str], fn(&mut Parts));

/// Changes of one part each, and the fields in which a message may show it.
const CHANGES: [Change; 9] = [
    (&["intentId"], |parts| parts.intent += 1),
    (&["milestoneId"], |parts| parts.milestone = Some(99)),
    (&["amount", "heldAmount"], |parts| parts.amount.0 += 1),
    (&["token"], |parts| parts.amount.1 = Currency::Usdt),
    (&["proofHash", "reason", "text", "disputeId"], |parts| parts.texts[0] = Some("another".to_owned())),
    (&["uri"], |parts| parts.texts[1] = Some("another".to_owned())),
    (&["proofHash", "hash"], |parts| parts.hash = Some([9; 32])),
    (&["attempt", "count"], |parts| parts.number += 1),
    (&["disputeWindow"], |parts| parts.seconds += 1),
];

#[test]
fn every_field_of_every_message_is_bound() {
    let before = Parts {
        intent: 1,
        milestone: Some(2),
        amount: (1, Currency::Usdc),
        texts: [Some("one".to_owned()), Some("two".to_owned())],
        hash: Some([3; 32]),
        number: 4,
        seconds: 5,
    };
    let mut hashes: BTreeSet<_> = of_each_kind(&before).map(|act| act.signing_hash(domain())).into();
    let mut changed: BTreeSet<(String, String)> = BTreeSet::new();
    for (fields, change) in CHANGES {
        let mut after = before.clone();
        change(&mut after);
        for (old, new) in of_each_kind(&before).iter().zip(of_each_kind(&after)) {
            let ((name, old), (_, message)) = (shown(old), shown(&new));
            let differing: Vec<_> = old.keys().filter(|field| old[*field] != message[*field]).cloned().collect();
            assert!(differing.iter().all(|field| fields.contains(&field.as_str())), "{name}: {differing:?}");
            let is_new = hashes.insert(new.signing_hash(domain()));
            assert_eq!(is_new, !differing.is_empty(), "{name}: {fields:?}");
            changed.extend(differing.into_iter().map(|field| (name.clone(), field)));
        }
    }
    for act in of_each_kind(&before) {
        let (name, message) = shown(&act);
        for field in message.into_keys() {
            assert!(changed.contains(&(name.clone(), field.clone())), "{name}: nothing changed {field}");
        }
        for (what, other) in [
            ("chain", Domain::sandbox(CHAIN_ID + 1)),
            ("contract", Domain { contract: token_address(Currency::Usd), ..domain() }),
        ] {
            assert!(hashes.insert(act.signing_hash(other)), "{name}: {what} is not bound");
        }
    }
}

#[test]
fn text_and_link_of_evidence_do_not_stand_for_each_other() {
    let evidence = |text, uri| Act::Evidence { intent: INTENT, dispute: DISPUTE, text, uri, hash: None };
    let digests = [(None, None), (Some("ab"), None), (None, Some("ab")), (Some("a"), Some("b"))]
        .map(|(text, uri)| evidence(text, uri).signing_hash(domain()));
    assert_eq!(BTreeSet::from(digests).len(), 4);
}

#[test]
fn no_sample_is_signed_like_another_message() {
    let mut hashes: BTreeSet<_> = all().map(|(_, act)| act.signing_hash(domain())).into();
    assert_eq!(hashes.len(), all().len());
    for (name, escrow) in samples::all() {
        assert!(hashes.insert(samples::consent(&escrow).signing_hash()), "consent: {name}");
    }
}

#[test]
fn what_is_absent_is_empty_or_zero() {
    let zero = format!("0x{}", "0".repeat(64));
    for (act, absent) in [
        (all()[1].1, json!({ "proofHash": zero })),
        (all()[4].1, json!({ "milestoneId": "", "disputeWindow": "0" })),
        (all()[6].1, json!({ "text": "", "uri": "", "hash": zero })),
        (
            Act::Dispute {
                intent: INTENT,
                milestone: None,
                reason: "",
                window: Some(Span::from_seconds(i64::MIN / 1000)),
                count: 0,
            },
            json!({ "reason": "", "disputeWindow": "0", "count": "0" }),
        ),
    ] {
        let (name, message) = shown(&act);
        for (field, value) in absent.as_object().expect("fields") {
            assert_eq!(message[field], *value, "{name}: {field}");
        }
    }
}

/// A proof that was sent, though it has no characters, is none that was not sent.
#[test]
fn an_empty_proof_is_a_proof() {
    let approval = |proof| {
        let amount = amount("1", Currency::Usdc);
        Act::Approval { intent: INTENT, milestone: MILESTONE, amount, proof, attempt: 1 }.signing_hash(domain())
    };
    assert_ne!(approval(None), approval(Some("")));
}

#[test]
fn whoever_did_not_sign_this_act_is_told_what_may_be_wrong() {
    let [payer, stranger] = [7, 8].map(|byte| SigningKey::from_slice(&[byte; 32]).expect("a key"));
    let expected = sent(address(&payer));
    let acts = all().map(|(_, act)| act);
    for act in acts {
        let (name, _) = shown(&act);
        let signature = |key| text(&sign(key, act.signing_hash(domain())));
        assert_eq!(act.verify(domain(), &signature(&payer), &expected), Ok(()));
        let lower = expected.as_str().to_lowercase().parse().expect("an address");
        assert_eq!(act.verify(domain(), &signature(&payer), &lower), Ok(()));
        assert_eq!(act.verify(domain(), "0x", &expected), Err(SignatureError::Length { digits: 0 }));
        let refused = act.verify(domain(), &signature(&stranger), &expected).expect_err("a stranger's");
        let signer = address(&stranger);
        assert!(matches!(refused, SignatureError::OtherAct { signer: found, .. } if found == signer), "{refused}");
        let message = refused.to_string();
        assert!(message.contains(&format!("over the {name}")), "{message}");
        assert!(message.contains(&format!("sign this {name} again")), "{message}");
        assert!(!message.contains("terms") && !message.contains("payment intent"), "{message}");
        for other in acts.into_iter().filter(|other| *other != act) {
            assert!(other.verify(domain(), &signature(&payer), &expected).is_err(), "{name} served as {other:?}");
        }
        let elsewhere = Domain::sandbox(CHAIN_ID + 1);
        assert!(act.verify(elsewhere, &signature(&payer), &expected).is_err(), "{name}");
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        any::<u128>(),
        any::<Option<u128>>(),
        (0..=i64::MAX, proptest::sample::select(Currency::ALL.to_vec())),
        any::<[Option<String>; 2]>(),
        any::<Option<[u8; 32]>>(),
        any::<u64>(),
        0..=i64::MAX / 1000,
    )
        .prop_map(|(intent, milestone, amount, texts, hash, number, seconds)| Parts {
            intent,
            milestone,
            amount,
            texts,
            hash,
            number,
            seconds,
        })
}

/// A mixture of two, part by part: many fields are alike.
fn mixed([one, other]: [&Parts; 2], take: [bool; 7]) -> Parts {
    let [intent, milestone, amount, texts, hash, number, seconds] = take.map(|takes| if takes { other } else { one });
    Parts {
        intent: intent.intent,
        milestone: milestone.milestone,
        amount: amount.amount,
        texts: texts.texts.clone(),
        hash: hash.hash,
        number: number.number,
        seconds: seconds.seconds,
    }
}

proptest! {
    /// A digest says neither more nor less than what the wallet shows.
    #[test]
    fn acts_are_signed_alike_exactly_when_they_are_shown_alike(one in parts(), other in parts(), take: [bool; 7]) {
        let other = mixed([&one, &other], take);
        let [one, other] = [&one, &other].map(|parts| of_each_kind(parts).map(|act| (act.signing_hash(domain()), shown(&act))));
        for (digest, message) in &one {
            for (other_digest, other_message) in &other {
                prop_assert_eq!(digest == other_digest, message == other_message, "{:?}, {:?}", message, other_message);
            }
        }
    }
}
