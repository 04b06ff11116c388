//! What a merchant does about a payment.

use escrow::limits::MAX_MILESTONES;
use escrow::{IntentStatus, MilestoneStatus, ReleaseType};
use maud::{Markup, html};
use serde_json::Value;

use super::super::act::{Action, actions};
use super::super::desk::{Desk, nothing_here, segment};
use super::super::field::{Attempt, Field};
use super::super::intents::PART;
use super::sight::{Sight, is_zero};
use super::{disputes, milestones};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::money;

/// Below what the API has a deed.
enum Below {
    Intent,
    Order,
    Milestone,
    /// A milestone, which is taken out.
    Away,
    Helpers,
}

/// Something that can be done: its name in the pages' addresses, where the API has it, and what of the form it takes.
struct Deed(&'static str, Below, &'static str, &'static [&'static str]);

const DEEDS: [Deed; 15] = [
    Deed("fund", Below::Helpers, "fund", &[]),
    Deed("cancel", Below::Intent, "cancel", &[]),
    Deed("refund", Below::Intent, "refund", &["amount", "reason"]),
    Deed("ship", Below::Order, "ship", &["carrier", "trackingNumber"]),
    Deed("prove", Below::Order, "delivery-proof", &["proofHash", "proofURI", "submittedBy"]),
    Deed("release", Below::Order, "release", &[]),
    Deed("dispute", Below::Order, "dispute", &["reason", "raisedBy", "milestoneId"]),
    Deed("evidence", Below::Order, "dispute/evidence", &["text", "uri", "submittedBy", "milestoneId"]),
    Deed("resolve", Below::Order, "dispute/resolve", &disputes::RESOLVING),
    Deed("split", Below::Order, "milestones", &["milestoneIndex", "amount", "description"]),
    Deed("complete", Below::Milestone, "complete", &["completedBy", "completionProof", "completionProofURI"]),
    Deed("pay-out", Below::Milestone, "release", &[]),
    Deed("approve", Below::Milestone, "approve", &[]),
    Deed("reject", Below::Milestone, "reject", &["reason"]),
    Deed("remove", Below::Away, "", &[]),
];

/// Has the API do the deed that the address names.
///
/// # Errors
/// When there is no such deed, or the API refuses it.
pub(super) async fn ask(desk: &Desk, form: &Form) -> Result<(), Refusal> {
    let (intent, named) = (desk.param("intent"), desk.param("deed"));
    let found = DEEDS.iter().find(|Deed(name, ..)| segment(name) == named);
    let Deed(_, below, path, names) = found.ok_or_else(nothing_here)?;
    let at = match below {
        Below::Intent => format!("/payment-intents/{intent}/{path}"),
        Below::Order => format!("/payment-intents/{intent}/escrow/{path}"),
        Below::Milestone => {
            format!("/payment-intents/{intent}/escrow/milestones/{}/{path}", desk.param("milestone"))
        }
        Below::Away => {
            let milestone = desk.param("milestone");
            return desk.delete(format!("/payment-intents/{intent}/escrow/milestones/{milestone}")).await;
        }
        Below::Helpers => format!("/test-helpers/payment-intents/{intent}/{path}"),
    };
    let mut body = form.object(names);
    if let Some(index) = body.get_mut("milestoneIndex") {
        *index = index.as_str().and_then(|text| text.parse::<u32>().ok()).map_or(Value::Null, Value::from);
    }
    desk.post::<Value>(form, at, Value::Object(body)).await.map(drop)
}

/// Where a deed of the payment is posted.
pub(super) fn to(sight: &Sight, deed: &str) -> String {
    format!("{PART}/{}/{deed}", sight.intent.id)
}

