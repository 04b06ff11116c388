//! What a state tells of itself: what it is made of, found by id, and what of it is stored.

use super::explore::json;
use super::world::{
    World, complete, milestone_id, new_milestone, pay_by_card, raise, receive, refund, reject, release, terms,
};
use crate::command::{CardOutcome, Command};
use crate::id::{DisputeId, MilestoneId, PaymentId, RawId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::state::Escrow;
use crate::terms::{Mode, PaymentType, Terms};

const RAW: RawId = RawId::from_bits(77);

/// An escrow with two of everything.
fn full() -> Escrow {
    let by_hand = Terms { auto_release: false, ..terms() };
    let world = World::new(by_hand, &[(0, "10"), (1, "20"), (2, "30"), (3, "40")]);
    let declined = pay_by_card(CardOutcome::Declined("no".to_owned()));
    let paid = world.after([declined, receive(Rail::Card, None), receive(Rail::Card, Some("1"))]);
    let released = paid.after([complete(1), release(1), complete(2), release(2)]);
    released.after([refund(Some("5")), raise(Some(3)), raise(Some(4))]).state
}

#[test]
fn what_an_escrow_is_made_of_is_found_by_its_id() {
    let state = full();
    let milestones: Vec<MilestoneId> = state.milestones().iter().map(|milestone| milestone.id).collect();
    assert_eq!(milestones, [1, 2, 3, 4].map(milestone_id));
    for id in milestones {
        assert_eq!(state.milestone(id).map(|found| found.id), Some(id));
    }
    for id in state.settlements.iter().map(|settlement| settlement.id) {
        assert_eq!(state.settlement(id).map(|found| found.id), Some(id));
    }
    for id in state.refunds.iter().map(|refund| refund.id) {
        assert_eq!(state.refund(id).map(|found| found.id), Some(id));
    }
    for id in state.payments.iter().map(|payment| payment.id) {
        assert_eq!(state.payment(id).map(|found| found.id), Some(id));
    }
    for id in state.disputes().iter().map(|dispute| dispute.id) {
        assert_eq!(state.dispute(id).map(|found| found.id), Some(id));
    }
    let (settlements, disputes) = (state.settlements.len(), state.disputes().len());
    assert_eq!((settlements, state.refunds.len(), state.payments.len(), disputes), (2, 2, 2, 2));
    assert!(state.milestone(MilestoneId::new(RAW)).is_none() && state.settlement(SettlementId::new(RAW)).is_none());
    assert!(state.refund(RefundId::new(RAW)).is_none() && state.payment(PaymentId::new(RAW)).is_none());
    assert!(state.dispute(DisputeId::new(RAW)).is_none());
    let pull = World::new(Terms { payment_type: PaymentType::ConsentedPull, ..terms() }, &[]).state;
    assert!(pull.milestones().is_empty() && pull.disputes().is_empty());
}

#[test]
fn what_is_stored_is_read_back_and_what_is_nothing_is_not_stored() {
    let live = World::in_mode(Mode::Live, terms(), &[]).funded();
    let added = live.after([Command::AddMilestone(new_milestone(1, 0, "100"))]).state;
    let new = World::new(terms(), &[(0, "100")]).state;
    let done = World::new(Terms { require_approval: true, ..terms() }, &[(0, "100")]).after([complete(1)]);
    let completed = done.state.clone();
    let rejected = done.after([reject(1)]).state;
    for (state, fields) in [
        (new, vec![]),
        (added, vec![r#""after_consent":true"#]),
        (completed, vec![r#""attempts":1"#]),
        (rejected, vec![r#""attempts":1"#, r#""rejected":{"#]),
        (full(), vec![r#""attempts":1"#]),
    ] {
        let stored = json(&state);
        assert_eq!(serde_json::from_str::<Escrow>(&stored).expect("a state"), state);
        let has = |field: &&str| stored.contains(field);
        assert!(fields.iter().all(has), "{stored}");
        for name in ["after_consent", "attempts", "rejected"] {
            let is_there = fields.iter().any(|field| field.contains(name));
            assert_eq!(stored.contains(&format!("{name:?}:")), is_there, "{name}: {stored}");
        }
    }
}

#[test]
fn escrows_from_before_there_were_attempts_to_pay_have_consent_where_they_have_money() {
    let mut state = World::in_mode(Mode::Live, terms(), &[]).funded().state;
    state.payments.clear();
    assert!(state.has_consent());
    assert_eq!((state.payer(), state.funding_card(), state.transaction()), (None, None, None));
}
