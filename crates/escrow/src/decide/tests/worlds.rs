//! The small worlds that are explored, by themes.

use super::explore::fingerprint;
use super::world::{World, complete, decimal, release, terms};
use crate::command::{CardOutcome, CardPayment, Command, CommandKind, Shipping};
use crate::decide::Settings;
use crate::dispute::DefaultResolution;
use crate::ledger::Rail;
use crate::payment::Means;
use crate::state::{Escrow, Funding};
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::{Span, Timestamp};

/// In the explored worlds everything is due at once, so that timers may ring at any moment.
pub(super) const SETTINGS: Settings = Settings {
    settlement_delay: Span::from_ms(0),
    finality_period: Span::from_ms(0),
    sandbox_block_time: Span::from_ms(0),
    default_resolution: DefaultResolution::BuyerWon,
};

/// When time locks are tried that were not open from the beginning.
pub(super) const TIMERS_RING: Timestamp = Timestamp::from_ms(1);

/// Some worlds with a theme: which commands lead on from a state, and how far. Every command is tried in every state; were all of
/// them followed at once, there would be too many states for every run of the tests.
pub(super) struct Theme {
    pub(super) name: &'static str,
    pub(super) worlds: Vec<World>,
    pub(super) followed: &'static [CommandKind],
    pub(super) bounds: Bounds,
}

/// States with more than this are not followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) payments: usize,
    pub(super) milestones: usize,
    pub(super) refunds: usize,
    pub(super) disputes: usize,
    pub(super) settlements: usize,
}

impl Theme {
    /// Whether a command leads on from a state. In the whole, of several words for one thing some are only tried: money that comes
    /// in is all of it, and a card is declined by the rail.
    pub(super) fn follows(&self, command: &Command) -> bool {
        let is_other_word = if let Command::ReceivePayment(receipt) = command {
            receipt.amount.is_some_and(|amount| amount != decimal("100"))
        } else {
            matches!(command, Command::PayByCard(CardPayment { outcome: CardOutcome::Declined(_), .. }))
        };
        self.followed.contains(&command.kind()) && !(self.is_whole() && is_other_word)
    }

    /// What tells a state from others. In the whole it is forgotten how something was paid, once it was: nothing depends on it but
    /// who the payer is and which way money goes back.
    pub(super) fn fingerprint(&self, state: &Escrow) -> u64 {
        let Some(funding) = state.funding.filter(|_| self.is_whole()) else { return fingerprint(state) };
        let rail = Rail::Sandbox;
        let mut state = Escrow { funding: Some(Funding { rail, ..funding }), ..state.clone() };
        state.payments.retain(|payment| !payment.has_failed());
        for payment in &mut state.payments {
            (payment.rail, payment.means, payment.transaction) = (rail, Means::Deposit(None), None);
        }
        state.refunds.iter_mut().for_each(|refund| refund.rail = rail);
        fingerprint(&state)
    }

    fn is_whole(&self) -> bool {
        self.followed == CommandKind::ALL
    }
}

impl Bounds {
    pub(super) fn contain(&self, state: &Escrow) -> bool {
        state.payments.len() <= self.payments
            && state.milestones().len() <= self.milestones
            && state.refunds.len() <= self.refunds
            && state.disputes().len() <= self.disputes
            && state.settlements.len() <= self.settlements
    }
}

pub(super) fn themes() -> [Theme; 6] {
    [milestones(), payments(), deliveries(), disputes(), settlements(), crossings()]
}

/// Milestones are added, changed, deleted, done and released before and after the payment.
fn milestones() -> Theme {
    let by_hand = Terms { auto_release: false, ..terms() };
    let all_fee = Terms { fee_basis_points: 10_000, ..terms() };
    let all_fee_by_hand = Terms { auto_release: false, ..all_fee.clone() };
    let sandbox = [terms(), by_hand.clone(), all_fee, all_fee_by_hand];
    let worlds = sandbox.into_iter().map(|terms| World::new(terms, &[]));
    let live = [terms(), by_hand].into_iter().map(|terms| World::in_mode(Mode::Live, terms, &[]));
    Theme {
        name: "milestones",
        worlds: worlds.chain(live).collect(),
        followed: &[
            CommandKind::Confirm,
            CommandKind::ReceivePayment,
            CommandKind::Cancel,
            CommandKind::AddMilestone,
            CommandKind::UpdateMilestone,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::EndSilence,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 0, disputes: 0, settlements: 2 },
    }
}

