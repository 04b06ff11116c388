//! What a batch does to one escrow: the commands on it, decided one after the other, and all that is to be stored for them.

use escrow::duty::effects;
use escrow::{Actor, Chain, Ctx, Decision, Escrow, EventId, Owner, Rejection, Span, Timestamp, planted};
use store::{Change, EventRow, EventType, Reply, TransferRow, Unit, Versioned};

use super::{Source, Submission};
use crate::engine::Parts;
use crate::ids::FreshIds;
use crate::request::{Answer, Ask, Reach, Rendered, Unavailable};

/// The commands of a batch on one escrow.
pub(super) struct Plan {
    base: Option<Versioned>,
    /// The state after the commands so far; `None` while nothing has changed.
    next: Option<Escrow>,
    transfers: Vec<TransferRow>,
    events: Vec<EventRow>,
    replies: Vec<Reply>,
    decided: Vec<(Submission, Verdict)>,
    /// The escrow as it will be stored, once it was said what is.
    after: Option<Versioned>,
}

/// What a submission is told once its unit is stored.
enum Verdict {
    Answer(Answer),
    Result(Result<(), Rejection>),
}

impl Plan {
    pub(super) const fn new(base: Option<Versioned>) -> Plan {
        Plan {
            base,
            next: None,
            transfers: Vec::new(),
            events: Vec::new(),
            replies: Vec::new(),
            decided: Vec::new(),
            after: None,
        }
    }

