//! Whether what happened may have happened. The oracle knows nothing of how anything is decided: it holds what clients were answered, what
//! the bank's own books say and what receivers were told against what is stored in the end, by rules that fit on a page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use engine::testing::SilentWitness;
use engine::{Payout, verify};
use escrow::refund::RefundStatus;
use escrow::settlement::SettlementStatus;
use escrow::{
    Actor, Command, Escrow, EventKind, IntentId, Mode, NewProof, Owner, PaymentState, PurposeKind, Settlement, Subject,
};
use futures_util::FutureExt;
use store::{Audited, EventFilter, EventRow, StoredTransfer};

use crate::client::{Asked, Content};
use crate::outside::Books as Bank;
use crate::world::{SETTLEMENT_DELAY, World, locked};

/// What must not have happened: the rule, and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The rule that was broken.
    pub rule: Rule,
    /// How.
    pub what: String,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal,)*) => {
        /// What the oracle holds a run to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {$(
            $(#[$doc])*
            $rule,
        )*}

        impl Rule {
            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name),* }
            }
        }
    };
}

rules! {
    /// Nothing panics, and the domain never has to refuse what would have broken its invariants.
    NoDefect = "no defect",
    /// What `milepost verify` checks holds at any time.
    Verified = "verified at any time",
    /// Whoever asks is answered in the end, and with what fits.
    Answered = "everybody is answered",
    /// One key has one answer, for ever.
    OneAnswer = "one key, one answer",
    /// A state that was answered is in the history for ever.
    NothingLost = "nothing answered is lost",
    /// What was answered with yes happened once; with no, or that nothing was done, never.
    OnlyOnce = "everything happens once",
    /// The bank pays what it should, to whom it should, once; and the store knows.
    BankAgrees = "the bank's books agree",
    /// No more goes out than came in.
    NoMoreOutThanIn = "no more out than in",
    /// What happens to an intent happens in an order that makes sense.
    InOrder = "in order",
    /// Nothing timed happens before its time.
    NotEarly = "nothing early",
    /// Receivers are told everything, in order, as it is stored.
    EverybodyTold = "receivers are told",
    /// When everybody has had the time for it, nothing is held and nothing is left to do.
    NothingStuck = "nothing is stuck",
}

/// What is stored in the end of one intent.
struct Kept {
    escrow: Escrow,
    events: Vec<EventRow>,
    transfers: Vec<StoredTransfer>,
    jobs: usize,
}

type Books = BTreeMap<IntentId, Kept>;

/// Whether everything that is stored fits together right now.
pub(crate) fn verified(world: &World) -> Result<(), Wrong> {
    let report = verify::verify(world.store.as_ref(), Box::new(SilentWitness)).now_or_never();
    match report {
        Some(Ok(report)) if report.is_clean() => Ok(()),
        other => Err(Wrong { rule: Rule::Verified, what: format!("{other:?}") }),
    }
}

/// Everything that was wrong with a run that has come to its end.
pub(crate) fn judge(world: &World) -> Vec<Wrong> {
    let mut court = Court { world, books: books(world), wrongs: Vec::new() };
    court.defects();
    if let Err(wrong) = verified(world) {
        court.wrongs.push(wrong);
    }
    let asked = locked(&world.asked).clone();
    for asked in &asked {
        court.answers(asked);
        court.effects(asked);
    }
    court.clocks(&asked);
    court.bank(&asked);
    court.histories(&asked);
    court.receivers();
    court.rest();
    court.wrongs
}

fn books(world: &World) -> Books {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let sink = rows.clone();
    let audited = world.store.audit(Box::new(move |row| locked(&sink).push(row))).now_or_never();
    assert!(matches!(audited, Some(Ok(()))), "the store in memory can be read");
    let mut books = Books::new();
    for row in locked(&rows).drain(..) {
        if let Audited::Escrow { stored, events, transfers, jobs, .. } = row {
            let events = events.into_iter().map(|(_, _, event)| event).collect();
            let transfers = transfers.into_iter().map(|(_, transfer)| transfer).collect();
            let escrow = stored.escrow;
            books.insert(escrow.id, Kept { escrow, events, transfers, jobs: jobs.len() });
        }
    }
    books
}