/// Money comes in, or fails to.
fn payments() -> Theme {
    let pull = Terms { payment_type: PaymentType::ConsentedPull, ..terms() };
    let pull_for_the_fee = Terms { fee_basis_points: 10_000, ..pull.clone() };
    let for_the_fee = Terms { fee_basis_points: 10_000, ..terms() };
    let proof = Terms { release_type: ReleaseType::DeliveryProof, ..terms() };
    let unlocked = Some(Timestamp::from_ms(0));
    let unlocked = Terms { release_type: ReleaseType::TimeLocked, time_lock_until: unlocked, ..terms() };
    let proof_for_the_fee = Terms { release_type: ReleaseType::AutoRelease, ..for_the_fee.clone() };
    let some: &[(u32, &str)] = &[(0, "30")];
    let split: &[(u32, &str)] = &[(0, "100")];
    let live = [(terms(), some), (pull.clone(), &[])].map(|(terms, split)| World::in_mode(Mode::Live, terms, split));
    let sandbox = [
        (terms(), some),
        (for_the_fee, split),
        (proof, &[]),
        (proof_for_the_fee, &[]),
        (unlocked, &[]),
        (pull, &[]),
        (pull_for_the_fee, &[]),
    ];
    let worlds = sandbox.map(|(terms, split)| World::new(terms, split)).into_iter().chain(live);
    Theme {
        name: "payments",
        worlds: worlds.collect(),
        followed: &[
            CommandKind::Confirm,
            CommandKind::PayByCard,
            CommandKind::AnnounceTransaction,
            CommandKind::ReceivePayment,
            CommandKind::SettlePayment,
            CommandKind::FailPayment,
            CommandKind::CompleteMilestone,
            CommandKind::Ship,
            CommandKind::Cancel,
            CommandKind::StartSettlement,
            CommandKind::ConfirmSettlement,
            CommandKind::ConfirmRefund,
            CommandKind::Finalize,
        ],
        bounds: Bounds { payments: 2, milestones: 1, refunds: 1, disputes: 0, settlements: 1 },
    }
}

/// An order is released whole: by a proof, by hand, by silence or by time; or it is disputed, or goes back.
fn deliveries() -> Theme {
    let whole = |release_type| Terms { release_type, time_lock_until: Some(Timestamp::from_ms(0)), ..due_at_once() };
    let kinds = [ReleaseType::DeliveryProof, ReleaseType::AutoRelease, ReleaseType::TimeLocked];
    let auto = kinds.map(whole);
    let by_hand = kinds.map(|kind| Terms { auto_release: false, require_delivery: true, ..whole(kind) });
    let approved = kinds.map(|kind| Terms { require_approval: true, ..whole(kind) });
    let locked = Terms { time_lock_until: Some(TIMERS_RING), ..whole(ReleaseType::TimeLocked) };
    let fee_by_hand = Terms { auto_release: false, fee_basis_points: 10_000, ..whole(ReleaseType::DeliveryProof) };
    let all_fee = kinds.map(|kind| Terms { fee_basis_points: 10_000, require_delivery: true, ..whole(kind) });
    let locked_for_the_fee = Terms { fee_basis_points: 10_000, ..locked.clone() };
    let worlds = [&auto[..], &by_hand, &approved, &all_fee, &[locked, fee_by_hand, locked_for_the_fee]].concat();
    let modes = [Mode::Sandbox, Mode::Live].into_iter();
    let worlds = modes.flat_map(|mode| worlds.clone().into_iter().map(move |terms| World::in_mode(mode, terms, &[])));
    Theme {
        name: "deliveries",
        worlds: worlds.collect(),
        followed: &[
            CommandKind::ReceivePayment,
            CommandKind::Cancel,
            CommandKind::Ship,
            CommandKind::SubmitProof,
            CommandKind::ReleaseOrder,
            CommandKind::OpenTimeLock,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::ResolveDispute,
            CommandKind::EndDispute,
            CommandKind::Refund,
            CommandKind::Reclaim,
        ],
        bounds: Bounds { payments: 1, milestones: 0, refunds: 1, disputes: 1, settlements: 2 },
    }
}

