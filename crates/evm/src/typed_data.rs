//! The message as clients hand it to a wallet.

use std::fmt::Display;

use alloy_primitives::{Address, B256, U256};
use serde::{Serialize, Serializer};

use crate::account::Domain;
use crate::consent::message;

/// EIP-712 typed data: `domain`, `types`, `primaryType` and `message`. Numbers of 256 bits are decimal text, because JSON
/// numbers lose digits; the chain's id is a number, as wallets want it; addresses are checksummed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypedData<'a> {
    domain: DomainFields,
    types: Types,
    primary_type: &'static str,
    message: Message<'a>,
}

impl<'a> TypedData<'a> {
    pub(crate) fn consent(domain: Domain, message: &'a message::PaymentConsent) -> TypedData<'a> {
        let message = Message::Consent(Box::new(PaymentConsent::of(message)));
        TypedData::new(domain, Types { domain: None, primary: PAYMENT_CONSENT, inner: &[TERMS, MILESTONE] }, message)
    }

    fn new(domain: Domain, types: Types, message: Message<'a>) -> TypedData<'a> {
        let domain = DomainFields {
            name: Domain::NAME,
            version: Domain::VERSION,
            chain_id: domain.chain_id,
            verifying_contract: domain.contract,
        };
        TypedData { domain, primary_type: types.primary.name, types, message }
    }

    pub(crate) fn with_domain_type(mut self) -> TypedData<'a> {
        self.types.domain = Some(EIP712_DOMAIN);
        self
    }
}

impl TypedData<'static> {
    /// A message without structs in it: its values stand in the order of its type's fields.
    pub(crate) fn flat(domain: Domain, kind: Struct, values: Vec<Value>) -> TypedData<'static> {
        let types = Types { domain: None, primary: kind, inner: &[] };
        TypedData::new(domain, types, Message::Flat { fields: kind.fields, values })
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DomainFields {
    name: &'static str,
    version: &'static str,
    chain_id: u64,
    #[serde(serialize_with = "text")]
    verifying_contract: Address,
}

/// The fields of every struct, in the order in which they are hashed.
#[derive(Clone, Copy, Debug)]
struct Types {
    domain: Option<Struct>,
    primary: Struct,
    inner: &'static [Struct],
}

impl Serialize for Types {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let structs = self.domain.iter().chain([&self.primary]).chain(self.inner);
        serializer.collect_map(structs.map(|kind| (kind.name, kind.fields)))
    }
}

/// The type of a struct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Struct {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A field of a struct, and its type.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Field {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub(crate) const fn field(name: &'static str, kind: &'static str) -> Field {
    Field { name, kind }
}

const EIP712_DOMAIN: Struct = Struct {
    name: "EIP712Domain",
    fields: &[
        field("name", "string"),
        field("version", "string"),
        field("chainId", "uint256"),
        field("verifyingContract", "address"),
    ],
};

const PAYMENT_CONSENT: Struct = Struct {
    name: "PaymentConsent",
    fields: &[
        field("intentId", "string"),
        field("paymentType", "string"),
        field("payee", "address"),
        field("token", "address"),
        field("amount", "uint256"),
        field("terms", "Terms"),
        field("nonce", "uint256"),
        field("deadline", "uint256"),
    ],
};

const TERMS: Struct = Struct {
    name: "Terms",
    fields: &[
        field("releaseType", "string"),
        field("autoRelease", "bool"),
        field("requireDelivery", "bool"),
        field("requireApproval", "bool"),
        field("approvalPeriod", "uint256"),
        field("deliveryPeriod", "uint256"),
        field("disputeWindow", "uint256"),
        field("timeLockUntil", "uint256"),
        field("expectedDeliveryHash", "bytes32"),
        field("deliveryOracle", "address"),
        field("feeBasisPoints", "uint256"),
        field("settlementMethod", "string"),
        field("settlementDestination", "bytes32"),
        field("milestones", "Milestone[]"),
    ],
};

