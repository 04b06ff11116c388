//! The milestones on a track, and what can be done about each.

use escrow::MilestoneStatus;
use maud::{Markup, html};

use super::super::act::{Action, actions};
use super::super::desk::Desk;
use super::super::field::{Attempt, Field};
use super::deeds::{is_unpaid, to};
use super::sight::Sight;
use crate::web::parts::{Mark, Step, at_seconds, grouped, link, money, track};
use crate::web::read::{Milestone, Order};

pub(super) fn draw(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> Markup {
    let Ok((order, _)) = &sight.order else { return Markup::default() };
    let steps: Vec<Step> =
        order.milestones.iter().map(|milestone| step(desk, sight, (order, milestone), attempt)).collect();
    html! { @if !steps.is_empty() { h2 { "Milestones" } (track(&steps)) } }
}

fn step(desk: &Desk, sight: &Sight, (order, milestone): (&Order, &Milestone), attempt: Option<&Attempt>) -> Step {
    let (mark, state) = match milestone.status {
        _ if milestone.disputed => (Mark::Stopped, html! { "Disputed: waits for a decision" }),
        MilestoneStatus::Pending => match milestone.rejected_at {
            Some(at) => (Mark::Waiting, html! { "Sent back, " (at_seconds(at.0)) }),
            None if is_next(order, milestone) => (Mark::Now, html! { "To be completed" }),
            None => (Mark::Ahead, html! { "After the ones before it" }),
        },
        MilestoneStatus::Completed => (
            Mark::Waiting,
            html! {
                @if milestone.requires_approval && milestone.approved_at.is_none() { "Waits for the payer" } @else { "Completed" }
                @if let Some(at) = milestone.completed_at { ", " (at_seconds(at.0)) }
            },
        ),
        MilestoneStatus::Released => {
            (Mark::Done, html! { "Released" @if let Some(at) = milestone.released_at { ", " (at_seconds(at.0)) } })
        }
        MilestoneStatus::Cancelled => (Mark::Gone, html! { "Canceled" }),
    };
    Step {
        mark,
        title: milestone.name(),
        aside: money(&milestone.amount, &sight.intent.currency),
        state,
        more: html! { (told(milestone)) (actions(desk, &offered(desk, sight, (order, milestone)), attempt)) },
    }
}

fn told(milestone: &Milestone) -> Markup {
    html! {
        dl.told {
            @if let Some(by) = &milestone.completed_by { div { dt { "Completed by" } dd { (by) } } }
            @if let Some(proof) = &milestone.completion_proof { div { dt { "Proof" } dd { (link(proof)) } } }
            @if let Some(uri) = &milestone.completion_proof_uri { div { dt { "Proof at" } dd { (link(uri)) } } }
            @if let Some(by) = &milestone.approved_by { div { dt { "Approved by" } dd { (by) } } }
            @if let Some(reason) = &milestone.rejection_reason { div { dt { "Sent back because" } dd { (reason) } } }
        }
    }
}

/// Whether a milestone is the first that is still to be completed.
fn is_next(order: &Order, milestone: &Milestone) -> bool {
    let pending = order.milestones.iter().filter(|other| other.status == MilestoneStatus::Pending);
    pending.min_by_key(|other| other.milestone_index).is_some_and(|first| first.id == milestone.id)
}

/// What can be done about all of them.
pub(super) fn available(desk: &Desk, sight: &Sight) -> Vec<Action> {
    let orders = sight.order.iter().map(|(order, _)| order);
    orders
        .flat_map(|order| order.milestones.iter().flat_map(move |milestone| offered(desk, sight, (order, milestone))))
        .collect()
}

fn offered(desk: &Desk, sight: &Sight, (order, milestone): (&Order, &Milestone)) -> Vec<Action> {
    if milestone.disputed || !sight.is_open() {
        return Vec::new();
    }
    let at = |deed: &str| to(sight, &format!("milestones/{}/{deed}", milestone.id));
    let id = |deed: &str| format!("{deed}-{}", milestone.id);
    let share = format!("{}\u{a0}{}", grouped(&milestone.amount), sight.intent.currency);
    match milestone.status {
        MilestoneStatus::Pending => {
            let remove = Action::new(id("remove"), "Take it out", at("remove"))
                .explained(
                    html! { (share) " belongs to no milestone then: it can go to another one, or back to the payer." },
                )
                .button("Take this milestone out")
                .grave();
            if !is_next(order, milestone) {
                return vec![remove];
            }
            let then = match (order.require_approval, order.auto_release_on_proof) {
                (true, _) => format!("The payer is asked to approve it; then {share} is released."),
                (false, true) => format!("{share} is released the same moment."),
                (false, false) => format!("{share} can be released then."),
            };
            let complete = Action::new(id("complete"), "Complete", at("complete"))
                .explained(html! {
                    @if desk.is_sandbox() && is_unpaid(sight) { "It is not paid yet: the sandbox's simulated payer does that first. " }
                    (then)
                })
                .button("Complete this milestone")
                .fields([
                    Field::line("completedBy", "Completed by").value("merchant").required(),
                    Field::line("completionProof", "Proof")
                        .hint("What shows that it is done: a hash, a number, a sentence."),
                    Field::line("completionProofURI", "Where the proof is").placeholder("https://…"),
                ]);
            vec![complete, remove]
        }
        MilestoneStatus::Completed if !milestone.requires_approval => {
            let told = html! { (share) " is released and paid out." };
            vec![
                Action::new(id("pay-out"), "Release", at("pay-out")).explained(told).button(format!("Release {share}")),
            ]
        }
        MilestoneStatus::Completed if desk.is_sandbox() => vec![
            Action::new(id("approve"), "Approve, as the simulated payer", at("approve"))
                .explained(html! { "In the sandbox only: " (share) " is released." }),
            Action::new(id("reject"), "Reject, as the simulated payer", at("reject"))
                .explained(html! { "In the sandbox only: it is to be done again." })
                .fields([Field::line("reason", "Why").required()])
                .grave(),
        ],
        MilestoneStatus::Completed | MilestoneStatus::Released | MilestoneStatus::Cancelled => Vec::new(),
    }
}
