//! What people and the outside try, as it follows from a seed.

use escrow::command::{
    Approving, CardOutcome, CardPayment, Confirmation, MilestonePatch, NewDispute, NewEvidence, NewMilestone, NewProof,
    NewRefund, Receipt, Rejecting, Resolving, Ruling, Shipping,
};
use escrow::money::decimal;
use escrow::{
    Actor, Address, Amount, Card, CardBrand, Command, CompleteMilestone, Consent, Currency, Decimal, Escrow, Hash,
    Means, MilestoneId, Mode, Payer, PaymentType, ProofId, Rail, RawId, ReleaseType, SettlementId, SettlementMethod,
    Span, Terms, Timestamp,
};

use crate::rng::Rng;

/// Who pays.
pub(crate) const WALLET: &str = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";

/// Somebody else.
const STRANGER: &str = "0x1111111111111111111111111111111111111111";

/// How many intents a run has, how many clients, and how many things each intent meets, at most.
const MOST_INTENTS: usize = 4;
pub(crate) const CLIENTS: usize = 5;
const MOST_WISHES: usize = 16;

/// The client who does nothing but watch payouts, and the times it has one tried again, at most.
const WATCHER: usize = CLIENTS - 1;
const MOST_RETRIES: usize = 8;

/// The longest that anything agreed takes.
const LONGEST_S: i64 = 120;

/// One thing that somebody wants. Numbers pick among what is there when its time comes.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Its place in the plan, by which people name it.
    pub(crate) number: usize,
    /// Which client asks for it.
    pub(crate) client: usize,
    /// How long the client waits before.
    pub(crate) pause_ms: i64,
    /// Which intent it is about, counted from 0 in the order of the plan.
    pub(crate) intent: usize,
    /// Whether it is sent under an idempotency key.
    pub(crate) is_keyed: bool,
    /// Whether somebody asks who may not.
    pub(crate) is_by_a_stranger: bool,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Open(Box<Agreed>),
    Confirm,
    PayByCard {
        is_declined: bool,
    },
    Announce(u8),
    Receive {
        minor: Option<i64>,
        transaction: Option<u8>,
    },
    FailPayment,
    Cancel,
    Add {
        index: u32,
        minor: i64,
    },
    Change(usize, i64),
    Delete(usize),
    Complete(usize),
    Release(usize),
    Ship,
    Prove(u8),
    ReleaseOrder,
    Approve(usize),
    Reject(usize),
    Raise(Option<usize>),
    Argue,
    Resolve(Option<usize>, Ruling),
    Refund(Option<i64>),
    Reclaim,
    FailPayout(usize),
    ReturnPayout(usize),
    /// One is tried again as soon as it is known that it did not arrive, if that is soon.
    RetryPayout(usize),
    /// The clock of the sandbox of the intent's merchant moves forward.
    Advance(i64),
}

/// What an intent is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    /// Which of two merchants it is, and whether the money is real.
    pub(crate) merchant: usize,
    pub(crate) mode: Mode,
    pub(crate) terms: Terms,
    /// How long its time lock lasts, where it has one.
    pub(crate) lock_s: Option<i64>,
    /// Index and minor units of its first milestones.
    pub(crate) shares: Vec<(u32, i64)>,
}

/// Everything that is wished for, in the order in which each client asks.
pub(crate) fn plan(seed: u64) -> Vec<Wish> {
    let mut rng = Rng::new(seed, "workload");
    let intents = 1 + rng.below(MOST_INTENTS);
    let mut wishes = Vec::new();
    for intent in 0..intents {
        let opener = rng.below(WATCHER);
        wishes.push((0, opener, intent, What::Open(Box::new(agreed(&mut rng)))));
        let pays_early = !rng.once_in(4);
        if pays_early {
            let what = payment(&mut rng);
            wishes.push((rng.between(0, 2_000), opener, intent, what));
        }
        for _ in 0..rng.below(MOST_WISHES) {
            let (pause_ms, client) = (pause_ms(&mut rng), rng.below(WATCHER));
            let what = anything(&mut rng);
            wishes.push((pause_ms, client, intent, what));
        }
    }
    for _ in 0..rng.below(MOST_RETRIES) {
        wishes.push((0, WATCHER, rng.below(intents), What::RetryPayout(0)));
    }
    let numbered = wishes.into_iter().enumerate();
    let wish = |(number, (pause_ms, client, intent, what)): (usize, (i64, usize, usize, What))| Wish {
        number,
        client,
        pause_ms,
        intent,
        is_keyed: matches!(what, What::Open(_)) || !rng.once_in(6),
        is_by_a_stranger: rng.once_in(25),
        what,
    };
    numbered.map(wish).collect()
}

