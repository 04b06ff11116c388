//! Random histories of larger worlds: every kind of terms, more milestones, odd amounts, fees, disputes, payouts and refunds that
//! fail, and a clock that jumps both ways.

use proptest::prelude::*;

use super::promises::check_decision;
use super::world::{
    WALLET, World, approve, complete, confirm, milestone_id, new_milestone, pay_by_card, raise, receive, refund,
    reject, release, resolve, ring, submit_evidence, submit_proof, submit_signed_proof, terms,
};
use crate::command::{CardOutcome, Command, Ruling, Shipping};
use crate::decide::Settings;
use crate::dispute::DefaultResolution;
use crate::ledger::Rail;
use crate::money::Decimal;
use crate::rejection::Rejection;
use crate::state::Escrow;
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::{Span, Timestamp};

/// A world, and what is tried in it.
#[derive(Clone, Debug)]
pub(super) struct History {
    mode: Mode,
    terms: Terms,
    default_resolution: DefaultResolution,
    attempts: Vec<Attempt>,
}

/// One thing that somebody tries; numbers pick among what is there.
#[derive(Clone, Debug)]
enum Attempt {
    Wait(i64),
    Add { index: u32, minor: i64 },
    Complete(usize),
    Release(usize),
    Delete(usize),
    Approve(usize),
    Reject(usize),
    Ship,
    Prove(u8),
    ReleaseOrder,
    Raise(Option<usize>),
    Argue(Option<usize>),
    Resolve(Option<usize>, Decided),
    Refund(Option<i64>),
    Reclaim,
    Timer(usize),
    FailPayout(usize),
    ReturnPayout(usize),
    RetryPayout(usize),
    FailRefund(usize),
    Confirm,
    PayByCard,
    FailPayment(usize),
    Receive(i64),
    Cancel,
}

/// How somebody decides a dispute.
#[derive(Clone, Copy, Debug)]
enum Decided {
    Merchant,
    Payer,
    Partly(i64),
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let money = prop_oneof![
        2 => prop_oneof![Just(100_000_000_i64), 1..200_000_000_i64].prop_map(Attempt::Receive),
        1 => Just(Attempt::Confirm),
        1 => Just(Attempt::PayByCard),
        1 => (0..3_usize).prop_map(Attempt::FailPayment),
        2 => prop::option::of(1..60_000_000_i64).prop_map(Attempt::Refund),
        2 => Just(Attempt::Reclaim),
        2 => (0..4_usize).prop_map(Attempt::FailPayout),
        2 => (0..4_usize).prop_map(Attempt::ReturnPayout),
        2 => (0..4_usize).prop_map(Attempt::RetryPayout),
        2 => (0..4_usize).prop_map(Attempt::FailRefund),
    ];
    let delivery = prop_oneof![
        6 => (0..12_u32, 1..40_000_000_i64).prop_map(|(index, minor)| Attempt::Add { index, minor }),
        8 => (0..12_usize).prop_map(Attempt::Complete),
        3 => (0..12_usize).prop_map(Attempt::Release),
        1 => (0..12_usize).prop_map(Attempt::Delete),
        3 => (0..12_usize).prop_map(Attempt::Approve),
        3 => (0..12_usize).prop_map(Attempt::Reject),
        1 => Just(Attempt::Ship),
        1 => (1..3_u8).prop_map(Attempt::Prove),
        1 => Just(Attempt::ReleaseOrder),
    ];
    let subject = || prop::option::weighted(0.7, 0..12_usize);
    let decided =
        prop_oneof![Just(Decided::Merchant), Just(Decided::Payer), (1..60_000_000_i64).prop_map(Decided::Partly)];
    let disputes = prop_oneof![
        2 => subject().prop_map(Attempt::Raise),
        1 => subject().prop_map(Attempt::Argue),
        2 => (subject(), decided).prop_map(|(subject, decided)| Attempt::Resolve(subject, decided)),
    ];
    let time = prop_oneof![
        2 => (-20_000..700_000_000_i64).prop_map(Attempt::Wait),
        5 => (0..64_usize).prop_map(Attempt::Timer),
    ];
    let attempt = prop_oneof![
        4 => money,
        8 => delivery,
        3 => disputes,
        4 => time,
        1 => prop::bool::weighted(0.1).prop_map(|is_meant| if is_meant { Attempt::Cancel } else { Attempt::Ship }),
    ];
    prop::collection::vec(attempt, 1..60)
}

