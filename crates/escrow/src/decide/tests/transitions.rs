//! `docs/transitions.md` is written from what `decide` does: every command in every state of the small worlds, asked by everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::explore::{Trial, ask, explore};
use super::histories::histories;
use super::world::{payer, stranger};
use crate::authority::{Actor, Role, may_ask};
use crate::command::{Command, CommandKind};
use crate::dispute::{Dispute, DisputeStatus};
use crate::id::{MilestoneId, RefundId, SettlementId};
use crate::payment::Payer;
use crate::refund::RefundStatus;
use crate::rejection::Rejection;
use crate::settlement::SettlementStatus;
use crate::state::{Escrow, IntentState, IntentStatus, MilestoneStatus, OrderStatus};
use crate::terms::Mode;

/// Set, it has the document written instead of compared.
const UPDATE: &str = "UPDATE_DOCS";

const INTRODUCTION: &str = "\
# What may happen when

Written from the code by a test of `escrow`; do not edit it. `UPDATE_DOCS=1 cargo nextest run -p escrow transitions` writes it
again.

Each table is about one object. A row is a command, a column the state that the object is in when the command meets it, and a cell
the states that it may be in afterwards; a dash is a refusal. The test tries every command in every state of some small worlds,
and fails where a cell was never tried. A cell holds what happened in any of them: the terms, the mode, who asks and the other
objects decide which of it. A command that changes nothing, because the same was asked before, leaves the state as it is.
";

const INTENT: &str = "
## Payment intent

`REQUIRES_ACTION` has two kinds: the payment failed, or what left did not arrive. Money that came in and is not the funding leaves
the state as it is. A release settles an intent at once only where the fee takes all of it. A refund of released money that the
rail refuses takes a settled intent back to SUCCEEDED by way of REQUIRES_ACTION, with an event for each step.
";

const ORDER: &str = "
## Escrow order

*No order* is an intent of the type `CONSENTED_PULL`. An order from which nothing was released is `CANCELLED` when all of it goes
back, except by the resolution of a dispute over all of it, which completes it.
";

const MILESTONE: &str = "
## Milestone

The milestone that the command names. *Frozen* is one that waits for the resolution of a dispute over it or the whole order.
";

const SETTLEMENT: &str = "
## Settlement

The settlement that the command names. Only the sandbox's merchant can have one fail that has not started. A refund of released
money cancels settlements that are scheduled, failed or returned, the newest first.
";

const DISPUTE: &str = "
## Dispute

The dispute that the command names or, where it names a milestone, the last one over that milestone.
";

const REFUND: &str = "
## Refund

The refund that the command names. *Unapplied* is one of money that was never the funding; it is sent until it arrives.
";

const WHO: &str = "
## Who may ask

Whoever may not ask is refused before anything else is looked at. A payer is whoever proves to be the one who paid; another payer
is refused as well. *Sandbox* is simulated money, *live* real money.
";

/// What a table is about.
struct Object {
    introduction: &'static str,
    rows: &'static [CommandKind],
    columns: &'static [&'static str],
    /// The column of the object that a command names, if it is there.
    column: fn(&Escrow, &Command) -> Option<&'static str>,
}

