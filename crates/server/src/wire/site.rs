//! What objects show of the gateway that serves them, and to whom.

use escrow::{Escrow, IntentId};

/// Where a gateway is, for payers.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Where they reach it, without a slash at the end.
    pub(crate) public_url: String,
    /// What their signatures are for.
    pub(crate) chain: evm::Domain,
}

impl Site {
    /// Where an intent is paid.
    pub(crate) fn payment_url(&self, id: IntentId) -> String {
        format!("{}/pay/{id}", self.public_url)
    }

    /// What a payer of this intent signs. The count of what has made earlier signatures void is the nonce.
    pub(crate) fn consent(&self, escrow: &Escrow) -> evm::Consent {
        evm::Consent::new(self.chain, escrow, u64::from(escrow.revision), escrow.consent_deadline())
    }
}

/// Who reads an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The merchant: everything.
    Merchant,
    /// Anyone who knows the id: nothing that is the merchant's own.
    Public,
}

/// How much of a destination anyone may see.
const SHOWN_CHARS: usize = 4;

impl Reader {
    /// Where the payee is paid out, masked to its last characters for the public; of a short one nothing is left.
    pub(super) fn destination(self, destination: &str) -> String {
        match self {
            Reader::Merchant => destination.to_owned(),
            Reader::Public => {
                let hidden = destination.chars().count().saturating_sub(SHOWN_CHARS);
                let shown =
                    if hidden < SHOWN_CHARS { String::new() } else { destination.chars().skip(hidden).collect() };
                format!("****{shown}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_masked_for_the_public() {
        for (destination, masked) in [
            ("bank_account_123", "****_123"),
            ("12345678", "****5678"),
            ("1234567", "****"),
            ("DE", "****"),
            ("kontö-ñandú", "****andú"),
        ] {
            assert_eq!(Reader::Public.destination(destination), masked);
            assert_eq!(Reader::Merchant.destination(destination), destination);
        }
    }
}