/// Every kind of terms; most are of milestones, for most can happen there.
fn any_terms() -> impl Strategy<Value = Terms> {
    let release_type =
        prop_oneof![4 => Just(ReleaseType::MilestoneLocked), 4 => prop::sample::select(ReleaseType::ALL)];
    let payment_type = prop_oneof![9 => Just(PaymentType::DeliveryVsPayment), 1 => Just(PaymentType::ConsentedPull)];
    let span = || prop_oneof![Just(0_i64), 0..400_000_000_i64].prop_map(Span::from_ms);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let kinds = (release_type, payment_type, prop_oneof![Just(0_u16), 0..=10_000_u16]);
    (kinds, flags, (span(), span(), span(), 0..400_000_000_i64)).prop_map(|(kinds, flags, spans)| {
        let (release_type, payment_type, fee_basis_points) = kinds;
        let (auto_release, require_approval, require_delivery, has_oracle) = flags;
        let (delivery_period, dispute_window, approval_period, until_ms) = spans;
        Terms {
            release_type,
            payment_type,
            fee_basis_points,
            auto_release,
            require_approval,
            require_delivery,
            delivery_oracle: has_oracle.then(|| WALLET.parse().expect("an address")),
            delivery_period,
            dispute_window,
            approval_period,
            time_lock_until: (release_type == ReleaseType::TimeLocked).then(|| Timestamp::from_ms(until_ms)),
            ..terms()
        }
    })
}

pub(super) fn histories() -> impl Strategy<Value = History> {
    let mode = prop_oneof![Just(Mode::Sandbox), Just(Mode::Live)];
    let resolution = prop::sample::select(DefaultResolution::ALL);
    (mode, any_terms(), resolution, attempts()).prop_map(|(mode, terms, default_resolution, attempts)| History {
        mode,
        terms,
        default_resolution,
        attempts,
    })
}

impl History {
    /// What the world has come to, after everything was tried in it; every decision keeps its promises.
    pub(super) fn play(&self) -> Result<World, TestCaseError> {
        self.play_and_see(|_, _, _| Ok(()))
    }

    /// The same, with every state, the command that was not refused in it, and the state after it.
    pub(super) fn play_and_see(
        &self,
        mut see: impl FnMut(&Escrow, &Command, &Escrow) -> Result<(), TestCaseError>,
    ) -> Result<World, TestCaseError> {
        let mut world = World::in_mode(self.mode, self.terms.clone(), &[]);
        world.settings = Settings { default_resolution: self.default_resolution, ..Settings::default() };
        for attempt in &self.attempts {
            if let Attempt::Wait(ms) = attempt {
                world.now_ms += ms;
            }
            let Some(command) = command(&mut world, attempt) else { continue };
            let before = world.state.clone();
            match world.run(command.clone()) {
                Ok(decision) => {
                    check_decision(&before, &command, Timestamp::from_ms(world.now_ms), &decision);
                    see(&before, &command, &decision.next)?;
                }
                Err(rejection) => {
                    let is_defect = matches!(rejection, Rejection::Broken(_));
                    prop_assert!(!is_defect, "{command:?}: {rejection}");
                    prop_assert_eq!(&world.state, &before, "a refusal changes nothing");
                }
            }
        }
        Ok(world)
    }
}

