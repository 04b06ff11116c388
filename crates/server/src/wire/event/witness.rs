//! Where rows are not what the events about them say.

use std::collections::BTreeMap;

use engine::verify::Witness;
use escrow::{Escrow, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{AccountEvent, AccountRow, Endpoint};

use super::{Shown, api_key, endpoint, merchant, shown};

/// Reads events as they are served, and holds rows against the last one about each.
#[derive(Debug, Default)]
pub struct WireWitness {
    accounts: Story,
    /// How often the secret of each webhook endpoint was rotated, by its id.
    rotations: BTreeMap<String, u32>,
}

/// The last that was told of each object, by what it is and its id.
#[derive(Debug, Default)]
struct Story(BTreeMap<Name, Told>);

type Name = (String, String);

/// What is read of an event's body.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    data: ToldData,
}

#[derive(Debug, Deserialize)]
struct ToldData {
    object: Map<String, Value>,
}

/// What is shown of an object and changes without an event about it: with the clock, with its use, or with other objects, whose events
/// say so.
const UNTOLD: [(&str, &[&str]); 5] = [
    ("payment_intent", &["phases", "settlementStatus", "fiatPaymentStatus", "onRampStatus", "updated"]),
    (
        "escrow_order",
        &[
            "actualDeliveryHash",
            "deliveryProofs",
            "disputeRaisedAt",
            "disputeRaisedBy",
            "disputeReason",
            "disputeResolution",
            "disputeResolvedAt",
            "disputeWindow",
            "disputes",
            "heldAmount",
            "milestones",
            "orderStatus",
            "reclaimableFrom",
            "refundedAmount",
            "refunds",
            "releasedAmount",
            "settlementScheduledAt",
            "settlementStatus",
            "settlements",
            "status",
            "unallocatedAmount",
            "updatedAt",
        ],
    ),
    ("milestone", &["disputed"]),
    ("api_key", &["status", "lastUsedAt"]),
    ("webhook_endpoint", &["failingSince"]),
];

impl Witness for WireWitness {
    fn escrow(&mut self, escrow: &Escrow, bodies: &[&[u8]]) -> Vec<String> {
        let mut story = Story::default();
        story.hear(bodies);
        let mut wrong = Vec::new();
        for subject in subjects(escrow) {
            let may_be_untold = matches!(subject, Subject::Settlement(_));
            wrong.extend(story.compare(&shown(escrow, subject), may_be_untold));
        }
        wrong.extend(story.unseen(|_| false));
        wrong.extend(another_window(escrow, bodies));
        wrong
    }

    fn journal(&mut self, bodies: &[&[u8]]) {
        self.accounts.hear(bodies);
        for told in bodies.iter().filter_map(|body| read(body)) {
            if told.kind == AccountEvent::SecretRotated.name()
                && let Some((_, id)) = name(&told.data.object)
            {
                *self.rotations.entry(id).or_default() += 1;
            }
        }
    }

    fn account(&mut self, row: &AccountRow) -> Vec<String> {
        // Of what is shown of a key, this moment matters to nothing that is compared.
        let now = Timestamp::from_ms(0);
        let shown = match row {
            AccountRow::Merchant(row) => Shown::Merchant(merchant(row)),
            AccountRow::Key(row) => Shown::Key(Box::new(api_key(row, now))),
            AccountRow::Endpoint(row) => Shown::Endpoint(Box::new(endpoint(row))),
        };
        let mut wrong = self.accounts.compare(&shown, false);
        if let AccountRow::Endpoint(row) = row {
            wrong.extend(self.another_secret(row));
        }
        wrong
    }

    fn unseen(&mut self) -> Vec<String> {
        self.accounts.unseen(|kind| kind == AccountEvent::EndpointDeleted.name())
    }
}

impl WireWitness {
    /// Where an endpoint has another secret than the one that it was last given: secrets are counted from 1.
    fn another_secret(&self, row: &Endpoint) -> Option<String> {
        let id = row.id.to_string();
        let rotations = self.rotations.get(&id).copied().unwrap_or(0);
        let is_right = row.secret == rotations.saturating_add(1);
        let secret = row.secret;
        (!is_right).then(|| format!("webhook_endpoint {id} has secret {secret}, after {rotations} rotations"))
    }
}