fn pause_ms(rng: &mut Rng) -> i64 {
    match rng.below(8) {
        0 => rng.between(10_000, 70_000),
        1 | 2 => rng.between(1_000, 12_000),
        3..=5 => rng.between(1, 500),
        _ => 0,
    }
}

fn agreed(rng: &mut Rng) -> Agreed {
    let minor = *rng.pick(&[100_000_000, 99_999_999, 1_000_000_000, 7]).unwrap_or(&7);
    let release_type = match rng.below(10) {
        0 => ReleaseType::DeliveryProof,
        1 => ReleaseType::AutoRelease,
        2 => ReleaseType::TimeLocked,
        _ => ReleaseType::MilestoneLocked,
    };
    let mode = if rng.once_in(3) { Mode::Live } else { Mode::Sandbox };
    let terms = Terms {
        amount: Amount::from_minor(minor, Currency::Usdc).expect("a positive amount"),
        payment_type: if rng.once_in(10) { PaymentType::ConsentedPull } else { PaymentType::DeliveryVsPayment },
        release_type,
        auto_release: !rng.once_in(3),
        settlement_method: if mode == Mode::Live {
            SettlementMethod::OffRampToBank
        } else {
            SettlementMethod::OffRampMock
        },
        settlement_destination: "bank_account_123".to_owned(),
        delivery_period: span(rng),
        dispute_window: span(rng),
        expected_delivery_hash: None,
        delivery_oracle: None,
        time_lock_until: None,
        require_delivery: rng.once_in(4),
        require_approval: rng.once_in(5),
        approval_period: span(rng),
        fee_basis_points: *rng.pick(&[0, 0, 250, 10_000]).unwrap_or(&0),
        description: None,
        metadata: None,
        return_url: None,
        cancel_url: None,
    };
    let has_shares = release_type == ReleaseType::MilestoneLocked && terms.payment_type.has_escrow();
    let shares = if has_shares { shares(rng, minor) } else { Vec::new() };
    let lock_s = (release_type == ReleaseType::TimeLocked).then(|| rng.between(0, LONGEST_S));
    Agreed { merchant: rng.below(2), mode, terms, lock_s, shares }
}

fn span(rng: &mut Rng) -> Span {
    let seconds = if rng.once_in(4) { 0 } else { rng.between(5, LONGEST_S) };
    Span::from_seconds(seconds)
}

/// Some of the amount, or all of it, in up to three shares.
fn shares(rng: &mut Rng, minor: i64) -> Vec<(u32, i64)> {
    let (mut left, mut shares) = (minor, Vec::new());
    for index in 0..u32::try_from(rng.below(4)).unwrap_or(0) {
        let share = if rng.once_in(3) { left } else { rng.between(1, left.max(2)) };
        if share <= 0 || left < share {
            break;
        }
        left -= share;
        shares.push((index, share));
    }
    shares
}

fn payment(rng: &mut Rng) -> What {
    match rng.below(8) {
        0 | 1 => What::Confirm,
        2 => What::PayByCard { is_declined: rng.once_in(4) },
        3 => What::Receive { minor: Some(rng.between(1, 200_000_000)), transaction: None },
        _ => What::Receive { minor: None, transaction: rng.once_in(3).then(|| small(rng, 3)) },
    }
}

fn anything(rng: &mut Rng) -> What {
    let place = rng.below(4);
    let about = if rng.once_in(3) { None } else { Some(place) };
    let amount = if rng.once_in(2) { None } else { Some(rng.between(1, 60_000_000)) };
    match rng.below(64) {
        0..=3 => payment(rng),
        4 => What::Announce(small(rng, 3)),
        5 => What::FailPayment,
        6 => What::Cancel,
        7..=9 => What::Add { index: u32::from(small(rng, 5)), minor: rng.between(1, 60_000_000) },
        10 => What::Change(place, rng.between(1, 60_000_000)),
        11 => What::Delete(place),
        12..=27 => What::Complete(place),
        28..=31 => What::Release(place),
        32 => What::Ship,
        33 | 34 => What::Prove(1 + small(rng, 2)),
        35 | 36 => What::ReleaseOrder,
        37..=39 => What::Approve(place),
        40 | 41 => What::Reject(place),
        42..=44 => What::Raise(about),
        45 => What::Argue,
        46..=48 => What::Resolve(about, ruling(rng)),
        49..=51 => What::Refund(amount),
        52 | 53 => What::Reclaim,
        54 => What::FailPayout(place),
        55 | 56 => What::ReturnPayout(place),
        57..=61 => What::RetryPayout(place),
        _ => What::Advance(rng.between(1, 90)),
    }
}