/// The command that an attempt comes to in this world.
fn command(world: &mut World, attempt: &Attempt) -> Option<Command> {
    let state = &world.state;
    let milestones = state.milestones();
    let pick = |place: usize| picked(milestones, place).map(|milestone| milestone.id.raw().bits());
    let about = |place: Option<usize>| place.and_then(pick);
    let payout = |place: usize| picked(&state.settlements, place).map(|settlement| settlement.id);
    match attempt {
        Attempt::Wait(_) => None,
        Attempt::Add { index, minor } => {
            Some(Command::AddMilestone(new_milestone(1 + milestones.len() as u128, *index, &in_units(*minor))))
        }
        Attempt::Complete(place) => pick(*place).map(complete),
        Attempt::Release(place) => pick(*place).map(release),
        Attempt::Delete(place) => pick(*place).map(|id| Command::DeleteMilestone(milestone_id(id))),
        Attempt::Approve(place) => pick(*place).map(approve),
        Attempt::Reject(place) => pick(*place).map(reject),
        Attempt::Ship => Some(Command::Ship(Shipping::default())),
        Attempt::Prove(byte) if state.owner.mode == Mode::Live => Some(submit_signed_proof(*byte)),
        Attempt::Prove(byte) => Some(submit_proof(*byte)),
        Attempt::ReleaseOrder => Some(Command::ReleaseOrder(None)),
        Attempt::Raise(place) => Some(raise(about(*place))),
        Attempt::Argue(place) => Some(submit_evidence(about(*place))),
        Attempt::Resolve(place, Decided::Merchant) => Some(resolve(about(*place), Ruling::MerchantWon)),
        Attempt::Resolve(place, Decided::Payer) => Some(resolve(about(*place), Ruling::BuyerWon)),
        Attempt::Resolve(place, Decided::Partly(minor)) => {
            let refunded = Decimal::parse(&in_units(*minor)).expect("a decimal");
            Some(resolve(about(*place), Ruling::PartialRefund(refunded)))
        }
        Attempt::Refund(minor) => Some(refund(minor.map(in_units).as_deref())),
        Attempt::Reclaim => Some(Command::Reclaim(None)),
        Attempt::Timer(place) => timer(world, *place),
        Attempt::FailPayout(place) => payout(*place).map(|id| Command::FailSettlement(id, "refused".to_owned())),
        Attempt::ReturnPayout(place) => payout(*place).map(|id| Command::ReturnSettlement(id, "closed".to_owned())),
        Attempt::RetryPayout(place) => payout(*place).map(Command::RetrySettlement),
        Attempt::FailRefund(place) => {
            picked(&state.refunds, *place).map(|refund| Command::FailRefund(refund.id, "expired".to_owned()))
        }
        Attempt::Confirm => Some(confirm(state.revision)),
        Attempt::PayByCard => Some(pay_by_card(CardOutcome::Authorized)),
        Attempt::FailPayment(place) => {
            let payment = state.payments.get(*place).map(|payment| payment.id);
            Some(Command::FailPayment(payment, "the rail refused it".to_owned()))
        }
        Attempt::Receive(minor) => Some(receive(Rail::Evm, Some(&in_units(*minor)))),
        Attempt::Cancel => Some(Command::Cancel),
    }
}

fn picked<T>(among: &[T], place: usize) -> Option<&T> {
    among.get(place % among.len().max(1))
}

fn in_units(minor: i64) -> String {
    crate::money::decimal(minor, crate::Currency::Usdc)
}

/// One of the duties. Every other time the clock jumps to where it falls due.
fn timer(world: &mut World, place: usize) -> Option<Command> {
    let duties = world.state.duties();
    let (duty, due) = picked(&duties, place)?;
    if place.is_multiple_of(2) {
        world.now_ms = world.now_ms.max(due.ms());
    }
    Some(ring(*duty))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_history_breaks_a_promise(history in histories()) {
        history.play()?;
    }
}
