//! What was agreed when an intent was created. Terms never change.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::MerchantId;
use crate::limits::DEFAULT_APPROVAL_PERIOD_S;
use crate::money::Amount;
use crate::time::{Span, Timestamp};

/// Whether money is simulated or real; fixed when an object is created, by the key that creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Simulated money.
    Sandbox,
    /// Real money.
    Live,
}

/// Whom an intent and everything around it belongs to: a merchant in one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The merchant.
    pub merchant: MerchantId,
    /// The mode.
    pub mode: Mode,
}

/// Defines a closed set of names that clients send and read.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $type {$(
            $(#[$variant_doc])*
            #[serde(rename = $name)]
            $variant,
        )*}

        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The name as clients send and read it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }

            /// The value with this name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use names;

names! {
    /// What kind of payment an intent is.
    PaymentType {
        /// Paid straight through, without escrow.
        ConsentedPull = "CONSENTED_PULL",
        /// Held in escrow until delivery.
        Conditional = "CONDITIONAL",
        /// The same escrow under its other name.
        DeliveryVsPayment = "DELIVERY_VS_PAYMENT",
    }
}

impl PaymentType {
    /// Whether the money of such an intent is held in an escrow order.
    #[must_use]
    pub const fn has_escrow(self) -> bool {
        match self {
            PaymentType::ConsentedPull => false,
            PaymentType::Conditional | PaymentType::DeliveryVsPayment => true,
        }
    }
}

names! {
    /// What releases the money of an escrow order.
    ReleaseType {
        /// An accepted delivery proof, then a release.
        DeliveryProof = "DELIVERY_PROOF",
        /// A point in time.
        TimeLocked = "TIME_LOCKED",
        /// Milestones, share by share.
        MilestoneLocked = "MILESTONE_LOCKED",
        /// An accepted delivery proof, by itself.
        AutoRelease = "AUTO_RELEASE",
    }
}

impl ReleaseType {
    /// Whether an accepted proof of the delivery has to come before any release.
    #[must_use]
    pub const fn is_by_proof(self) -> bool {
        match self {
            ReleaseType::DeliveryProof | ReleaseType::AutoRelease => true,
            ReleaseType::TimeLocked | ReleaseType::MilestoneLocked => false,
        }
    }
}

names! {
    /// How the payee is paid out.
    SettlementMethod {
        /// Simulated; never for live money.
        OffRampMock = "OFF_RAMP_MOCK",
        /// Real-time payment.
        OffRampToRtp = "OFF_RAMP_TO_RTP",
        /// Bank transfer.
        OffRampToBank = "OFF_RAMP_TO_BANK",
        /// Automated clearing house.
        OffRampToAch = "OFF_RAMP_TO_ACH",
        /// Wire transfer.
        OffRampToWire = "OFF_RAMP_TO_WIRE",
    }
}

/// A JSON object that clients attach and get back as they sent it. The domain never looks inside; the edge has checked that
/// it is an object within [`crate::limits`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(String);

impl Metadata {
    /// Metadata from the text of a JSON object.
    #[must_use]
    pub fn from_json(json: String) -> Metadata {
        Metadata(json)
    }

    /// The text of the JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }
}

/// Everything about an intent that was fixed at its creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What the payer pays.
    pub amount: Amount,
    /// What kind of payment it is.
    pub payment_type: PaymentType,
    /// What releases the money.
    pub release_type: ReleaseType,
    /// Whether a completed milestone is released by itself.
    pub auto_release: bool,
    /// How the payee is paid out.
    pub settlement_method: SettlementMethod,
    /// Where the payee is paid out, as the payout method understands it.
    pub settlement_destination: String,
    /// How long after funding the delivery is due.
    pub delivery_period: Span,
    /// How long after the delivery deadline the payer waits before reclaiming.
    pub dispute_window: Span,
    /// The hash a delivery proof must have (32 bytes, hex, as sent).
    pub expected_delivery_hash: Option<String>,
    /// Who must prove the delivery.
    pub delivery_oracle: Option<Address>,
    /// When a time lock opens.
    pub time_lock_until: Option<Timestamp>,
    /// Whether a time lock also waits for the delivery.
    #[serde(default)]
    pub require_delivery: bool,
    /// Whether only the payer's approval, its silence or a resolution releases a share.
    #[serde(default)]
    pub require_approval: bool,
    /// How long the payer's silence lasts before it counts as approval.
    #[serde(default = "default_approval_period")]
    pub approval_period: Span,
    /// What the gateway keeps of every release, in hundredths of a percent.
    pub fee_basis_points: u16,
    /// Free text for people.
    pub description: Option<String>,
    /// The client's own data.
    pub metadata: Option<Metadata>,
    /// Where the payer's browser goes after paying.
    pub return_url: Option<String>,
    /// Where the payer's browser goes after giving up.
    pub cancel_url: Option<String>,
}

/// What was agreed before approval could be: nothing else.
const fn default_approval_period() -> Span {
    Span::from_seconds(DEFAULT_APPROVAL_PERIOD_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_given_back_as_it_was_sent() {
        let sent = r#"{"b": 1,  "a":null}"#;
        assert_eq!(Metadata::from_json(sent.to_owned()).json(), sent);
    }

    #[test]
    fn terms_from_before_there_was_approval_have_the_period_of_those_that_name_none() {
        let stored = r#"{"amount":{"minor":1,"currency":"USD"},"payment_type":"CONDITIONAL",
            "release_type":"MILESTONE_LOCKED","auto_release":true,"settlement_method":"OFF_RAMP_MOCK",
            "settlement_destination":"","delivery_period":0,"dispute_window":0,"fee_basis_points":0}"#;
        let terms: Terms = serde_json::from_str(stored).expect("terms");
        assert_eq!(terms.approval_period, Span::from_seconds(7 * 24 * 3600));
        assert!(!terms.require_approval && !terms.require_delivery);
    }
}
