//! What a payer signs after paying, as the state says it now.

use std::borrow::Cow;

use escrow::{Escrow, Hash, Milestone};
use evm::{Act, Domain};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::schema::typed_data;

/// The approval of the completion of a milestone.
pub(crate) fn approval<'a>(escrow: &Escrow, milestone: &'a Milestone) -> Act<'a> {
    Act::Approval {
        intent: escrow.id,
        milestone: milestone.id,
        amount: milestone.amount,
        proof: milestone.completion().and_then(|completion| completion.proof.as_deref()),
        attempt: u64::from(milestone.attempts),
    }
}

/// The release of all that is held. Before a proof was accepted it names none, and is worth nothing.
pub(crate) fn release(escrow: &Escrow) -> Act<'static> {
    let proof = escrow.order.as_ref().and_then(|order| order.proof.as_ref());
    Act::Release { intent: escrow.id, held: escrow.funds.held, proof: proof.map_or(Hash::ZERO, |proof| proof.hash) }
}

/// The way back of what was not delivered.
pub(crate) const fn reclaim(escrow: &Escrow) -> Act<'static> {
    Act::Reclaim { intent: escrow.id, held: escrow.funds.held }
}

/// What a payer signs, in its two forms: as ethers wants it, and with the type of the domain, as `eth_signTypedData_v4` does.
pub(super) struct Signable<'a> {
    act: Act<'a>,
    domain: Domain,
}

impl<'a> Signable<'a> {
    pub(super) const fn new(act: Act<'a>, domain: Domain) -> Signable<'a> {
        Signable { act, domain }
    }
}

impl JsonSchema for Signable<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Signable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let form = typed_data(generator);
        json_schema!({
            "type": "object",
            "properties": { "typedData": form, "typedDataV4": form },
            "required": ["typedData", "typedDataV4"],
        })
    }
}

impl Serialize for Signable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut forms = serializer.serialize_map(Some(2))?;
        forms.serialize_entry("typedData", &self.act.typed_data(self.domain))?;
        forms.serialize_entry("typedDataV4", &self.act.typed_data_v4(self.domain))?;
        forms.end()
    }
}