impl Story {
    /// What cannot be read tells nothing: that its hash is wrong is found elsewhere.
    fn hear(&mut self, bodies: &[&[u8]]) {
        for told in bodies.iter().filter_map(|body| read(body)) {
            if let Some(name) = name(&told.data.object) {
                self.0.insert(name, told);
            }
        }
    }

    /// Where an object is not what was last told of it, which is then dealt with.
    fn compare(&mut self, shown: &impl Serialize, may_be_untold: bool) -> Vec<String> {
        let Ok(Value::Object(now)) = serde_json::to_value(shown) else { return Vec::new() };
        let Some(name) = name(&now) else { return Vec::new() };
        let (object, id) = &name;
        let Some(told) = self.0.remove(&name) else {
            return if may_be_untold { Vec::new() } else { vec![format!("no event tells of {object} {id}")] };
        };
        let untold = UNTOLD.iter().find(|(other, _)| other == object).map_or(&[][..], |(_, members)| members);
        let is_otherwise = |(member, value): &(&String, &Value)| {
            !untold.contains(&member.as_str()) && told.data.object.get(*member) != Some(value)
        };
        let said = |member: &str| told.data.object.get(member).unwrap_or(&Value::Null);
        let different = now.iter().filter(is_otherwise);
        different
            .map(|(member, value)| {
                format!("{member} of {object} {id} is {value}, its last {} says {}", told.kind, said(member))
            })
            .collect()
    }

    /// What was told of, and is not there, unless the last event says that it is gone.
    fn unseen(&mut self, is_gone: impl Fn(&str) -> bool) -> Vec<String> {
        let left = std::mem::take(&mut self.0).into_iter().filter(|(_, told)| !is_gone(&told.kind));
        left.map(|((object, id), told)| format!("{object} {id} is not there, its last event is {}", told.kind))
            .collect()
    }
}

/// Where an order has another dispute window than was agreed, or than a dispute has lengthened it to. What a dispute lengthens is told
/// with the dispute, as how long it stays open.
fn another_window(escrow: &Escrow, bodies: &[&[u8]]) -> Option<String> {
    let mut windows = bodies.iter().filter_map(|body| window_of(&read(body)?.data.object));
    let agreed = windows.next()?;
    let longest = windows.fold(agreed, i64::max);
    let (now_agreed, now) = (escrow.terms.dispute_window.seconds(), escrow.dispute_window().seconds());
    let is_right = (now_agreed, now) == (agreed, longest);
    let (id, told) =
        (escrow.id, if agreed == longest { agreed.to_string() } else { format!("{agreed}, then {longest}") });
    (!is_right).then(|| format!("the dispute window of {id} is {now_agreed}, then {now} s, its events say {told}"))
}

/// The dispute window that an order or an open dispute tells, in seconds.
fn window_of(object: &Map<String, Value>) -> Option<i64> {
    let seconds = |member: &str| object.get(member)?.as_str()?.parse::<i64>().ok();
    match object.get("object")?.as_str()? {
        "escrow_order" => seconds("disputeWindow"),
        "dispute" => seconds("resolvesAt")?.checked_sub(seconds("disputeRaisedAt")?),
        _ => None,
    }
}

fn read(body: &[u8]) -> Option<Told> {
    serde_json::from_slice(body).ok()
}

fn name(object: &Map<String, Value>) -> Option<Name> {
    let text = |member: &str| object.get(member).and_then(Value::as_str).map(str::to_owned);
    Some((text("object")?, text("id")?))
}

/// Everything of an escrow that events are about. A settlement that has not started may be in none.
fn subjects(escrow: &Escrow) -> Vec<Subject> {
    let order = escrow.order.iter();
    let mut subjects = vec![Subject::Intent];
    subjects.extend(order.clone().map(|_| Subject::Order));
    subjects.extend(escrow.milestones().iter().map(|milestone| Subject::Milestone(milestone.id)));
    subjects.extend(order.clone().filter_map(|order| order.proof.as_ref()).map(|proof| Subject::Proof(proof.id)));
    subjects.extend(order.flat_map(|order| &order.disputes).map(|dispute| Subject::Dispute(dispute.id)));
    subjects.extend(escrow.settlements.iter().map(|settlement| Subject::Settlement(settlement.id)));
    subjects.extend(escrow.refunds.iter().map(|refund| Subject::Refund(refund.id)));
    subjects
}