const OBJECTS: [Object; 6] = [
    Object {
        introduction: INTENT,
        rows: CommandKind::ALL,
        columns: &[
            "INITIATED",
            "REQUIRES_SIGNATURE",
            "PROCESSING",
            PAYMENT_FAILED,
            "SUCCEEDED",
            PAYOUT_FAILED,
            "SETTLED",
            "FINAL",
            "CANCELED",
        ],
        column: |state, _| Some(intent_column(state.state)),
    },
    Object {
        introduction: ORDER,
        rows: CommandKind::ALL,
        columns: &["no order", "PENDING", "SHIPPED", "DELIVERED", "DISPUTED", "COMPLETED", "CANCELLED"],
        column: |state, _| Some(state.order.as_ref().map_or("no order", |order| order.state.status().name())),
    },
    Object {
        introduction: MILESTONE,
        rows: &[
            CommandKind::UpdateMilestone,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::ApproveMilestone,
            CommandKind::RejectMilestone,
            CommandKind::RaiseDispute,
            CommandKind::SubmitEvidence,
            CommandKind::ResolveDispute,
            CommandKind::DisputeRejection,
            CommandKind::EndSilence,
        ],
        columns: &["PENDING", PENDING_FROZEN, "COMPLETED", COMPLETED_FROZEN, "RELEASED", "CANCELLED"],
        column: milestone_column,
    },
    Object {
        introduction: SETTLEMENT,
        rows: &[
            CommandKind::StartSettlement,
            CommandKind::ConfirmSettlement,
            CommandKind::FailSettlement,
            CommandKind::ReturnSettlement,
            CommandKind::RetrySettlement,
        ],
        columns: &["SCHEDULED", "EXECUTED", "CONFIRMED", "FAILED", "RETURNED", "CANCELLED"],
        column: |state, command| {
            let settlement = settlement_of(command).and_then(|id| state.settlement(id))?;
            Some(settlement.status().name())
        },
    },
    Object {
        introduction: DISPUTE,
        rows: &[CommandKind::SubmitEvidence, CommandKind::ResolveDispute, CommandKind::EndDispute],
        columns: &["raised", "resolved"],
        column: |state, command| dispute_of(state, command).map(|dispute| dispute.status().name()),
    },
    Object {
        introduction: REFUND,
        rows: &[CommandKind::ConfirmRefund, CommandKind::FailRefund],
        columns: &["PENDING", "SUCCEEDED", "FAILED", PENDING_UNAPPLIED, SUCCEEDED_UNAPPLIED],
        column: refund_column,
    },
];

const PAYMENT_FAILED: &str = "REQUIRES_ACTION (payment)";
const PAYOUT_FAILED: &str = "REQUIRES_ACTION (payout)";
const PENDING_FROZEN: &str = "PENDING, frozen";
const COMPLETED_FROZEN: &str = "COMPLETED, frozen";
const PENDING_UNAPPLIED: &str = "PENDING (unapplied)";
const SUCCEEDED_UNAPPLIED: &str = "SUCCEEDED (unapplied)";

const fn intent_column(state: IntentState) -> &'static str {
    match state {
        IntentState::PaymentFailed { .. } => PAYMENT_FAILED,
        IntentState::PayoutFailed { .. } => PAYOUT_FAILED,
        IntentState::Initiated
        | IntentState::RequiresSignature { .. }
        | IntentState::Processing { .. }
        | IntentState::Succeeded
        | IntentState::Settled { .. }
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => state.status().name(),
    }
}

fn milestone_column(state: &Escrow, command: &Command) -> Option<&'static str> {
    let milestone = milestone_of(command).and_then(|id| state.milestone(id))?;
    Some(match (milestone.status(), state.is_frozen(milestone)) {
        (MilestoneStatus::Pending, true) => PENDING_FROZEN,
        (MilestoneStatus::Completed, true) => COMPLETED_FROZEN,
        (status, _) => status.name(),
    })
}

fn milestone_of(command: &Command) -> Option<MilestoneId> {
    match command {
        Command::UpdateMilestone(id, _)
        | Command::DeleteMilestone(id)
        | Command::ReleaseMilestone(id, _)
        | Command::DisputeRejection(id)
        | Command::EndSilence(Some(id)) => Some(*id),
        Command::CompleteMilestone(completion) => Some(completion.milestone),
        Command::ApproveMilestone(approving) => Some(approving.milestone),
        Command::RejectMilestone(rejecting) => Some(rejecting.milestone),
        Command::RaiseDispute(new) => new.milestone,
        Command::SubmitEvidence(new) => new.milestone,
        Command::ResolveDispute(resolving) => resolving.milestone,
        Command::Confirm(_)
        | Command::PayByCard(_)
        | Command::AnnounceTransaction(_)
        | Command::ReceivePayment(_)
        | Command::SettlePayment(_)
        | Command::FailPayment(..)
        | Command::Cancel
        | Command::AddMilestone(_)
        | Command::Ship(_)
        | Command::SubmitProof(_)
        | Command::ReleaseOrder(_)
        | Command::EndDispute(_)
        | Command::Refund(_)
        | Command::Reclaim(_)
        | Command::OpenTimeLock
        | Command::EndSilence(None)
        | Command::StartSettlement(_)
        | Command::ConfirmSettlement(..)
        | Command::FailSettlement(..)
        | Command::ReturnSettlement(..)
        | Command::RetrySettlement(_)
        | Command::FailRefund(..)
        | Command::ConfirmRefund(..)
        | Command::Finalize => None,
    }
}