/// Whether what was refused is shown by one of the forms of the page, which may have no such form any more.
pub(super) fn is_shown(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> bool {
    let all = available(desk, sight)
        .into_iter()
        .chain(milestones::available(desk, sight))
        .chain(disputes::available(desk, sight));
    all.into_iter().any(|action| Attempt::at(attempt, &action.id).is_some())
}

/// What can be done about the whole payment.
pub(super) fn draw(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> Markup {
    let available = available(desk, sight);
    html! {
        @if !available.is_empty() {
            h2 { "What you can do" }
            (actions(desk, &available, attempt))
        }
    }
}

/// What is offered. It is what the state lets one expect; the API says what is so.
fn available(desk: &Desk, sight: &Sight) -> Vec<Action> {
    let all = [
        fund(desk, sight),
        split(sight),
        ship(sight),
        prove(sight),
        release(sight),
        refund(sight),
        dispute(sight),
        cancel(sight),
    ];
    all.into_iter().flatten().collect()
}

/// Whether it waits for a payment.
pub(super) fn is_unpaid(sight: &Sight) -> bool {
    match sight.intent.status {
        IntentStatus::Initiated | IntentStatus::RequiresSignature | IntentStatus::RequiresAction => sight
            .order
            .as_ref()
            .map_or(sight.intent.status == IntentStatus::Initiated, |(_, account)| is_zero(&account.funded_amount)),
        IntentStatus::Processing
        | IntentStatus::Succeeded
        | IntentStatus::Settled
        | IntentStatus::Final
        | IntentStatus::Canceled => false,
    }
}

fn holds(sight: &Sight) -> bool {
    sight.order.as_ref().is_ok_and(|(order, _)| !is_zero(&order.held_amount))
}

fn fund(desk: &Desk, sight: &Sight) -> Option<Action> {
    let action = Action::new("fund", "Pay it, as the simulated payer", to(sight, "fund"));
    (desk.is_sandbox() && is_unpaid(sight)).then(|| {
        action.explained(
            html! { "In the sandbox only: " (money(&sight.intent.amount, &sight.intent.currency)) " is paid at once." },
        )
    })
}

fn split(sight: &Sight) -> Option<Action> {
    let (order, account) = sight.order.as_ref().ok()?;
    let is_splittable = order.release_type == ReleaseType::MilestoneLocked
        && !is_zero(&account.unallocated_amount)
        && order.milestones.len() < MAX_MILESTONES;
    let next = order.milestones.iter().map(|milestone| milestone.milestone_index.saturating_add(1)).max().unwrap_or(0);
    (is_splittable && sight.is_open()).then(|| {
        Action::new("split", "Add a milestone", to(sight, "split"))
            .explained(
                html! { (money(&account.unallocated_amount, &sight.intent.currency)) " belongs to no milestone yet." },
            )
            .fields([Field::line("description", "What it is"), Field::amount("amount", "Amount").required()])
            .hidden("milestoneIndex", next.to_string())
    })
}

fn is_by_delivery(sight: &Sight) -> bool {
    sight.order.as_ref().is_ok_and(|(order, _)| match order.release_type {
        ReleaseType::DeliveryProof | ReleaseType::AutoRelease => true,
        ReleaseType::TimeLocked => order.require_delivery,
        ReleaseType::MilestoneLocked => false,
    })
}

fn ship(sight: &Sight) -> Option<Action> {
    let (order, _) = sight.order.as_ref().ok()?;
    let is_possible = sight.is_open() && is_by_delivery(sight) && order.shipped_at.is_none() && holds(sight);
    is_possible.then(|| {
        Action::new("ship", "Say that it is on its way", to(sight, "ship"))
            .explained(html! { "The payer sees it." })
            .fields([Field::line("carrier", "Carrier"), Field::line("trackingNumber", "Tracking number")])
    })
}

fn prove(sight: &Sight) -> Option<Action> {
    let (order, _) = sight.order.as_ref().ok()?;
    (sight.is_open() && is_by_delivery(sight) && order.delivery_proofs.is_empty()).then(|| {
        Action::new("prove", "Prove the delivery", to(sight, "prove"))
            .explained(html! { "A proof is submitted once." })
            .fields([
                Field::line("proofHash", "Hash of the proof").placeholder("0x…, 32 bytes").required(),
                Field::line("proofURI", "Where the proof is").placeholder("https://…"),
                Field::line("submittedBy", "Submitted by").value("merchant").required(),
            ])
    })
}

fn release(sight: &Sight) -> Option<Action> {
    let (order, _) = sight.order.as_ref().ok()?;
    let is_proven = order.order_status == escrow::state::OrderStatus::Delivered && holds(sight);
    is_proven.then(|| {
        Action::new("release", "Release the money", to(sight, "release"))
            .explained(html! { (money(&order.held_amount, &sight.intent.currency)) " is released and paid out." })
    })
}

fn refund(sight: &Sight) -> Option<Action> {
    let is_paid = match &sight.order {
        Ok((_, account)) => !is_zero(&account.funded_amount) && sight.intent.status != IntentStatus::Canceled,
        Err(_) => !sight.has_escrow() && sight.intent.status == IntentStatus::Succeeded,
    };
    is_paid.then(|| {
        Action::new("refund", "Refund", to(sight, "refund"))
            .explained(html! { "It goes back to the payer. Without an amount, all that can go back does." })
            .fields([Field::amount("amount", "Amount"), Field::line("reason", "Why")])
            .grave()
    })
}

fn dispute(sight: &Sight) -> Option<Action> {
    let (order, _) = sight.order.as_ref().ok()?;
    let open = order.milestones.iter().filter(|milestone| match milestone.status {
        MilestoneStatus::Pending | MilestoneStatus::Completed => !milestone.disputed,
        MilestoneStatus::Released | MilestoneStatus::Cancelled => false,
    });
    let names: Vec<(&str, String)> = open.map(|milestone| (milestone.id.as_str(), milestone.name())).collect();
    let whole = (!sight.is_disputed()).then_some(("", "The whole order"));
    let about = whole.into_iter().chain(names.iter().map(|(id, name)| (*id, name.as_str())));
    (sight.is_open() && holds(sight) && (whole.is_some() || !names.is_empty())).then(|| {
        Action::new("dispute", "Raise a dispute", to(sight, "dispute"))
            .explained(html! { "What it is about is frozen until somebody decides." })
            .fields([
                Field::choice("milestoneId", "About", about).required(),
                Field::text("reason", "What is wrong?").required(),
                Field::line("raisedBy", "Raised by").value("merchant").required(),
            ])
            .grave()
    })
}

fn cancel(sight: &Sight) -> Option<Action> {
    let is_open = match sight.intent.status {
        IntentStatus::Initiated
        | IntentStatus::RequiresSignature
        | IntentStatus::RequiresAction
        | IntentStatus::Processing
        | IntentStatus::Succeeded => true,
        IntentStatus::Settled | IntentStatus::Final | IntentStatus::Canceled => false,
    };
    let is_untouched = sight.order.as_ref().is_ok_and(|(order, _)| is_zero(&order.released_amount));
    (is_open && is_untouched).then(|| {
        Action::new("cancel", "Cancel the payment", to(sight, "cancel"))
            .explained(html! { "It can not be paid any more. What was paid goes back, whole." })
            .grave()
    })
}
