//! How money comes in: attempts to pay an intent, and who made them.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::chain::Hash;
use crate::id::{PaymentId, RefundId};
use crate::ledger::Rail;
use crate::terms::names;
use crate::time::Timestamp;

/// An attempt to pay an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id; the rail is asked under it, however often.
    pub id: PaymentId,
    /// The rail that the money comes on.
    pub rail: Rail,
    /// Who pays, and with what.
    pub means: Means,
    /// What it consents to, as [`crate::Escrow::revision`] counts.
    pub revision: u32,
    /// The transaction that carries it, where somebody named one.
    pub transaction: Option<Hash>,
    /// Where it stands.
    pub state: PaymentState,
    /// When it was first seen.
    pub created: Timestamp,
}

/// Who pays, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// Money that came without a word: the simulated payer's, or a deposit from this address.
    Deposit(Option<Address>),
    /// A wallet, which signed the terms.
    Wallet(Consent),
    /// A card.
    Card(Card),
}

/// A wallet's signature under the terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who signed.
    pub signer: Address,
    /// The signature, as sent.
    pub signature: String,
    /// The hash that was signed (EIP-712).
    pub digest: Hash,
}

/// A card, as much of it as is ever kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its brand.
    pub brand: CardBrand,
    /// Its last four digits.
    pub last_four: String,
    /// What the processor calls the payment.
    pub reference: String,
    /// The keyed hash of the token by which whoever paid acts later.
    pub token: Hash,
}

names! {
    /// Who issued a card.
    CardBrand {
        /// Visa
        Visa = "visa",
        /// Mastercard
        Mastercard = "mastercard",
    }
}

/// Where an attempt to pay stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    /// Seen, not final; nothing is booked.
    Confirming {
        /// When the rail is asked whether it is final.
        due: Timestamp,
    },
    /// It funded the intent.
    Final {
        /// When it was final.
        at: Timestamp,
    },
    /// The rail refused it.
    Failed {
        /// When.
        at: Timestamp,
        /// Why, as the rail said.
        reason: String,
    },
    /// It arrived when the intent no longer wanted it, and goes back as this refund.
    Unapplied {
        /// When.
        at: Timestamp,
        /// The way back.
        refund: RefundId,
    },
}

impl Payment {
    /// Whether it is under way.
    #[must_use]
    pub const fn is_confirming(&self) -> bool {
        matches!(self.state, PaymentState::Confirming { .. })
    }

    /// Whether the rail refused it; the payer's consent is void then.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.state, PaymentState::Failed { .. })
    }

    /// The transaction that carries it. A simulated payment for which nobody named one has one that follows from its id.
    #[must_use]
    pub fn transaction_hash(&self) -> Option<Hash> {
        let simulated = || Hash::ZERO.following(self.id.to_string().as_bytes());
        match self.rail {
            Rail::Sandbox | Rail::Card => Some(self.transaction.unwrap_or_else(simulated)),
            Rail::Evm => self.transaction,
        }
    }

    /// Who made it, as far as it can be proven later.
    #[must_use]
    pub fn payer(&self) -> Option<Payer> {
        match &self.means {
            Means::Deposit(from) => from.clone().map(Payer::Wallet),
            Means::Wallet(consent) => Some(Payer::Wallet(consent.signer.clone())),
            Means::Card(card) => Some(Payer::Bearer(card.token)),
        }
    }
}

/// Who paid, or says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payer {
    /// Whoever signs for this address.
    Wallet(Address),
    /// The bearer of the token with this keyed hash.
    Bearer(Hash),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RawId;

    #[test]
    fn a_payment_that_is_simulated_has_a_transaction_of_its_own() {
        let payment = |bits, rail, transaction| Payment {
            id: PaymentId::new(RawId::from_bits(bits)),
            rail,
            means: Means::Deposit(None),
            revision: 0,
            transaction,
            state: PaymentState::Final { at: Timestamp::from_ms(0) },
            created: Timestamp::from_ms(0),
        };
        let named = Some(Hash::from_bytes([7; 32]));
        for rail in [Rail::Sandbox, Rail::Card] {
            assert_eq!(payment(1, rail, named).transaction_hash(), named);
            let simulated = |bits| payment(bits, rail, None).transaction_hash().expect("one that follows from its id");
            assert_eq!(simulated(1), simulated(1));
            assert_ne!(simulated(1), simulated(2));
        }
        assert_eq!(payment(1, Rail::Evm, named).transaction_hash(), named);
        assert_eq!(payment(1, Rail::Evm, None).transaction_hash(), None, "nobody makes up what is on a real chain");
    }
}