    /// Whose escrow it is, once there is one.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.state().map(|state| state.owner)
    }

    /// Decides one more command, on the state that the ones before it left, by a clock that is so far ahead of real time. What is
    /// answered is remembered in real time.
    pub(super) fn decide(&mut self, submission: Submission, ahead: Span, parts: &Parts, ids: &FreshIds) {
        if let Some(answer) = self.turn_away(&submission) {
            self.decided.push((submission, Verdict::Answer(answer)));
            return;
        }
        let now = parts.host.now();
        let by = match &submission.source {
            Source::Caller { by, .. } => by,
            Source::Job { .. } => &Actor::Gateway,
        };
        let ctx = Ctx { now: now.after(ahead), by, ids, settings: &parts.config.settings };
        let result = match (&submission.ask, self.state()) {
            (Ask::Open(new), None) => escrow::open(new.as_ref().clone(), &ctx),
            (Ask::Open(_), Some(_)) => Err(Rejection::Broken("a fresh intent id is taken".to_owned())),
            (Ask::Decide(_, command), Some(state)) => escrow::decide(state, command.clone(), &ctx),
            (Ask::Decide(..), None) => Err(Rejection::Broken("the intent is gone".to_owned())),
        };
        match result {
            Ok(decision) if decision.events.is_empty() => self.leave(submission, &decision, now),
            Ok(decision) => {
                let next = self.take_in(decision, parts, ids).clone();
                self.settle(submission, Ok(&next), now);
            }
            Err(rejection) => self.refuse(submission, rejection, now),
        }
    }

    /// Answers what was so already: there is nothing to store. Nor is there anything to remember of somebody who needs no key for
    /// it, or they could fill the store with answers that cost them nothing.
    fn leave(&mut self, mut submission: Submission, decision: &Decision, now: Timestamp) {
        if !decision.transfers.is_empty() || self.state() != Some(&decision.next) {
            let what = "a change without an event".to_owned();
            return self.refuse(submission, Rejection::Broken(what), now);
        }
        if let Source::Caller { reach: Reach::Everybody, idempotency, .. } = &mut submission.source {
            *idempotency = None;
        }
        self.settle(submission, Ok(&decision.next), now);
    }

    /// Notes a refusal.
    pub(super) fn refuse(&mut self, mut submission: Submission, rejection: Rejection, now: Timestamp) {
        if let Source::Caller { reach, by, idempotency, .. } = &mut submission.source
            && !is_memorable(&rejection, *reach, by)
        {
            *idempotency = None;
        }
        if let Rejection::Broken(what) = &rejection {
            tracing::error!(intent = %submission.intent(), what, "a decision would have broken an invariant and was refused");
        }
        self.settle(submission, Err(&rejection), now);
    }

    fn state(&self) -> Option<&Escrow> {
        self.next.as_ref().or(self.base.as_ref().map(|base| &base.escrow))
    }

    /// The answer for a caller who may not speak of this escrow at all.
    fn turn_away(&self, submission: &Submission) -> Option<Answer> {
        let Source::Caller { reach, .. } = &submission.source else { return None };
        match (&submission.ask, self.state(), reach) {
            (Ask::Open(_), _, _) => None,
            (Ask::Decide(..), None, _) => Some(Answer::NotFound),
            (Ask::Decide(..), Some(_), Reach::Everybody | Reach::Operator) => None,
            (Ask::Decide(..), Some(state), Reach::Owner(owner)) => turn_away(*owner, state.owner),
        }
    }

    /// Adds a decision's consequences, its events continuing the chain.
    fn take_in(&mut self, decision: Decision, parts: &Parts, ids: &FreshIds) -> &Escrow {
        let Decision { mut next, transfers, events, effects: _ } = decision;
        let created = next.updated;
        self.transfers.extend(transfers.into_iter().map(|transfer| TransferRow { transfer, created }));
        let mut chain = next.chain;
        for event in &events {
            let (id, sequence) = (EventId::fresh(ids), chain.count + 1);
            let numbered = escrow::chain::Numbered { id, sequence, event };
            let body = parts.present.event(&next, numbered, created);
            chain = Chain::followed_by(chain, &body);
            let kind = EventType::Intent(event.kind);
            self.events.push(EventRow { id, kind, sequence, created, hash: chain.head, body });
        }
        if !planted!(ChainForgotten) {
            next.chain = chain;
        }
        self.next.insert(next)
    }

    fn settle(&mut self, submission: Submission, result: Result<&Escrow, &Rejection>, now: Timestamp) {
        let verdict = match &submission.source {
            Source::Job { .. } => Verdict::Result(result.map(|_| ()).map_err(Clone::clone)),
            Source::Caller { idempotency, render, .. } => {
                let answer = render(result);
                let remembered = idempotency.as_ref().filter(|_| !planted!(ReplyForgotten));
                self.replies.extend(remembered.map(|sent| sent.reply(&answer, now)));
                Verdict::Answer(Answer::Decided(Rendered { kept: None, ..answer }))
            }
        };
        self.decided.push((submission, verdict));
    }

    /// Whether anything must be stored before the callers may be answered.
    pub(super) const fn needs_commit(&self) -> bool {
        self.next.is_some() || !self.replies.is_empty()
    }

    /// The escrow as it is stored, after this was committed or had nothing to be committed; to be asked for once.
    pub(super) fn stored(&mut self) -> Option<Versioned> {
        self.after.take().or_else(|| self.base.take())
    }

    /// What is to be stored; to be asked for once.
    pub(super) fn unit(&mut self) -> Unit {
        let change = self.next.take().map(|next| {
            let version = self.base.as_ref().map_or(1, |base| base.version + 1);
            self.after = Some(Versioned { version, escrow: next.clone() });
            let before = self.base.as_ref().map(|base| base.escrow.duties()).unwrap_or_default();
            Change {
                base: self.base.take(),
                effects: effects(&before, &next.duties()),
                next,
                transfers: std::mem::take(&mut self.transfers),
                events: std::mem::take(&mut self.events),
            }
        });
        let leases = match change {
            Some(_) if !planted!(LeaseForgotten) => {
                self.decided.iter().filter_map(|(submission, verdict)| lease(submission, verdict)).collect()
            }
            Some(_) | None => Vec::new(),
        };
        Unit { change, replies: std::mem::take(&mut self.replies), leases, ..Unit::default() }
    }

    /// Tells everybody what became of their commands.
    pub(super) fn deliver(self) {
        for (submission, verdict) in self.decided {
            match (submission.source, verdict) {
                (Source::Caller { answer, .. }, Verdict::Answer(told)) => drop(answer.send(Ok(told))),
                (Source::Job { answer, .. }, Verdict::Result(told)) => drop(answer.send(Ok(told))),
                (Source::Caller { .. }, Verdict::Result(_)) | (Source::Job { .. }, Verdict::Answer(_)) => {}
            }
        }
    }

    /// Tells everybody that nothing happened, or that nobody knows.
    pub(super) fn fail(self, why: &Unavailable) {
        self.into_submissions().into_iter().for_each(|submission| submission.fail(why.clone()));
    }

    /// The commands, undecided again.
    pub(super) fn into_submissions(self) -> Vec<Submission> {
        self.decided.into_iter().map(|(submission, _)| submission).collect()
    }
}

/// The lease that a unit depends on: that of a job whose result it carries.
fn lease(submission: &Submission, verdict: &Verdict) -> Option<store::Lease> {
    match (&submission.source, verdict) {
        (Source::Job { lease, .. }, Verdict::Result(Ok(()))) => Some(*lease),
        (Source::Job { .. }, Verdict::Result(Err(_)) | Verdict::Answer(_)) | (Source::Caller { .. }, _) => None,
    }
}

/// Whether a refusal is remembered under the key of whoever asked. A defect of ours is no decision, and who may not ask now may be
/// allowed to later. Somebody who shows no key and has proven nothing could spoil keys for the payer, and fill the store.
fn is_memorable(rejection: &Rejection, reach: Reach, by: &Actor) -> bool {
    let is_decision =
        !matches!(rejection, Rejection::Broken(_) | Rejection::NotAllowed { .. } | Rejection::NotThePayer);
    let is_proven = reach != Reach::Everybody || !matches!(by, Actor::Anyone | Actor::Unproven(_));
    is_decision && is_proven
}

fn turn_away(caller: Owner, owner: Owner) -> Option<Answer> {
    if caller == owner {
        None
    } else if caller.merchant == owner.merchant {
        Some(Answer::NotFound)
    } else {
        Some(Answer::Forbidden)
    }
}
