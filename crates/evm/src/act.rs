//! What a payer signs after paying, and a delivery oracle.
//!
//! Consent ([`Consent`](crate::Consent)) says that money may be locked; an [`Act`] says what is to become of it. Each is a
//! message type of its own ([EIP-712](https://eips.ethereum.org/EIPS/eip-712)), so that a wallet shows in plain words what is
//! being done, and no signature of one serves as another.

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolStruct;
use escrow::{Amount, Hash, IntentId, MilestoneId, Span};

use crate::account::{Domain, token_address};
use crate::consent::period;
use crate::signature::{SignatureError, is_account, recover};
use crate::token::token_units;
use crate::typed_data::{Struct, TypedData, Value, field};

/// Defines each message once, as Solidity writes it: what is hashed, the type that a wallet is told and the values that it
/// shows cannot differ in a name, a type or their order.
macro_rules! messages {
    ($($name:ident { $($kind:ident $field:ident;)* })*) => {
        mod message {
            #![allow(unreachable_pub, missing_docs, reason = "the macro decides what it writes")]
            alloy_sol_types::sol! {
                $(struct $name { $($kind $field;)* })*
            }
        }

        enum Message {
            $($name(message::$name),)*
        }

        impl Message {
            const fn kind(&self) -> Struct {
                match self {
                    $(Message::$name(_) => Struct {
                        name: stringify!($name),
                        fields: const { &[$(field(stringify!($field), stringify!($kind))),*] },
                    },)*
                }
            }

            fn values(self) -> Vec<Value> {
                match self {
                    $(Message::$name(message) => vec![$(Value::from(message.$field)),*],)*
                }
            }

            fn signing_hash(&self, domain: Domain) -> B256 {
                match self {
                    $(Message::$name(message) => message.eip712_signing_hash(&domain.separator()),)*
                }
            }
        }
    };
}

messages! {
    Approval {
        string intentId;
        string milestoneId;
        address token;
        uint256 amount;
        bytes32 proofHash;
        uint256 attempt;
    }
    Rejection {
        string intentId;
        string milestoneId;
        uint256 attempt;
        string reason;
    }
    Dispute {
        string intentId;
        string milestoneId;
        string reason;
        uint256 disputeWindow;
        uint256 count;
    }
    Evidence {
        string intentId;
        string disputeId;
        string text;
        string uri;
        bytes32 hash;
    }
    Reclaim {
        string intentId;
        address token;
        uint256 heldAmount;
    }
    Release {
        string intentId;
        address token;
        uint256 heldAmount;
        bytes32 proofHash;
    }
    DeliveryProof {
        string intentId;
        bytes32 proofHash;
    }
}

/// What a payer does with an order after paying, or an oracle says of it, as its wallet signs it.
///
/// In the messages, amounts count the smallest units of the token ([`token_units`]), `token` is
/// [`token_address`] of the amount's currency, periods are in seconds (what is left over is cut off), and what is absent is the
/// empty text or zero. Texts are signed as they were sent. No message has a deadline or a nonce: what each binds besides the
/// intent is what makes it void once it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<'a> {
    /// A completed milestone is accepted, so that it is released:
    /// `Approval(string intentId,string milestoneId,address token,uint256 amount,bytes32 proofHash,uint256 attempt)`. Void after
    /// the milestone was changed, rejected or completed anew.
    Approval {
        /// The intent.
        intent: IntentId,
        /// The milestone.
        milestone: MilestoneId,
        /// What is released.
        amount: Amount,
        /// The completion proof as it was sent; `proofHash` is keccak256 of its UTF-8 bytes.
        proof: Option<&'a str>,
        /// The number of the completion that is approved.
        attempt: u64,
    },
    /// A completed milestone is not accepted: `Rejection(string intentId,string milestoneId,uint256 attempt,string reason)`.
    Rejection {
        /// The intent.
        intent: IntentId,
        /// The milestone.
        milestone: MilestoneId,
        /// The number of the completion that is rejected.
        attempt: u64,
        /// Why.
        reason: &'a str,
    },
    /// The order or one milestone of it is frozen until somebody decides:
    /// `Dispute(string intentId,string milestoneId,string reason,uint256 disputeWindow,uint256 count)`.
    Dispute {
        /// The intent.
        intent: IntentId,
        /// The milestone; none for the whole order.
        milestone: Option<MilestoneId>,
        /// Why.
        reason: &'a str,
        /// The dispute window that is asked for; none when it is not lengthened, which is signed as 0 seconds.
        window: Option<Span>,
        /// How many disputes the intent had before this one, so that it can be raised only once.
        count: u64,
    },
    /// Something is submitted to a dispute: `Evidence(string intentId,string disputeId,string text,string uri,bytes32 hash)`.
    /// Nothing in it changes when it was submitted, so that whoever takes it must take care of repetitions.
    Evidence {
        /// The intent.
        intent: IntentId,
        /// The dispute's id, as it is shown.
        dispute: &'a str,
        /// What is said; absent and empty are the same.
        text: Option<&'a str>,
        /// Where more is found; absent and empty are the same.
        uri: Option<&'a str>,
        /// The hash of what is found there; absent and 32 bytes of zero are the same.
        hash: Option<Hash>,
    },
    /// What was not delivered in time is asked back: `Reclaim(string intentId,address token,uint256 heldAmount)`.
    Reclaim {
        /// The intent.
        intent: IntentId,
        /// What is held in escrow, whether or not all of it can be reclaimed.
        held: Amount,
    },
    /// The whole order is released by hand after a delivery proof:
    /// `Release(string intentId,address token,uint256 heldAmount,bytes32 proofHash)`.
    Release {
        /// The intent.
        intent: IntentId,
        /// What is held in escrow.
        held: Amount,
        /// The delivery proof, its own 32 bytes.
        proof: Hash,
    },
    /// The delivery is proven, which the oracle of an order signs, and no payer: `DeliveryProof(string intentId,bytes32 proofHash)`.
    DeliveryProof {
        /// The intent.
        intent: IntentId,
        /// The delivery proof, its own 32 bytes.
        proof: Hash,
    },
}