struct Court<'a> {
    world: &'a World,
    books: Books,
    wrongs: Vec<Wrong>,
}

impl Court<'_> {
    fn find(&mut self, rule: Rule, what: impl Into<String>) {
        self.wrongs.push(Wrong { rule, what: what.into() });
    }

    fn hold(&mut self, rule: Rule, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.find(rule, what());
        }
    }

    fn defects(&mut self) {
        for panic in self.world.machine.panics() {
            self.find(Rule::NoDefect, format!("a task panicked: {panic}"));
        }
        for defect in self.world.seen.defects() {
            self.find(Rule::NoDefect, defect);
        }
        for wrong in self.world.bank.books().wrongs.clone() {
            self.find(Rule::BankAgrees, wrong);
        }
    }

    // What clients were answered.

    fn answers(&mut self, asked: &Asked) {
        let name = &asked.label;
        for wrong in &asked.wrongs {
            self.find(Rule::Answered, format!("{name}: {wrong}"));
        }
        if is_remembered(asked) && asked.answers.windows(2).any(|pair| pair[0] != pair[1]) {
            let told: Vec<String> = asked.answers.iter().map(shown).collect();
            self.find(Rule::OneAnswer, format!("{name} was answered {told:?}"));
        }
        for (_, body) in asked.answers.iter().filter(|(status, _)| *status == 200) {
            if let Some((intent, count, head)) = place(body) {
                let kept = self.books.get(&intent);
                let event = kept.and_then(|kept| kept.events.get(count.checked_sub(1)?));
                let is_there = event.is_some_and(|event| event.hash.to_string() == head);
                self.hold(Rule::NothingLost, is_there, || {
                    format!("{name} was answered event {count} of {intent}, which is not there any more")
                });
            }
        }
    }

    /// How often something with the label of a request is there, for those that leave something behind.
    fn effects(&mut self, asked: &Asked) {
        let Some(intent) = asked.what.intent() else { return };
        let Some(count) = self.count_effects(asked, intent) else { return };
        let expected = match (asked.is_accepted(), asked.is_in_doubt()) {
            (true, _) => 1..=1,
            (false, false) => 0..=0,
            (false, true) => 0..=1,
        };
        self.hold(Rule::OnlyOnce, expected.contains(&count), || {
            format!("{} happened {count} times, answered {:?}", asked.label, asked.answers.first().map(shown))
        });
    }

    fn count_effects(&self, asked: &Asked, intent: IntentId) -> Option<usize> {
        let kept = self.books.get(&intent);
        let Some(command) = asked.what.command() else {
            // The intent itself.
            return Some(usize::from(kept.is_some()));
        };
        let kept = kept?;
        let (escrow, label) = (&kept.escrow, &asked.label);
        let disputes = || escrow.order.iter().flat_map(|order| &order.disputes);
        let events = |kind: EventKind, subject: Subject| {
            let of_kind = |row: &&EventRow| {
                self.world.seen.event(row.id).is_some_and(|it| it.kind == kind && it.subject == subject)
            };
            kept.events.iter().filter(of_kind).count()
        };
        let count = match command {
            Command::AddMilestone(new) => events(EventKind::MilestoneCreated, Subject::Milestone(new.id)),
            // A proof that is there already is accepted once more, and changes nothing.
            Command::SubmitProof(new) if is_proven_by(escrow, new) => return None,
            Command::SubmitProof(new) => events(EventKind::ProofSubmitted, Subject::Proof(new.id)),
            Command::RaiseDispute(_) => disputes().filter(|it| it.raised_by == *label).count(),
            Command::SubmitEvidence(_) => {
                disputes().flat_map(|it| &it.evidence).filter(|it| it.submitted_by == *label).count()
            }
            Command::Refund(_) => escrow.refunds.iter().filter(|it| it.reason.as_ref() == Some(label)).count(),
            // What these do cannot be told from what others did.
            Command::Confirm(_)
            | Command::PayByCard(_)
            | Command::AnnounceTransaction(_)
            | Command::ReceivePayment(_)
            | Command::SettlePayment(_)
            | Command::FailPayment(..)
            | Command::Cancel
            | Command::UpdateMilestone(..)
            | Command::DeleteMilestone(_)
            | Command::CompleteMilestone(_)
            | Command::ReleaseMilestone(..)
            | Command::Ship(_)
            | Command::ReleaseOrder(_)
            | Command::ApproveMilestone(_)
            | Command::RejectMilestone(_)
            | Command::ResolveDispute(_)
            | Command::EndDispute(_)
            | Command::DisputeRejection(_)
            | Command::Reclaim(_)
            | Command::OpenTimeLock
            | Command::EndSilence(_)
            | Command::StartSettlement(_)
            | Command::ConfirmSettlement(..)
            | Command::FailSettlement(..)
            | Command::ReturnSettlement(..)
            | Command::RetrySettlement(_)
            | Command::FailRefund(..)
            | Command::ConfirmRefund(..)
            | Command::Finalize => return None,
        };
        Some(count)
    }

    /// A clock is ahead by what was asked for and answered with yes. One that stopped on its way is somewhere in between.
    fn clocks(&mut self, asked: &[Asked]) {
        let mut moved: BTreeMap<Owner, (i64, i64)> = BTreeMap::new();
        for asked in asked {
            let Content::Clock(owner, by) = asked.what else { continue };
            let (least, most) = moved.entry(owner).or_default();
            let accepted = i64::from(asked.is_accepted());
            *least += by.ms() * accepted;
            *most += by.ms() * (accepted + asked.doubts);
        }
        for (owner, (least, most)) in moved {
            let ahead = self.world.ahead(owner).ms();
            self.hold(Rule::OnlyOnce, (least..=most).contains(&ahead), || {
                format!("a clock is {ahead} ms ahead, and was moved by {least} to {most}")
            });
        }
    }

    // Money.

    fn bank(&mut self, asked: &[Asked]) {
        let bank = self.world.bank.books().clone();
        let (mut findings, mut known_out, mut known_back) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for kept in self.books.values() {
            let escrow = &kept.escrow;
            let mut out = 0_i64;
            for settlement in &escrow.settlements {
                known_out.extend(bank.paid_out.keys().copied().filter(|(id, _)| *id == settlement.id));
                match paid_out(escrow, settlement, &bank, asked) {
                    Ok(minor) => out += minor,
                    Err(what) => findings.push(what),
                }
            }
            let mut back = 0_i64;
            for refund in &escrow.refunds {
                let paid = bank.paid_back.get(&refund.id);
                known_back.extend(paid.map(|_| refund.id));
                back += paid.map_or(0, |amount| amount.minor());
                if (refund.status() == RefundStatus::Succeeded) != (paid == Some(&refund.amount)) {
                    findings.push(format!("{} is {}, and the payer got {paid:?}", refund.id, refund.status()));
                }
            }
            self.wrongs.extend(self.flow(kept, asked, out, back));
        }
        if bank.paid_out.len() != known_out.len() || bank.paid_back.len() != known_back.len() {
            findings.push("the bank has paid what nobody knows of".to_owned());
        }
        findings.into_iter().for_each(|what| self.find(Rule::BankAgrees, what));
    }

    /// What came in of an intent's money, by what was said to have come, against what went out by the bank's books and what is left.
    fn flow(&self, kept: &Kept, asked: &[Asked], out: i64, back: i64) -> Vec<Wrong> {
        let escrow = &kept.escrow;
        let of_intent = |it: &&Asked| it.what.intent() == Some(escrow.id);
        let amount = escrow.terms.amount.minor();
        let (mut least, mut most) = (0_i64, 0_i64);
        for asked in asked.iter().filter(of_intent) {
            let Some(Command::ReceivePayment(receipt)) = asked.what.command() else { continue };
            let minor = receipt.amount.map_or(Ok(amount), |decimal| {
                decimal.in_currency(escrow.terms.amount.currency()).map(escrow::Amount::minor)
            });
            let minor = minor.unwrap_or(0);
            least += if asked.is_accepted() { minor } else { 0 };
            most += if asked.is_accepted() || asked.is_in_doubt() { minor } else { 0 };
        }
        // What the rails found to be final, and what a completion simulated.
        let finals =
            escrow.payments.iter().filter(|payment| self.world.bank.books().incoming.get(&payment.id) == Some(&true));
        most += amount * i64::try_from(finals.count()).unwrap_or(0);
        let may_simulate = escrow.owner.mode == Mode::Sandbox;
        let simulated = escrow.payments.iter().filter(|payment| matches!(payment.state, PaymentState::Final { .. }));
        most += if may_simulate { amount * i64::try_from(simulated.count()).unwrap_or(0).max(1) } else { 0 };
        let sum = |kinds: &[PurposeKind]| -> i64 {
            let of_kind = kept.transfers.iter().filter(|it| kinds.contains(&it.transfer.purpose.kind()));
            of_kind.map(|it| it.transfer.amount.minor()).sum()
        };
        let booked = sum(&[PurposeKind::Fund, PurposeKind::Receive]);
        let mut wrongs = Vec::new();
        if !(least..=most).contains(&booked) {
            let what = format!("{}: {booked} came in by the books, {least} to {most} by what was said", escrow.id);
            wrongs.push(Wrong { rule: Rule::OnlyOnce, what });
        }
        let funds = &escrow.funds;
        let left =
            [funds.held, funds.payable, funds.reserved, funds.refunding].map(escrow::Amount::minor).iter().sum::<i64>();
        let left = left + escrow.unapplied_minor() + sum(&[PurposeKind::Fee]);
        if booked != out + back + left {
            let what = format!("{}: {booked} came in, {out} was paid out, {back} paid back, {left} is left", escrow.id);
            wrongs.push(Wrong { rule: Rule::NoMoreOutThanIn, what });
        }
        wrongs
    }

    // What happened to every intent, in its order.

    fn histories(&mut self, asked: &[Asked]) {
        let mut findings = Vec::new();
        for kept in self.books.values() {
            findings.extend(history(self.world, kept, asked));
        }
        self.wrongs.extend(findings);
    }

    /// Receivers were told every event of their stream, at least once, as it is stored; and those of an intent in their order, as far as
    /// the first call for each goes.
    fn receivers(&mut self) {
        let heard = self.world.receivers.heard();
        for (_, owner, url) in &self.world.endpoints {
            let stream = self.world.store.events_after(*owner, EventFilter::default(), 0, 1_000_000).now_or_never();
            let tail = stream.expect("the store in memory answers at once").expect("a store");
            let about_intents = tail.events.iter().filter(|event| event.intent.is_some());
            let bodies: Vec<&[u8]> = about_intents.map(|stored| stored.event.body.as_slice()).collect();
            let known: BTreeSet<&[u8]> = tail.events.iter().map(|stored| stored.event.body.as_slice()).collect();
            let mut first: BTreeMap<&[u8], usize> = BTreeMap::new();
            let mut taken = BTreeSet::new();
            for (number, call) in heard.iter().filter(|it| it.url == *url).enumerate() {
                let body = call.body.as_slice();
                self.hold(Rule::EverybodyTold, known.contains(body), || format!("{url} was told what never happened"));
                first.entry(body).or_insert(number);
                if call.is_taken {
                    taken.insert(body);
                }
            }
            let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
            for body in bodies {
                let intent = body.split(|byte| *byte == b' ').next().unwrap_or_default();
                match first.get(body).filter(|_| taken.contains(body)) {
                    None => {
                        let body = String::from_utf8_lossy(body).into_owned();
                        self.find(Rule::EverybodyTold, format!("{url} was never told {body}"));
                    }
                    Some(number) => {
                        let before = last.insert(intent, *number);
                        self.hold(Rule::EverybodyTold, before.is_none_or(|before| before < *number), || {
                            format!("{url} was told {} before what came before it", String::from_utf8_lossy(body))
                        });
                    }
                }
            }
        }
    }

    /// Everybody has had the time to do everything.
    fn rest(&mut self) {
        let mut findings = Vec::new();

        for kept in self.books.values() {
            let (escrow, funds) = (&kept.escrow, &kept.escrow.funds);
            let waits = [funds.held, funds.reserved, funds.refunding].iter().any(|amount| !amount.is_zero());
            if waits || kept.jobs > 0 {
                let duties = escrow.duties();
                findings.push(format!("{} is {} with {funds:?}, and has to {duties:?}", escrow.id, escrow.status()));
            }
        }
        findings.into_iter().for_each(|what| self.find(Rule::NothingStuck, what));
    }
}