const MILESTONE: Struct = Struct {
    name: "Milestone",
    fields: &[field("index", "uint256"), field("amount", "uint256"), field("description", "string")],
};

#[derive(Clone, Debug)]
enum Message<'a> {
    Consent(Box<PaymentConsent<'a>>),
    Flat { fields: &'static [Field], values: Vec<Value> },
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Message::Consent(consent) => consent.serialize(serializer),
            Message::Flat { fields, values } => {
                serializer.collect_map(fields.iter().map(|field| field.name).zip(values))
            }
        }
    }
}

/// The value of a field that is no struct.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Text(String),
    Number(#[serde(serialize_with = "text")] U256),
    Account(#[serde(serialize_with = "text")] Address),
    Word(#[serde(serialize_with = "text")] B256),
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<U256> for Value {
    fn from(number: U256) -> Value {
        Value::Number(number)
    }
}

impl From<Address> for Value {
    fn from(account: Address) -> Value {
        Value::Account(account)
    }
}

impl From<B256> for Value {
    fn from(word: B256) -> Value {
        Value::Word(word)
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentConsent<'a> {
    intent_id: &'a str,
    payment_type: &'a str,
    #[serde(serialize_with = "text")]
    payee: Address,
    #[serde(serialize_with = "text")]
    token: Address,
    #[serde(serialize_with = "text")]
    amount: U256,
    terms: Terms<'a>,
    #[serde(serialize_with = "text")]
    nonce: U256,
    #[serde(serialize_with = "text")]
    deadline: U256,
}

impl PaymentConsent<'_> {
    fn of(message: &message::PaymentConsent) -> PaymentConsent<'_> {
        PaymentConsent {
            intent_id: &message.intentId,
            payment_type: &message.paymentType,
            payee: message.payee,
            token: message.token,
            amount: message.amount,
            terms: Terms::of(&message.terms),
            nonce: message.nonce,
            deadline: message.deadline,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Terms<'a> {
    release_type: &'a str,
    auto_release: bool,
    require_delivery: bool,
    require_approval: bool,
    #[serde(serialize_with = "text")]
    approval_period: U256,
    #[serde(serialize_with = "text")]
    delivery_period: U256,
    #[serde(serialize_with = "text")]
    dispute_window: U256,
    #[serde(serialize_with = "text")]
    time_lock_until: U256,
    #[serde(serialize_with = "text")]
    expected_delivery_hash: B256,
    #[serde(serialize_with = "text")]
    delivery_oracle: Address,
    #[serde(serialize_with = "text")]
    fee_basis_points: U256,
    settlement_method: &'a str,
    #[serde(serialize_with = "text")]
    settlement_destination: B256,
    milestones: Vec<Milestone<'a>>,
}

impl Terms<'_> {
    fn of(terms: &message::Terms) -> Terms<'_> {
        Terms {
            release_type: &terms.releaseType,
            auto_release: terms.autoRelease,
            require_delivery: terms.requireDelivery,
            require_approval: terms.requireApproval,
            approval_period: terms.approvalPeriod,
            delivery_period: terms.deliveryPeriod,
            dispute_window: terms.disputeWindow,
            time_lock_until: terms.timeLockUntil,
            expected_delivery_hash: terms.expectedDeliveryHash,
            delivery_oracle: terms.deliveryOracle,
            fee_basis_points: terms.feeBasisPoints,
            settlement_method: &terms.settlementMethod,
            settlement_destination: terms.settlementDestination,
            milestones: terms.milestones.iter().map(Milestone::of).collect(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct Milestone<'a> {
    #[serde(serialize_with = "text")]
    index: U256,
    #[serde(serialize_with = "text")]
    amount: U256,
    description: &'a str,
}

impl Milestone<'_> {
    fn of(milestone: &message::Milestone) -> Milestone<'_> {
        Milestone { index: milestone.index, amount: milestone.amount, description: &milestone.description }
    }
}

fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{Eip712Domain, SolStruct};
    use serde_json::Value as Json;

    use super::*;

    fn written(Struct { name, fields }: Struct) -> String {
        let fields: Vec<_> = fields.iter().map(|field| format!("{} {}", field.kind, field.name)).collect();
        format!("{name}({})", fields.join(","))
    }

    fn sample() -> message::PaymentConsent {
        let milestone = message::Milestone { index: U256::MAX, amount: U256::ZERO, description: "é".to_owned() };
        message::PaymentConsent {
            intentId: String::new(),
            paymentType: String::new(),
            payee: Address::repeat_byte(0xab),
            token: Address::ZERO,
            amount: U256::MAX,
            terms: message::Terms {
                releaseType: String::new(),
                autoRelease: true,
                requireDelivery: false,
                requireApproval: false,
                approvalPeriod: U256::ZERO,
                deliveryPeriod: U256::ZERO,
                disputeWindow: U256::ZERO,
                timeLockUntil: U256::ZERO,
                expectedDeliveryHash: B256::repeat_byte(0xcd),
                deliveryOracle: Address::ZERO,
                feeBasisPoints: U256::ZERO,
                settlementMethod: String::new(),
                settlementDestination: B256::ZERO,
                milestones: vec![milestone],
            },
            nonce: U256::ZERO,
            deadline: U256::ZERO,
        }
    }

    #[test]
    fn the_types_shown_are_the_types_hashed() {
        let [root, terms, milestone] = [PAYMENT_CONSENT, TERMS, MILESTONE].map(written);
        assert_eq!(message::PaymentConsent::eip712_encode_type(), format!("{root}{milestone}{terms}"));
        assert_eq!(message::Terms::eip712_encode_type(), format!("{terms}{milestone}"));
        assert_eq!(message::Milestone::eip712_encode_type(), milestone);
        let (text, number, contract) = (Some("".into()), Some(U256::ZERO), Some(Address::ZERO));
        let domain = Eip712Domain::new(text.clone(), text, number, contract, None);
        assert_eq!(domain.encode_type(), written(EIP712_DOMAIN));
    }

    /// Whether a JSON object has these fields, in this order, each of the form that its type is written in.
    fn check(object: &Json, Struct { fields, .. }: Struct) {
        let object = object.as_object().expect("an object");
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(object.keys().collect::<Vec<_>>(), names);
        for Field { name, kind } in fields {
            let value = &object[*name];
            let hex = |digits: usize| {
                let text = value.as_str().and_then(|text| text.strip_prefix("0x"));
                text.is_some_and(|text| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            };
            let fits = match *kind {
                "string" => value.is_string(),
                "bool" => value.is_boolean(),
                "uint256" if *name == "chainId" => value.is_u64(),
                "uint256" => value.as_str().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit())),
                "address" => hex(40),
                "bytes32" => hex(64),
                "Terms" => value.is_object(),
                "Milestone[]" => value.is_array(),
                other => panic!("{other} is not known here"),
            };
            assert!(fits, "{name}: {kind} = {value}");
        }
    }

    #[test]
    fn the_message_shown_has_the_fields_of_its_types() {
        let message = sample();
        let domain = Domain { chain_id: 1, contract: Address::repeat_byte(0xab) };
        let data = TypedData::consent(domain, &message);
        let [plain, v4] = [data.clone(), data.with_domain_type()].map(|data| serde_json::to_value(data).expect("JSON"));
        check(&plain["domain"], EIP712_DOMAIN);
        check(&plain["message"], PAYMENT_CONSENT);
        check(&plain["message"]["terms"], TERMS);
        check(&plain["message"]["terms"]["milestones"][0], MILESTONE);
        let names = |data: &Json| data["types"].as_object().expect("types").keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&plain), ["PaymentConsent", "Terms", "Milestone"]);
        assert_eq!(names(&v4), ["EIP712Domain", "PaymentConsent", "Terms", "Milestone"]);
        let mut without = v4.clone();
        without["types"].as_object_mut().expect("types").shift_remove("EIP712Domain");
        assert_eq!(without.to_string(), plain.to_string());
        assert_eq!(plain["message"]["amount"], U256::MAX.to_string());
    }
}
