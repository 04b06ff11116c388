//! How events look in a simulation, and what was seen of states and refusals on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use engine::{JournalEvent, Present};
use escrow::chain::Numbered;
use escrow::{Escrow, EventId, EventKind, IntentId, Rejection, Subject, Timestamp};
use store::StoredEvent;

/// An event as it was decided, if it was ever stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    pub(crate) intent: IntentId,
    pub(crate) kind: EventKind,
    pub(crate) subject: Subject,
    pub(crate) created: Timestamp,
}

/// What was reached: states by `object status`, and refusals by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Statuses of objects.
    pub states: BTreeMap<String, u64>,
    /// Kinds of refusals.
    pub refusals: BTreeMap<String, u64>,
}

impl Coverage {
    /// Adds what was reached elsewhere.
    pub fn add(&mut self, other: &Coverage) {
        for (mine, others) in [(&mut self.states, &other.states), (&mut self.refusals, &other.refusals)] {
            for (name, count) in others {
                *mine.entry(name.clone()).or_default() += count;
            }
        }
    }

    fn state(&mut self, object: &str, status: &str) {
        *self.states.entry(format!("{object} {status}")).or_default() += 1;
    }

    fn states_of(&mut self, escrow: &Escrow) {
        self.state("intent", escrow.status().name());
        if let Some(order) = &escrow.order {
            self.state("order", order.state.status().name());
        }
        for milestone in escrow.milestones() {
            self.state("milestone", milestone.status().name());
        }
        for settlement in &escrow.settlements {
            self.state("settlement", settlement.status().name());
        }
        for refund in &escrow.refunds {
            self.state("refund", refund.status().name());
        }
        let disputes = escrow.order.iter().flat_map(|order| &order.disputes);
        for dispute in disputes {
            self.state("dispute", dispute.status().name());
        }
    }
}

/// Every state that there is, by the names of [`Coverage`].
#[must_use]
pub fn all_states() -> BTreeSet<String> {
    use escrow::dispute::DisputeStatus;
    use escrow::refund::RefundStatus;
    use escrow::settlement::SettlementStatus;
    use escrow::state::OrderStatus;
    use escrow::{IntentStatus, MilestoneStatus};
    let named = |object: &str, names: Vec<&'static str>| -> Vec<String> {
        names.into_iter().map(|name| format!("{object} {name}")).collect()
    };
    [
        named("intent", IntentStatus::ALL.iter().map(|it| it.name()).collect()),
        named("order", OrderStatus::ALL.iter().map(|it| it.name()).collect()),
        named("milestone", MilestoneStatus::ALL.iter().map(|it| it.name()).collect()),
        named("settlement", SettlementStatus::ALL.iter().map(|it| it.name()).collect()),
        named("refund", RefundStatus::ALL.iter().map(|it| it.name()).collect()),
        named("dispute", DisputeStatus::ALL.iter().map(|it| it.name()).collect()),
    ]
    .concat()
    .into_iter()
    .collect()
}

/// Watches what every gateway decides.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    coverage: Coverage,
    events: BTreeMap<EventId, Happened>,
    defects: Vec<String>,
}

impl Seen {
    fn with<A>(&self, task: impl FnOnce(&mut Inner) -> A) -> A {
        task(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn refusal(&self, why: &Rejection) {
        let debug = format!("{why:?}");
        let name: String = debug.chars().take_while(char::is_ascii_alphanumeric).collect();
        self.with(|inner| {
            if matches!(why, Rejection::Broken(_)) {
                inner.defects.push(why.to_string());
            }
            *inner.coverage.refusals.entry(name).or_default() += 1;
        });
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.with(|inner| inner.coverage.clone())
    }

    /// Refusals by the domain because it would have broken an invariant.
    pub(crate) fn defects(&self) -> Vec<String> {
        self.with(|inner| inner.defects.clone())
    }

    pub(crate) fn event(&self, id: EventId) -> Option<Happened> {
        self.with(|inner| inner.events.get(&id).copied())
    }
}

impl Present for Seen {
    fn event(&self, escrow: &Escrow, numbered: Numbered<'_>, created: Timestamp) -> Vec<u8> {
        let Numbered { id, sequence, event } = numbered;
        let (intent, kind, subject) = (escrow.id, event.kind, event.subject);
        self.with(|inner| {
            inner.coverage.states_of(escrow);
            inner.events.insert(id, Happened { intent, kind, subject, created });
        });
        format!("{intent} {sequence} {kind} {} {id}", created.ms()).into_bytes()
    }

    fn journal_event(&self, event: JournalEvent<'_>) -> Vec<u8> {
        format!("{:?} {} {} {}", event.holder, event.sequence, event.news.event().name(), event.id).into_bytes()
    }

    fn served(&self, stored: &StoredEvent) -> Vec<u8> {
        stored.event.body.clone()
    }
}