/// Two shares and a rest that belongs to neither are done, approved, rejected, disputed, refunded and taken back.
fn disputes() -> Theme {
    let by_hand = Terms { auto_release: false, ..due_at_once() };
    let with_fee = Terms { fee_basis_points: 250, ..by_hand.clone() };
    let approved = Terms { require_approval: true, ..due_at_once() };
    let split: &[(u32, &str)] = &[(0, "30"), (1, "50")];
    let unshipped = [(Mode::Sandbox, due_at_once()), (Mode::Sandbox, by_hand), (Mode::Live, with_fee)];
    let unshipped = unshipped.map(|(mode, terms)| World::in_mode(mode, terms, split).funded());
    let shipped = World::in_mode(Mode::Live, approved, split).funded().after([Command::Ship(Shipping::default())]);
    let worlds = unshipped.into_iter().chain([shipped]);
    Theme {
        name: "disputes",
        worlds: worlds.collect(),
        followed: &[
            CommandKind::Cancel,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::ApproveMilestone,
            CommandKind::RejectMilestone,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::SubmitEvidence,
            CommandKind::ResolveDispute,
            CommandKind::EndDispute,
            CommandKind::DisputeRejection,
            CommandKind::Reclaim,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 3, disputes: 2, settlements: 3 },
    }
}

/// What was released is paid out, refused, sent back, tried again and refunded.
fn settlements() -> Theme {
    let pull = Terms { payment_type: PaymentType::ConsentedPull, ..due_at_once() };
    let with_fee = Terms { fee_basis_points: 250, ..due_at_once() };
    let split: &[(u32, &str)] = &[(0, "30")];
    let proof = Terms { release_type: ReleaseType::AutoRelease, ..due_at_once() };
    let worlds = [
        (Mode::Sandbox, with_fee, split),
        (Mode::Live, due_at_once(), split),
        (Mode::Sandbox, proof, &[]),
        (Mode::Live, pull, &[]),
    ];
    let worlds = worlds.into_iter().map(|(mode, terms, shares)| World::in_mode(mode, terms, shares).funded());
    Theme {
        name: "settlements",
        worlds: worlds.collect(),
        followed: &[
            CommandKind::CompleteMilestone,
            CommandKind::SubmitProof,
            CommandKind::Cancel,
            CommandKind::Refund,
            CommandKind::Reclaim,
            CommandKind::StartSettlement,
            CommandKind::ConfirmSettlement,
            CommandKind::FailSettlement,
            CommandKind::ReturnSettlement,
            CommandKind::RetrySettlement,
            CommandKind::ConfirmRefund,
            CommandKind::FailRefund,
            CommandKind::Finalize,
        ],
        bounds: Bounds { payments: 1, milestones: 1, refunds: 2, disputes: 0, settlements: 3 },
    }
}

/// The first share was released and paid out; everything goes on with the second one, whatever becomes of the first payout.
fn crossings() -> Theme {
    let by_hand = Terms { auto_release: false, ..due_at_once() };
    let start = |mode, is_shipped| {
        let mut world = World::in_mode(mode, by_hand.clone(), &[(0, "30"), (1, "50")]).funded();
        world.settings = SETTINGS;
        if is_shipped {
            world.run(Command::Ship(Shipping::default())).expect("it may be shipped");
        }
        world.run(complete(1)).expect("in order");
        world.run(release(1)).expect("completed");
        let payout = world.state.settlements[0].id;
        world.run(Command::StartSettlement(payout)).expect("due");
        world
    };
    Theme {
        name: "crossings",
        worlds: vec![start(Mode::Sandbox, false), start(Mode::Live, true)],
        followed: &[
            CommandKind::AddMilestone,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::ApproveMilestone,
            CommandKind::RejectMilestone,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::ResolveDispute,
            CommandKind::DisputeRejection,
            CommandKind::Refund,
            CommandKind::Reclaim,
            CommandKind::ConfirmSettlement,
            CommandKind::FailSettlement,
            CommandKind::ReturnSettlement,
            CommandKind::RetrySettlement,
            CommandKind::FailRefund,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 1, disputes: 1, settlements: 2 },
    }
}

/// What was agreed, with every deadline at once.
fn due_at_once() -> Terms {
    Terms { delivery_period: Span::from_ms(0), dispute_window: Span::from_ms(0), ..terms() }
}

/// Everything at once: every command is followed, with real and with simulated money, released by itself and by approval.
pub(super) fn whole(bounds: Bounds) -> Theme {
    let approved = Terms { require_approval: true, auto_release: false, ..due_at_once() };
    let modes = [Mode::Sandbox, Mode::Live].into_iter();
    let some: &[(u32, &str)] = &[(0, "30")];
    let worlds =
        modes.flat_map(|mode| [due_at_once(), approved.clone()].map(|terms| World::in_mode(mode, terms, some)));
    Theme { name: "whole", worlds: worlds.collect(), followed: CommandKind::ALL, bounds }
}