const fn settlement_of(command: &Command) -> Option<SettlementId> {
    if let Command::StartSettlement(id)
    | Command::ConfirmSettlement(id, _)
    | Command::FailSettlement(id, _)
    | Command::ReturnSettlement(id, _)
    | Command::RetrySettlement(id) = command
    {
        Some(*id)
    } else {
        None
    }
}

fn dispute_of<'s>(state: &'s Escrow, command: &Command) -> Option<&'s Dispute> {
    if let Command::EndDispute(id) = command {
        return state.dispute(*id);
    }
    matches!(command, Command::SubmitEvidence(_) | Command::ResolveDispute(_)).then_some(())?;
    let milestone = milestone_of(command);
    state.disputes().iter().rfind(|dispute| dispute.milestone == milestone)
}

fn refund_column(state: &Escrow, command: &Command) -> Option<&'static str> {
    let id: RefundId =
        if let Command::ConfirmRefund(id, _) | Command::FailRefund(id, _) = command { *id } else { return None };
    let refund = state.refund(id)?;
    Some(match (refund.status(), refund.source.is_unapplied()) {
        (RefundStatus::Pending, true) => PENDING_UNAPPLIED,
        (RefundStatus::Succeeded, true) => SUCCEEDED_UNAPPLIED,
        (status, _) => status.name(),
    })
}

/// Where a command leads from a column of an object, by the places of object and columns.
type Outcomes = BTreeMap<(usize, CommandKind, usize), BTreeSet<usize>>;

/// Notes what came of a command, for every object that it names.
fn note(outcomes: &mut Outcomes, before: &Escrow, command: &Command, next: Option<&Escrow>) {
    for (place, object) in OBJECTS.iter().enumerate().filter(|(_, object)| object.rows.contains(&command.kind())) {
        let column = |state| (object.column)(state, command).map(|name| position(object, name));
        let Some(from) = column(before) else { continue };
        outcomes.entry((place, command.kind(), from)).or_default().extend(next.and_then(column));
    }
}

fn position(object: &Object, name: &str) -> usize {
    object.columns.iter().position(|column| *column == name).expect("every state has a column")
}

/// Tries every command in every state by everybody who may ask for it.
fn outcomes() -> Outcomes {
    let mut outcomes = Outcomes::new();
    explore(|state, trials| {
        for Trial { command, .. } in trials {
            for by in everybody().iter().filter(|by| may_act(by, command.kind(), state)) {
                let result = ask(state, by, command.clone());
                note(&mut outcomes, state, command, result.as_ref().ok().map(|decision| &decision.next));
            }
        }
    });
    outcomes
}

fn everybody() -> [Actor; 7] {
    let bearer = Actor::Payer(Payer::Bearer(crate::Hash::from_bytes([7; 32])));
    [Actor::Merchant, payer(), bearer, stranger(), Actor::Operator, Actor::Anyone, Actor::Gateway]
}

/// Whether somebody may ask at all, and is the payer where a payer is to ask.
fn may_act(by: &Actor, what: CommandKind, state: &Escrow) -> bool {
    let is_the_payer = if let Actor::Payer(payer) = by { state.payer().as_ref() == Some(payer) } else { true };
    is_the_payer && may_ask(by.role(), what, state.owner.mode)
}

/// The cells of the tables in a document.
fn read(document: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for (place, object) in OBJECTS.iter().enumerate() {
        let table = document.split_once(object.introduction).map_or("", |(_, rest)| rest);
        let lines = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        for line in lines.skip(2) {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let command = cells.next().and_then(CommandKind::from_name).expect("a command");
            for (from, cell) in cells.enumerate() {
                let reached = cell.split(" or ").filter(|name| *name != "–").map(|name| position(object, name));
                outcomes.insert((place, command, from), reached.collect());
            }
        }
    }
    outcomes
}

fn document(outcomes: &Outcomes) -> String {
    let tables = OBJECTS.iter().enumerate().map(|(place, object)| table(place, object, outcomes));
    [INTRODUCTION.to_owned()].into_iter().chain(tables).chain([who()]).collect()
}

fn table(place: usize, object: &Object, outcomes: &Outcomes) -> String {
    let mut text = format!("{}\n| command | {} |\n", object.introduction, object.columns.join(" | "));
    writeln!(text, "|---|{}", "---|".repeat(object.columns.len())).expect("a text");
    for command in object.rows {
        let cells = (0..object.columns.len()).map(|from| outcomes.get(&(place, *command, from)));
        let cells: Vec<String> = cells.map(|reached| cell(object, reached)).collect();
        writeln!(text, "| {command} | {} |", cells.join(" | ")).expect("a text");
    }
    text
}