/// Whether the answer is remembered under the key. Whoever may not ask, or has shown no key, is answered anew each time.
pub(crate) fn is_remembered(asked: &Asked) -> bool {
    let is_known = matches!(asked.by, Actor::Merchant | Actor::Operator);
    let is_turned_away = |body: &[u8]| {
        let text = String::from_utf8_lossy(body);
        text.contains(" may not ") || text.starts_with("Only whoever paid")
    };
    asked.is_keyed && is_known && !asked.answers.iter().any(|(_, body)| is_turned_away(body))
}

fn is_proven_by(escrow: &Escrow, new: &NewProof) -> bool {
    let proof = escrow.order.as_ref().and_then(|order| order.proof.as_ref());
    proof.is_some_and(|proof| proof.hash == new.hash)
}

/// How much of a settlement the payee has, by the bank's books; an error says how these do not fit the store's. What the bank paid and
/// what the payee does not have must have come back, or the sandbox's merchant must have said that it was refused.
fn paid_out(escrow: &Escrow, settlement: &Settlement, bank: &Bank, asked: &[Asked]) -> Result<i64, String> {
    let id = settlement.id;
    let times = bank.paid_out.keys().filter(|(paid, _)| *paid == id).count();
    let came_back = may_be_done(
        asked,
        |it| matches!(it, Command::ReturnSettlement(other, _) | Command::FailSettlement(other, _) if *other == id),
    );
    let as_agreed = |payout: &&Payout| {
        let terms = &escrow.terms;
        let is_to_payee =
            payout.method == terms.settlement_method && payout.destination == terms.settlement_destination;
        payout.amount == settlement.amount && payout.mode == escrow.owner.mode && is_to_payee
    };
    if let Some(payout) = bank.paid_out.values().find(|payout| payout.id == id && !as_agreed(payout)) {
        return Err(format!("{id} is {}, and the bank paid {payout:?}", settlement.amount));
    }
    let last = bank.paid_out.get(&(id, settlement.retries));
    let (has, fits) = match settlement.status() {
        SettlementStatus::Confirmed => (1, last.is_some()),
        SettlementStatus::Returned => (0, last.is_some()),
        SettlementStatus::Failed
        | SettlementStatus::Scheduled
        | SettlementStatus::Executed
        | SettlementStatus::Cancelled => (0, true),
    };
    if !fits || has + came_back < times {
        let status = settlement.status();
        return Err(format!(
            "{id} is {status}; the bank paid it {times} times, last {last:?}, and got it back {came_back} times"
        ));
    }
    Ok(if has == 1 { settlement.amount.minor() } else { 0 })
}