fn small(rng: &mut Rng, bound: usize) -> u8 {
    u8::try_from(rng.below(bound)).unwrap_or(0)
}

fn ruling(rng: &mut Rng) -> Ruling {
    match rng.below(3) {
        0 => Ruling::MerchantWon,
        1 => Ruling::BuyerWon,
        _ => Decimal::parse(&in_units(rng.between(1, 60_000_000))).map_or(Ruling::BuyerWon, Ruling::PartialRefund),
    }
}

fn in_units(minor: i64) -> String {
    decimal(minor, Currency::Usdc)
}

fn amount(minor: i64) -> Option<Decimal> {
    Decimal::parse(&in_units(minor)).ok()
}

/// A share of a milestone, as clients send it.
pub(crate) fn new_milestone(id: MilestoneId, index: u32, minor: i64) -> Option<NewMilestone> {
    Some(NewMilestone { id, index, amount: amount(minor)?, description: None, percentage: None })
}

pub(crate) fn wallet() -> Option<Address> {
    WALLET.parse().ok()
}

/// The command that a wish comes to in this state, with its label wherever it has one; none where there is nothing that it could be
/// about.
pub(crate) fn command(what: &What, state: &Escrow, label: &str, fresh: RawId) -> Option<Command> {
    let milestone = |place: usize| picked(state.milestones(), place).map(|milestone| milestone.id);
    let payout = |place: usize| picked(&state.settlements, place).map(|settlement| settlement.id);
    let command = match what {
        What::Open(_) | What::Advance(_) => return None,
        What::Confirm => confirm(state)?,
        What::PayByCard { is_declined } => pay_by_card(*is_declined),
        What::Announce(byte) => Command::AnnounceTransaction(hash(*byte)),
        What::Receive { minor, transaction } => receive(state, *minor, *transaction, label)?,
        What::FailPayment => Command::FailPayment(None, label.to_owned()),
        What::Cancel => Command::Cancel,
        What::Add { index, minor } => Command::AddMilestone(new_milestone(MilestoneId::new(fresh), *index, *minor)?),
        What::Change(place, minor) => Command::UpdateMilestone(
            milestone(*place)?,
            MilestonePatch { amount: amount(*minor), description: Some(Some(label.to_owned())), percentage: None },
        ),
        What::Delete(place) => Command::DeleteMilestone(milestone(*place)?),
        What::Complete(place) => Command::CompleteMilestone(CompleteMilestone {
            milestone: milestone(*place)?,
            by: label.to_owned(),
            proof: None,
            proof_uri: None,
        }),
        What::Release(place) => Command::ReleaseMilestone(milestone(*place)?, Some(label.to_owned())),
        What::Ship => Command::Ship(Shipping { carrier: Some(label.to_owned()), tracking_number: None }),
        What::Prove(byte) => prove(*byte, label, fresh),
        What::ReleaseOrder => Command::ReleaseOrder(None),
        What::Approve(place) => {
            Command::ApproveMilestone(Approving { milestone: milestone(*place)?, attempt: None, by: label.to_owned() })
        }
        What::Reject(place) => Command::RejectMilestone(Rejecting {
            milestone: milestone(*place)?,
            attempt: None,
            reason: label.to_owned(),
        }),
        What::Raise(place) => raise(place.and_then(milestone), label),
        What::Argue => argue(label),
        What::Resolve(place, ruling) => resolve(place.and_then(milestone), *ruling, label),
        What::Refund(minor) => {
            Command::Refund(NewRefund { amount: minor.and_then(amount), reason: Some(label.to_owned()) })
        }
        What::Reclaim => Command::Reclaim(None),
        What::FailPayout(place) => Command::FailSettlement(payout(*place)?, label.to_owned()),
        What::ReturnPayout(place) => Command::ReturnSettlement(payout(*place)?, label.to_owned()),
        What::RetryPayout(place) => Command::RetrySettlement(missed(state).map_or_else(|| payout(*place), Some)?),
    };
    Some(command)
}

/// A payout that did not reach its payee.
fn missed(state: &Escrow) -> Option<SettlementId> {
    state.settlements.iter().find(|settlement| settlement.needs_retry()).map(|settlement| settlement.id)
}

/// Whether there is one already.
pub(crate) fn has_missed(state: &Escrow) -> bool {
    missed(state).is_some()
}

fn picked<T>(among: &[T], place: usize) -> Option<&T> {
    among.get(place % among.len().max(1))
}

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte.saturating_add(1); 32])
}

