//! What a payer consents to.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolStruct;
use escrow::{Escrow, MilestoneStatus, Span, Timestamp};

use crate::account::{Domain, payee_address, token_address};
use crate::token::token_units;
use crate::typed_data::TypedData;

/// The messages as Solidity writes them: from these the types are hashed.
pub(crate) mod message {
    #![allow(unreachable_pub, missing_docs, reason = "the macro decides what it writes")]

    alloy_sol_types::sol! {
        #[derive(Debug, PartialEq, Eq)]
        struct PaymentConsent {
            string intentId;
            string paymentType;
            address payee;
            address token;
            uint256 amount;
            Terms terms;
            uint256 nonce;
            uint256 deadline;
        }

        #[derive(Debug, PartialEq, Eq)]
        struct Terms {
            string releaseType;
            bool autoRelease;
            bool requireDelivery;
            bool requireApproval;
            uint256 approvalPeriod;
            uint256 deliveryPeriod;
            uint256 disputeWindow;
            uint256 timeLockUntil;
            bytes32 expectedDeliveryHash;
            address deliveryOracle;
            uint256 feeBasisPoints;
            string settlementMethod;
            bytes32 settlementDestination;
            Milestone[] milestones;
        }

        #[derive(Debug, PartialEq, Eq)]
        struct Milestone {
            uint256 index;
            uint256 amount;
            string description;
        }
    }
}

/// A payer's consent to an intent as it stands: one EIP-712 message in one domain.
///
/// Amounts count the smallest units of the token, periods are in seconds, points in time are seconds since the Unix epoch,
/// and what is absent is zero or the empty text. Milestones stand in the order of the escrow's list, without the cancelled
/// ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    domain: Domain,
    message: message::PaymentConsent,
}

impl Consent {
    /// The consent to this escrow's terms and milestones. Of two consents to one intent with different nonces, neither's
    /// signature is one for the other; the deadline says until when a signature is to be accepted, and is compared by whoever
    /// accepts it.
    #[must_use]
    pub fn new(domain: Domain, escrow: &Escrow, nonce: u64, deadline: Timestamp) -> Consent {
        let amount = escrow.terms.amount;
        let message = message::PaymentConsent {
            intentId: escrow.id.to_string(),
            paymentType: escrow.terms.payment_type.name().to_owned(),
            payee: payee_address(escrow.owner.merchant),
            token: token_address(amount.currency()),
            amount: token_units(amount),
            terms: terms(escrow),
            nonce: U256::from(nonce),
            deadline: point(deadline),
        };
        Consent { domain, message }
    }

    /// What the wallet signs: the digest of EIP-712, over the domain and the message.
    #[must_use]
    pub fn signing_hash(&self) -> B256 {
        self.message.eip712_signing_hash(&self.domain.separator())
    }

    /// The hash of how the money is released and paid out: `hashStruct` of the message's `terms`. Intent, parties, token and
    /// amount are in the message around them, and only in [`Consent::signing_hash`].
    #[must_use]
    pub fn terms_hash(&self) -> B256 {
        self.message.terms.eip712_hash_struct()
    }

    /// What ethers' `signTypedData(domain, types, message)` and viem's `signTypedData` take: `types` has no `EIP712Domain`,
    /// which ethers refuses.
    #[must_use]
    pub fn typed_data(&self) -> TypedData<'_> {
        TypedData::consent(self.domain, &self.message)
    }

    /// What `eth_signTypedData_v4` and eth_account's `full_message` take: `types` has `EIP712Domain`, and all else is the
    /// same.
    #[must_use]
    pub fn typed_data_v4(&self) -> TypedData<'_> {
        self.typed_data().with_domain_type()
    }
}

fn terms(escrow: &Escrow) -> message::Terms {
    // Every field by its name, so that a new one cannot be left out unnoticed.
    let escrow::Terms {
        amount: _, // in the message around
        payment_type: _,
        release_type,
        auto_release,
        settlement_method,
        settlement_destination: _, // sealed below
        delivery_period,
        dispute_window,
        expected_delivery_hash,
        delivery_oracle,
        time_lock_until,
        require_delivery,
        require_approval,
        approval_period,
        fee_basis_points,
        // What moves no money is not consented to.
        description: _,
        metadata: _,
        return_url: _,
        cancel_url: _,
    } = &escrow.terms;
    let milestones = escrow.milestones().iter().filter(|milestone| milestone.status() != MilestoneStatus::Cancelled);
    message::Terms {
        releaseType: release_type.name().to_owned(),
        autoRelease: *auto_release,
        requireDelivery: *require_delivery,
        requireApproval: *require_approval,
        approvalPeriod: period(*approval_period),
        deliveryPeriod: period(*delivery_period),
        disputeWindow: period(*dispute_window),
        timeLockUntil: time_lock_until.map_or(U256::ZERO, point),
        expectedDeliveryHash: expected_delivery_hash.as_deref().map_or(B256::ZERO, delivery_hash),
        deliveryOracle: delivery_oracle.as_ref().map_or(Address::ZERO, address),
        feeBasisPoints: U256::from(*fee_basis_points),
        settlementMethod: settlement_method.name().to_owned(),
        settlementDestination: sealed_destination(escrow),
        milestones: milestones.map(milestone).collect(),
    }
}

fn milestone(milestone: &escrow::Milestone) -> message::Milestone {
    message::Milestone {
        index: U256::from(milestone.index),
        amount: token_units(milestone.amount),
        description: milestone.description.clone().unwrap_or_default(),
    }
}

/// The hash of where the payee is paid out. The message is public, and a bank account has so few digits that a hash of them
/// alone would be undone by trying all of them; the merchant's id, which is not public, prevents that. With the intent's id,
/// two intents do not show that they are paid out to the same account.
fn sealed_destination(escrow: &Escrow) -> B256 {
    let (merchant, intent, destination) = (escrow.owner.merchant, escrow.id, &escrow.terms.settlement_destination);
    keccak256(format!("milepost settlement {merchant} {intent} {destination}"))
}

/// The hash that was agreed on. The edge lets in only 32 bytes of hexadecimal digits; any other text is hashed, so that it
/// would still be consented to.
fn delivery_hash(text: &str) -> B256 {
    text.parse().unwrap_or_else(|_| keccak256(text))
}

fn address(address: &escrow::Address) -> Address {
    // Both types hold 20 bytes, so that there always is a value.
    address.as_str().parse().unwrap_or(Address::ZERO)
}

/// A period in seconds.
pub(crate) fn period(span: Span) -> U256 {
    U256::from(span.seconds().max(0).unsigned_abs())
}

fn point(time: Timestamp) -> U256 {
    U256::from(time.seconds().max(0).unsigned_abs())
}