impl Act<'_> {
    /// What the wallet signs: the digest of EIP-712, over the domain and the message.
    #[must_use]
    pub fn signing_hash(&self, domain: Domain) -> B256 {
        self.message().signing_hash(domain)
    }

    /// What ethers' `signTypedData(domain, types, message)` and viem's `signTypedData` take: `types` has no `EIP712Domain`,
    /// which ethers refuses.
    #[must_use]
    pub fn typed_data(&self, domain: Domain) -> TypedData<'static> {
        let message = self.message();
        TypedData::flat(domain, message.kind(), message.values())
    }

    /// What `eth_signTypedData_v4` and eth_account's `full_message` take: `types` has `EIP712Domain`, and all else is the
    /// same.
    #[must_use]
    pub fn typed_data_v4(&self, domain: Domain) -> TypedData<'static> {
        self.typed_data(domain).with_domain_type()
    }

    /// Checks that this is the expected account's signature over this act, as [`verify`](crate::verify) does over any digest.
    ///
    /// # Errors
    /// Why it is not: never [`SignatureError::OtherSigner`], whose advice is about consent, but [`SignatureError::OtherAct`].
    pub fn verify(&self, domain: Domain, text: &str, expected: &escrow::Address) -> Result<(), SignatureError> {
        let message = self.message();
        let signer = recover(text, message.signing_hash(domain))?;
        let act = message.kind().name;
        if is_account(signer, expected) { Ok(()) } else { Err(SignatureError::OtherAct { act, signer }) }
    }

    fn message(&self) -> Message {
        match *self {
            Act::Approval { intent, milestone, amount, proof, attempt } => Message::Approval(message::Approval {
                intentId: intent.to_string(),
                milestoneId: milestone.to_string(),
                token: token_address(amount.currency()),
                amount: token_units(amount),
                proofHash: proof.map_or(B256::ZERO, keccak256),
                attempt: U256::from(attempt),
            }),
            Act::Rejection { intent, milestone, attempt, reason } => Message::Rejection(message::Rejection {
                intentId: intent.to_string(),
                milestoneId: milestone.to_string(),
                attempt: U256::from(attempt),
                reason: reason.to_owned(),
            }),
            Act::Dispute { intent, milestone, reason, window, count } => Message::Dispute(message::Dispute {
                intentId: intent.to_string(),
                milestoneId: milestone.map(|id| id.to_string()).unwrap_or_default(),
                reason: reason.to_owned(),
                disputeWindow: window.map_or(U256::ZERO, period),
                count: U256::from(count),
            }),
            Act::Evidence { intent, dispute, text, uri, hash } => Message::Evidence(message::Evidence {
                intentId: intent.to_string(),
                disputeId: dispute.to_owned(),
                text: text.unwrap_or_default().to_owned(),
                uri: uri.unwrap_or_default().to_owned(),
                hash: hash.map_or(B256::ZERO, word),
            }),
            Act::Reclaim { intent, held } => Message::Reclaim(message::Reclaim {
                intentId: intent.to_string(),
                token: token_address(held.currency()),
                heldAmount: token_units(held),
            }),
            Act::Release { intent, held, proof } => Message::Release(message::Release {
                intentId: intent.to_string(),
                token: token_address(held.currency()),
                heldAmount: token_units(held),
                proofHash: word(proof),
            }),
            Act::DeliveryProof { intent, proof } => {
                Message::DeliveryProof(message::DeliveryProof { intentId: intent.to_string(), proofHash: word(proof) })
            }
        }
    }
}

fn word(hash: Hash) -> B256 {
    B256::from(*hash.bytes())
}