fn confirm(state: &Escrow) -> Option<Command> {
    let consent = Consent { signer: wallet()?, signature: "0x01".to_owned(), digest: Hash::ZERO };
    Some(Command::Confirm(Confirmation { consent: Ok(consent), revision: state.revision, transaction: None }))
}

fn pay_by_card(is_declined: bool) -> Command {
    let card = Card {
        brand: CardBrand::Visa,
        last_four: "4242".to_owned(),
        reference: "processor_1".to_owned(),
        token: Hash::from_bytes([7; 32]),
    };
    let outcome = if is_declined { CardOutcome::Declined("no".to_owned()) } else { CardOutcome::Authorized };
    Command::PayByCard(CardPayment { card, outcome })
}

/// Money that comes in: under one of a few transactions that others may name as well, or one of its own, so that it can be told apart.
fn receive(state: &Escrow, minor: Option<i64>, transaction: Option<u8>, label: &str) -> Option<Command> {
    let rail = match state.owner.mode {
        Mode::Sandbox => Rail::Sandbox,
        Mode::Live => Rail::Evm,
    };
    let own = Hash::ZERO.following(label.as_bytes());
    let amount = match minor {
        Some(minor) => Some(amount(minor)?),
        None => None,
    };
    Some(Command::ReceivePayment(Receipt {
        rail,
        means: Means::Deposit(wallet()),
        amount,
        transaction: Some(transaction.map_or(own, hash)),
    }))
}

fn prove(byte: u8, label: &str, fresh: RawId) -> Command {
    Command::SubmitProof(NewProof {
        id: ProofId::new(fresh),
        hash: hash(byte),
        uri: None,
        submitted_by: label.to_owned(),
        transaction: None,
        oracle_signature: None,
    })
}

fn raise(milestone: Option<MilestoneId>, label: &str) -> Command {
    let (raised_by, reason) = (label.to_owned(), "late".to_owned());
    Command::RaiseDispute(NewDispute { milestone, raised_by, reason, window: None, count: None })
}

fn argue(label: &str) -> Command {
    Command::SubmitEvidence(NewEvidence {
        milestone: None,
        dispute: None,
        submitted_by: label.to_owned(),
        text: Some(label.to_owned()),
        uri: None,
        hash: None,
    })
}

fn resolve(milestone: Option<MilestoneId>, ruling: Ruling, label: &str) -> Command {
    Command::ResolveDispute(Resolving { milestone, dispute: None, ruling, by: label.to_owned(), note: None })
}

/// Who asks for this: whoever may, and now and then whoever may not.
pub(crate) fn asker(wish: &Wish, state: &Escrow) -> Actor {
    let is_sandbox = state.owner.mode == Mode::Sandbox;
    let merchant_or = |other: Actor| if is_sandbox && wish.number.is_multiple_of(2) { Actor::Merchant } else { other };
    let payer = || state.payer().map_or(Actor::Merchant, Actor::Payer);
    if wish.is_by_a_stranger {
        let stranger = STRANGER.parse().map(|address| Actor::Payer(Payer::Wallet(address)));
        return if wish.number.is_multiple_of(2) { Actor::Anyone } else { stranger.unwrap_or(Actor::Anyone) };
    }
    match wish.what {
        What::Confirm | What::PayByCard { .. } | What::Announce(_) => Actor::Anyone,
        What::Receive { .. } | What::FailPayment | What::FailPayout(_) | What::ReturnPayout(_) => {
            if is_sandbox {
                Actor::Merchant
            } else {
                Actor::Gateway
            }
        }
        What::Release(_) | What::ReleaseOrder | What::Approve(_) | What::Reject(_) | What::Reclaim => {
            merchant_or(payer())
        }
        What::Raise(_) | What::Argue if wish.number.is_multiple_of(3) => payer(),
        What::Resolve(..) => merchant_or(Actor::Operator),
        What::Open(_)
        | What::Cancel
        | What::Add { .. }
        | What::Change(..)
        | What::Delete(_)
        | What::Complete(_)
        | What::Ship
        | What::Prove(_)
        | What::Raise(_)
        | What::Argue
        | What::Refund(_)
        | What::RetryPayout(_)
        | What::Advance(_) => Actor::Merchant,
    }
}

impl Agreed {
    /// The terms of an intent that is opened at this time.
    pub(crate) fn terms_at(&self, now: Timestamp) -> Terms {
        let time_lock_until = self.lock_s.map(|seconds| now.after(Span::from_seconds(seconds)));
        Terms { time_lock_until, ..self.terms.clone() }
    }
}
