//! The message binds everything that was agreed, and shows nothing that is not public.

use std::collections::BTreeSet;

use alloy_primitives::keccak256;
use escrow::{
    Amount, Command, Currency, Decimal, Escrow, IntentId, MerchantId, Metadata, MilestoneId, NewMilestone, PaymentType,
    RawId, ReleaseType, SettlementMethod, Span, Timestamp,
};
use evm::{Consent, Domain, U256, payee_address, sandbox_contract, token_address, token_decimals, token_units};
use serde_json::json;

use crate::samples::{self, CHAIN_ID, DEADLINE, NONCE};

fn raw(bits: u128) -> RawId {
    RawId::from_bits(bits)
}

type Change = (&'static str, fn(&mut Escrow));

fn first(escrow: &mut Escrow) -> &mut escrow::Milestone {
    &mut escrow.order.as_mut().expect("an order").milestones[0]
}

/// Changes of what is agreed, each of one field.
const AGREED: [Change; 27] = [
    ("intent", |escrow| escrow.id = IntentId::new(raw(9))),
    ("payee", |escrow| escrow.owner.merchant = MerchantId::new(raw(9))),
    ("payment type", |escrow| escrow.terms.payment_type = PaymentType::Conditional),
    ("amount", |escrow| escrow.terms.amount = Amount::parse("1000.000002", Currency::Dai).expect("an amount")),
    ("token", |escrow| escrow.terms.amount = Amount::parse("1000.000001", Currency::Usdt).expect("an amount")),
    ("release type", |escrow| escrow.terms.release_type = ReleaseType::AutoRelease),
    ("auto release", |escrow| escrow.terms.auto_release ^= true),
    ("require delivery", |escrow| escrow.terms.require_delivery ^= true),
    ("require approval", |escrow| escrow.terms.require_approval ^= true),
    ("approval period", |escrow| escrow.terms.approval_period = Span::from_seconds(604_801)),
    ("delivery period", |escrow| escrow.terms.delivery_period = Span::from_seconds(2_592_001)),
    ("dispute window", |escrow| escrow.terms.dispute_window = Span::from_seconds(604_801)),
    ("time lock", |escrow| escrow.terms.time_lock_until = Some(Timestamp::from_ms(1_800_000_001_000))),
    ("no time lock", |escrow| escrow.terms.time_lock_until = None),
    ("delivery hash", |escrow| escrow.terms.expected_delivery_hash = Some(format!("0x{}", "ac".repeat(32)))),
    ("no delivery hash", |escrow| escrow.terms.expected_delivery_hash = None),
    ("odd delivery hash", |escrow| escrow.terms.expected_delivery_hash = Some("what the edge refuses".to_owned())),
    ("oracle", |escrow| {
        escrow.terms.delivery_oracle = Some(format!("0x{}", "7".repeat(40)).parse().expect("an address"))
    }),
    ("no oracle", |escrow| escrow.terms.delivery_oracle = None),
    ("fee", |escrow| escrow.terms.fee_basis_points = 251),
    ("settlement method", |escrow| escrow.terms.settlement_method = SettlementMethod::OffRampToWire),
    ("settlement destination", |escrow| escrow.terms.settlement_destination.push('4')),
    ("a milestone's index", |escrow| first(escrow).index = 1),
    ("a milestone's amount", |escrow| first(escrow).amount = Amount::parse("299", Currency::Dai).expect("an amount")),
    ("a milestone's description", |escrow| first(escrow).description = Some("another".to_owned())),
    ("a milestone deleted", |escrow| {
        let id = first(escrow).id;
        *escrow = samples::after(escrow, Command::DeleteMilestone(id));
    }),
    ("the order of milestones", |escrow| escrow.order.as_mut().expect("an order").milestones.reverse()),
];

/// Changes that leave the payer's consent as it was.
const NOT_AGREED: [Change; 7] = [
    ("description", |escrow| escrow.terms.description = Some("a job".to_owned())),
    ("metadata", |escrow| escrow.terms.metadata = Some(Metadata::from_json("{}".to_owned()))),
    ("return URL", |escrow| escrow.terms.return_url = Some("https://shop.example".to_owned())),
    ("cancel URL", |escrow| escrow.terms.cancel_url = Some("https://shop.example".to_owned())),
    ("a percentage", |escrow| first(escrow).percentage = Some("30".to_owned())),
    ("a milestone added and deleted", |escrow| {
        let id = MilestoneId::new(raw(77));
        let amount = Decimal::parse("0.01").expect("an amount");
        let new = NewMilestone { id, index: 3, amount, description: None, percentage: None };
        first(escrow).amount = Amount::parse("299", Currency::Dai).expect("an amount");
        let deleted = samples::after(&samples::after(escrow, Command::AddMilestone(new)), Command::DeleteMilestone(id));
        *escrow = deleted;
        first(escrow).amount = Amount::parse("300", Currency::Dai).expect("an amount");
    }),
    ("how hexadecimal digits are written", |escrow| {
        let terms = &mut escrow.terms;
        terms.expected_delivery_hash = terms.expected_delivery_hash.as_ref().map(|hash| hash.to_lowercase());
        let oracle = terms.delivery_oracle.as_ref().expect("an oracle").as_str().to_lowercase();
        terms.delivery_oracle = Some(oracle.parse().expect("an address"));
    }),
];

#[test]
fn a_change_of_anything_agreed_changes_what_is_signed() {
    let before = samples::full();
    let mut hashes = BTreeSet::from([samples::consent(&before).signing_hash()]);
    for (what, change) in AGREED {
        let mut escrow = before.clone();
        change(&mut escrow);
        assert!(hashes.insert(samples::consent(&escrow).signing_hash()), "{what} is not bound");
    }
    let sandbox = Domain::sandbox(CHAIN_ID);
    for (what, consent) in [
        ("chain", Consent::new(Domain::sandbox(CHAIN_ID + 1), &before, NONCE, DEADLINE)),
        (
            "contract",
            Consent::new(Domain { contract: token_address(Currency::Usd), ..sandbox }, &before, NONCE, DEADLINE),
        ),
        ("nonce", Consent::new(sandbox, &before, NONCE + 1, DEADLINE)),
        ("deadline", Consent::new(sandbox, &before, NONCE, DEADLINE.after(Span::from_seconds(1)))),
    ] {
        assert!(hashes.insert(consent.signing_hash()), "{what} is not bound");
    }
}

#[test]
fn what_moves_no_money_is_not_signed() {
    let before = samples::full();
    for (what, change) in NOT_AGREED {
        let mut escrow = before.clone();
        change(&mut escrow);
        assert_eq!(samples::consent(&escrow).signing_hash(), samples::consent(&before).signing_hash(), "{what}");
    }
}

#[test]
fn the_terms_hash_is_the_terms_alone() {
    let before = samples::full();
    let other_nonce = Consent::new(Domain::sandbox(1), &before, NONCE + 1, DEADLINE);
    assert_eq!(other_nonce.terms_hash(), samples::consent(&before).terms_hash());
    let mut changed = before.clone();
    changed.terms.dispute_window = Span::from_seconds(0);
    assert_ne!(samples::consent(&changed).terms_hash(), samples::consent(&before).terms_hash());
}

#[test]
fn the_message_shows_what_was_agreed() {
    let escrow = samples::full();
    let shown = json!(samples::consent(&escrow).typed_data());
    let settlement_destination =
        keccak256(format!("milepost settlement {} {} bank_account_123", escrow.owner.merchant, escrow.id));
    assert_eq!(shown["primaryType"], "PaymentConsent");
    assert_eq!(
        shown["domain"],
        json!({
            "name": "Milepost", "version": "1", "chainId": 31337,
            "verifyingContract": sandbox_contract().to_string(),
        })
    );
    assert_eq!(
        shown["message"],
        json!({
            "intentId": "intent_0000000000000000000001",
            "paymentType": "DELIVERY_VS_PAYMENT",
            "payee": payee_address(escrow.owner.merchant).to_string(),
            "token": token_address(Currency::Dai).to_string(),
            "amount": "1000000001000000000000",
            "terms": {
                "releaseType": "MILESTONE_LOCKED",
                "autoRelease": true,
                "requireDelivery": true,
                "requireApproval": true,
                "approvalPeriod": "604800",
                "deliveryPeriod": "2592000",
                "disputeWindow": "604800",
                "timeLockUntil": "1800000000",
                "expectedDeliveryHash": format!("0x{}", "ab".repeat(32)),
                "deliveryOracle": "0x742D35cC6634C0532925a3b844Bc9e7595f42318",
                "feeBasisPoints": "250",
                "settlementMethod": "OFF_RAMP_MOCK",
                "settlementDestination": settlement_destination.to_string(),
                "milestones": [
                    { "index": "0", "amount": "300000000000000000000", "description": "Entwürfe – 設計 🚀\n\"quoted\" \\ \0" },
                    { "index": "7", "amount": "700000001000000000000", "description": "" },
                ],
            },
            "nonce": "7",
            "deadline": "1893456000",
        })
    );
}

#[test]
fn the_message_shows_neither_the_merchant_nor_the_bank_account() {
    let escrow = samples::plain();
    let shown = json!(samples::consent(&escrow).typed_data_v4()).to_string();
    assert!(!shown.contains(&escrow.owner.merchant.to_string()));
    assert!(!shown.contains("bank_account_123"));
    // Whoever tries every account number finds nothing without the merchant's id.
    assert!(!shown.contains(&keccak256("bank_account_123").to_string()));
    let mut other = escrow.clone();
    other.id = IntentId::new(raw(9));
    let destination =
        |escrow| json!(samples::consent(escrow).typed_data())["message"]["terms"]["settlementDestination"].clone();
    assert_ne!(destination(&escrow), destination(&other), "two intents show that they go to one account");
}

#[test]
fn points_before_the_epoch_count_as_none() {
    let mut escrow = samples::plain();
    escrow.terms.time_lock_until = Some(Timestamp::from_ms(i64::MIN));
    let consent = Consent::new(Domain::sandbox(1), &escrow, u64::MAX, Timestamp::from_ms(-1));
    let message = &json!(consent.typed_data())["message"];
    assert_eq!((&message["deadline"], &message["terms"]["timeLockUntil"]), (&json!("0"), &json!("0")));
    assert_eq!(message["nonce"], u64::MAX.to_string());
}

#[test]
fn amounts_are_counted_as_tokens_count_them() {
    for (text, currency, units) in [
        ("1000.00", Currency::Usdc, "1000000000"),
        ("0.000001", Currency::Usdt, "1"),
        ("1000.00", Currency::Dai, "1000000000000000000000"),
        ("0.000001", Currency::Dai, "1000000000000"),
        ("1000000000", Currency::Dai, "1000000000000000000000000000"),
        ("10.01", Currency::Usd, "1001"),
        ("10.01", Currency::Eur, "1001"),
        ("10.01", Currency::Gbp, "1001"),
        ("10.01", Currency::Inr, "1001"),
    ] {
        let amount = Amount::parse(text, currency).expect("an amount");
        assert_eq!(token_units(amount).to_string(), units, "{text} {currency}");
    }
    for currency in Currency::ALL {
        let one = Amount::parse("1", currency).expect("an amount");
        assert_eq!(token_units(one), U256::from(10).pow(U256::from(token_decimals(currency))), "{currency}");
    }
}

#[test]
fn addresses_made_here_are_always_the_same_and_all_different() {
    assert_eq!(sandbox_contract().to_string(), "0x242eAa9010E34A0CC33AE33bCdc42B597662Bd48");
    assert_eq!(token_address(Currency::Usdc).to_string(), "0x2eb09AC7887e96A3E295B8b44B0BB55C059B2ED3");
    assert_eq!(payee_address(MerchantId::new(raw(1))).to_string(), "0x3D1F52705a9Bf9D451Fd68b7698f80D959C9993E");
    let all = Currency::ALL.into_iter().map(token_address);
    let all =
        all.chain([sandbox_contract(), payee_address(MerchantId::new(raw(1))), payee_address(MerchantId::new(raw(2)))]);
    assert_eq!(all.collect::<BTreeSet<_>>().len(), Currency::ALL.len() + 3);
}