fn shown((status, body): &(u16, Vec<u8>)) -> String {
    format!("{status} {}", String::from_utf8_lossy(body))
}

/// The place in a history that was answered.
fn place(body: &[u8]) -> Option<(IntentId, usize, String)> {
    let text = String::from_utf8_lossy(body);
    let mut words = text.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned()))
}

/// How many of these commands were done, or may have been: whoever sent no key may never hear.
fn may_be_done(asked: &[Asked], wanted: impl Fn(&Command) -> bool) -> usize {
    let is_wanted = |it: &&Asked| it.what.command().is_some_and(&wanted);
    asked.iter().filter(is_wanted).filter(|it| it.is_accepted() || it.is_in_doubt()).count()
}

/// What is wrong with the order in which things happened to an intent.
fn history(world: &World, kept: &Kept, asked: &[Asked]) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let escrow = &kept.escrow;
    let mut find = |rule, what: String| wrongs.push(Wrong { rule, what: format!("{}: {what}", escrow.id) });
    let (mut completed, mut released, mut canceled) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut disputed, mut funded, mut before) = (BTreeSet::new(), 0, None);
    for row in &kept.events {
        let Some(event) = world.seen.event(row.id) else {
            find(Rule::InOrder, format!("nobody decided event {}", row.sequence));
            continue;
        };
        if before.is_some_and(|before| row.created < before)
            || event.created != row.created
            || event.intent != escrow.id
        {
            find(Rule::InOrder, format!("event {} is from before the one before it", row.sequence));
        }
        before = Some(row.created);
        let dispute = |id| escrow.dispute(id).map(|dispute| dispute.milestone);
        match (event.kind, event.subject) {
            (EventKind::IntentSucceeded, _) => funded += 1,
            (EventKind::MilestoneCompleted, Subject::Milestone(id)) => {
                completed.insert(id);
                if canceled.contains(&id)
                    || released.contains(&id)
                    || disputed.contains(&Some(id))
                    || disputed.contains(&None)
                {
                    find(Rule::InOrder, format!("{id} was completed after its end, or while disputed"));
                }
            }
            (EventKind::MilestoneReleased, Subject::Milestone(id)) => {
                let is_frozen = disputed.contains(&Some(id)) || disputed.contains(&None);
                if !released.insert(id) || canceled.contains(&id) || is_frozen || funded == 0 {
                    find(Rule::InOrder, format!("{id} was released twice, unpaid, after its end, or while disputed"));
                }
            }
            (EventKind::MilestoneCanceled, Subject::Milestone(id)) => {
                let is_over = !canceled.insert(id) || released.contains(&id);
                if is_over {
                    find(Rule::InOrder, format!("{id} was cancelled after its end"));
                }
            }
            (EventKind::DisputeRaised, Subject::Dispute(id)) => {
                disputed.extend(dispute(id));
            }
            (EventKind::DisputeResolved, Subject::Dispute(id)) => {
                if let Some(about) = dispute(id) {
                    disputed.remove(&about);
                }
            }
            (EventKind::SettlementInitiated, Subject::Settlement(id)) => {
                let created = escrow.settlement(id).map(|settlement| settlement.created);
                // The sandbox's merchant may have one fail that has not started: it starts, and fails.
                let is_simulated =
                    may_be_done(asked, |it| matches!(it, Command::FailSettlement(other, _) if *other == id)) > 0;
                if !is_simulated && created.is_some_and(|created| row.created < created.after(SETTLEMENT_DELAY)) {
                    find(Rule::NotEarly, format!("{id} started before its time"));
                }
            }
            _ => {}
        }
    }
    if funded > 1 {
        find(Rule::OnlyOnce, format!("it was funded {funded} times"));
    }
    // Whatever was released without a completion was decided so.
    let has_disputes = escrow.order.iter().any(|order| !order.disputes.is_empty());
    if !has_disputes && !released.is_subset(&completed) {
        find(Rule::InOrder, "a milestone was released that was never completed".to_owned());
    }
    wrongs.extend(order_of_releases(escrow, has_disputes));
    wrongs
}

/// Disputes apart, a milestone that was released has nothing open below it.
fn order_of_releases(escrow: &Escrow, has_disputes: bool) -> Option<Wrong> {
    let mut is_open_below = false;
    for milestone in escrow.milestones() {
        if is_open_below && milestone.release().is_some() && !has_disputes {
            let what = format!("{}: milestone {} was released before one below it", escrow.id, milestone.index);
            return Some(Wrong { rule: Rule::InOrder, what });
        }
        is_open_below |= milestone.is_open();
    }
    None
}