fn cell(object: &Object, reached: Option<&BTreeSet<usize>>) -> String {
    let Some(reached) = reached else { return "never tried".to_owned() };
    let names: Vec<&str> = reached.iter().map(|column| object.columns[*column]).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(" or ") }
}

fn who() -> String {
    let columns =
        Mode::ALL_NAMED.iter().flat_map(|(_, mode)| Role::ALL.iter().map(move |role| format!("{role}, {mode}")));
    let columns: Vec<String> = columns.collect();
    let mut text = format!("{WHO}\n| command | {} |\n|---|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for command in CommandKind::ALL {
        let cells = Mode::ALL_NAMED.iter().flat_map(|(mode, _)| {
            Role::ALL.iter().map(|role| if may_ask(*role, *command, *mode) { "yes" } else { "no" })
        });
        writeln!(text, "| {command} | {} |", cells.collect::<Vec<_>>().join(" | ")).expect("a text");
    }
    text
}

impl Mode {
    /// Both modes, with their names.
    const ALL_NAMED: [(Mode, &str); 2] = [(Mode::Sandbox, "sandbox"), (Mode::Live, "live")];
}

#[test]
fn the_document_of_the_transitions_is_what_decide_does() {
    let outcomes = outcomes();
    let written = document(&outcomes);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path(), &written).expect("docs/transitions.md can be written");
    }
    let found = std::fs::read_to_string(path()).unwrap_or_default();
    let differing = written.lines().zip(found.lines().chain(std::iter::repeat(""))).find(|(new, old)| new != old);
    assert!(
        found == written,
        "docs/transitions.md is not what the code does; {UPDATE}=1 cargo nextest run -p escrow transitions writes it. \
         The first line that differs, new and old: {differing:#?}"
    );
    for (place, object) in OBJECTS.iter().enumerate() {
        for command in object.rows {
            let is_untried = |from: &usize| !outcomes.contains_key(&(place, *command, *from));
            let untried: Vec<&str> =
                (0..object.columns.len()).filter(is_untried).map(|from| object.columns[from]).collect();
            assert!(untried.is_empty(), "{command} was never tried in {untried:?}");
        }
    }
}

/// What the document says.
static WRITTEN: LazyLock<Outcomes> = LazyLock::new(|| read(&std::fs::read_to_string(path()).expect("the document")));

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transitions.md")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_history_leaves_the_tables(history in histories()) {
        history.play_and_see(|before, command, next| {
            let mut seen = Outcomes::new();
            note(&mut seen, before, command, Some(next));
            for ((place, kind, from), reached) in seen {
                let object = &OBJECTS[place];
                let cell = &WRITTEN[&(place, kind, from)];
                let names: Vec<&str> = reached.difference(cell).map(|column| object.columns[*column]).collect();
                prop_assert!(names.is_empty(), "{kind} leads from {} to {names:?}", object.columns[from]);
            }
            Ok(())
        })?;
    }
}

#[test]
fn every_state_has_a_column() {
    let names = |object: usize| OBJECTS[object].columns.iter().map(|column| column.split([' ', ',']).next());
    let has = |object: usize, name: &str| names(object).any(|column| column == Some(name));
    assert!(IntentStatus::ALL.iter().all(|status| has(0, status.name())));
    assert!(OrderStatus::ALL.iter().all(|status| has(1, status.name())));
    assert!(MilestoneStatus::ALL.iter().all(|status| has(2, status.name())));
    assert!(SettlementStatus::ALL.iter().all(|status| has(3, status.name())));
    assert!(DisputeStatus::ALL.iter().all(|status| has(4, status.name())));
    assert!(RefundStatus::ALL.iter().all(|status| has(5, status.name())));
}

#[test]
fn in_every_state_whoever_may_not_ask_is_refused_before_anything_else() {
    explore(|state, trials| {
        for Trial { command, .. } in trials {
            for by in everybody() {
                let (who, action) = (by.role(), command.kind());
                let refusal = if !may_ask(who, action, state.owner.mode) {
                    Rejection::NotAllowed { who, action }
                } else if !may_act(&by, action, state) {
                    Rejection::NotThePayer
                } else {
                    continue;
                };
                assert_eq!(ask(state, &by, command.clone()), Err(refusal), "{by:?}: {command:?}");
            }
        }
    });
}
