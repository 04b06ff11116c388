//! What the gateways deal with: a bank and rails, which keep books of their own, and receivers of webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use engine::{Call, Incoming, IncomingAnswer, PaymentAnswer, Payments, Payout, Post, Reached, Repayment, Verdict};
use escrow::{Amount, PaymentId, RefundId, SettlementId};

use crate::fates::{Fates, Fault};
use crate::machine::Machine;

/// How long a slow bank takes: longer than a job is leased for.
const SLOW_MS: (i64, i64) = (20_000, 90_000);

/// How long a slow receiver takes.
const SLOW_RECEIVER_MS: (i64, i64) = (5_000, 15_000);

/// How often a receiver takes no call for the same event, at most: then the next one is not hours away.
const MOST_REFUSED_CALLS: u32 = 2;

/// The books of the bank and the rails. They know nothing of escrows: only who asked for what, under which id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// What was paid out, by settlement and retry.
    pub(crate) paid_out: BTreeMap<(SettlementId, u32), Payout>,
    /// What was definitely refused.
    refused: BTreeMap<(SettlementId, u32), Payout>,
    /// What was paid back.
    pub(crate) paid_back: BTreeMap<RefundId, Amount>,
    /// What was not, and never will be, unless it must arrive.
    refused_back: BTreeMap<RefundId, Amount>,
    /// What came in for good, and what never will.
    pub(crate) incoming: BTreeMap<PaymentId, bool>,
    /// Results that were given again to whoever asked again.
    pub(crate) told_again: u64,
    /// What must never be asked.
    pub(crate) wrongs: Vec<String>,
}

/// The bank and the rails.
pub(crate) struct Bank {
    machine: Machine,
    fates: Arc<Fates>,
    books: Mutex<Books>,
}

impl Bank {
    pub(crate) fn new(machine: Machine, fates: Arc<Fates>) -> Bank {
        Bank { machine, fates, books: Mutex::default() }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before anything is done; `false` when nobody knows anything yet.
    async fn consider(&self) -> bool {
        let is_slow = self.fates.strike(Fault::BankSlow);
        let (from, to) = if is_slow { SLOW_MS } else { (1, 400) };
        self.machine.sleep(self.fates.span_ms(from, to)).await;
        !self.fates.strike(Fault::BankSilent)
    }

    /// After it was done: the way back of the answer, which may be lost.
    async fn reply(&self) -> bool {
        let is_slow = self.fates.strike(Fault::BankSlow);
        let (from, to) = if is_slow { SLOW_MS } else { (1, 100) };
        self.machine.sleep(self.fates.span_ms(from, to)).await;
        !self.fates.strike(Fault::BankReplyLost)
    }
}

#[async_trait]
impl Payments for Bank {
    async fn look_for(&self, incoming: Incoming) -> IncomingAnswer {
        if !self.consider().await {
            return IncomingAnswer::Unknown;
        }
        let refuses = self.fates.strike(Fault::BankRefuses);
        let is_final = *self.books().incoming.entry(incoming.id).or_insert(!refuses);
        match (self.reply().await, is_final) {
            (false, _) => IncomingAnswer::Unknown,
            (true, true) => IncomingAnswer::Final,
            (true, false) => IncomingAnswer::Refused("the payer has no funds".to_owned()),
        }
    }

    async fn pay_out(&self, payout: Payout) -> PaymentAnswer {
        if !self.consider().await {
            return PaymentAnswer::Unknown;
        }
        let refuses = self.fates.strike(Fault::BankRefuses);
        let is_paid = self.books().pay_out(&payout, refuses);
        match (self.reply().await, is_paid) {
            (false, _) => PaymentAnswer::Unknown,
            (true, true) => PaymentAnswer::Arrived(format!("{}.{}", payout.id, payout.retry)),
            (true, false) => PaymentAnswer::Refused("the account is closed".to_owned()),
        }
    }

    async fn pay_back(&self, repayment: Repayment) -> PaymentAnswer {
        if !self.consider().await {
            return PaymentAnswer::Unknown;
        }
        let refuses = self.fates.strike(Fault::BankRefuses);
        let is_paid = self.books().pay_back(&repayment, refuses);
        match (self.reply().await, is_paid) {
            (false, _) => PaymentAnswer::Unknown,
            (true, true) => PaymentAnswer::Arrived(repayment.id.to_string()),
            (true, false) => PaymentAnswer::Refused("the card has expired".to_owned()),
        }
    }
}

impl Books {
    /// Pays, unless that was done or refused before; says whether it is paid.
    fn pay_out(&mut self, payout: &Payout, refuses: bool) -> bool {
        let name = (payout.id, payout.retry);
        if let Some(before) = self.paid_out.get(&name).or(self.refused.get(&name)) {
            self.told_again += 1;
            if before != payout {
                self.wrongs.push(format!("a payout was {before:?}, and is {payout:?}"));
            }
            return self.paid_out.contains_key(&name);
        }
        let ends = if refuses { &mut self.refused } else { &mut self.paid_out };
        ends.insert(name, payout.clone());
        !refuses
    }

    /// The same for a payment back. What must arrive is tried again.
    fn pay_back(&mut self, repayment: &Repayment, refuses: bool) -> bool {
        let (id, amount) = (repayment.id, repayment.amount);
        if let Some(before) = self.paid_back.get(&id).or(self.refused_back.get(&id)) {
            self.told_again += 1;
            if *before != amount {
                self.wrongs.push(format!("repayment {id} was {before}, and is {amount}"));
            }
        }
        if self.paid_back.contains_key(&id) {
            return true;
        }
        let was_refused = self.refused_back.contains_key(&id) && !repayment.must_arrive;
        let ends = if refuses || was_refused { &mut self.refused_back } else { &mut self.paid_back };
        ends.insert(id, amount);
        !refuses && !was_refused
    }
}

/// A call that a receiver heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
    /// Whether it took it, whatever became of its answer.
    pub(crate) is_taken: bool,
}

/// Everybody's receivers of webhooks.
pub(crate) struct Receivers {
    machine: Machine,
    fates: Arc<Fates>,
    heard: Mutex<Vec<Heard>>,
    refused: Mutex<BTreeMap<(String, Vec<u8>), u32>>,
}

impl Receivers {
    pub(crate) fn new(machine: Machine, fates: Arc<Fates>) -> Receivers {
        Receivers { machine, fates, heard: Mutex::default(), refused: Mutex::default() }
    }

    /// What they heard, in this order.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether one may refuse a call once more.
    fn may_refuse(&self, call: &Call) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let times = refused.entry((call.url.clone(), call.body.to_vec())).or_default();
        *times += 1;
        *times <= MOST_REFUSED_CALLS
    }
}

#[async_trait]
impl Post for Receivers {
    async fn call(&self, call: Call) -> Reached {
        let is_slow = self.fates.strike(Fault::ReceiverSlow);
        let (from, to) = if is_slow { SLOW_RECEIVER_MS } else { (1, 200) };
        self.machine.sleep(self.fates.span_ms(from, to)).await;
        let failed = Reached {
            verdict: Verdict::Failed { retry_after: None },
            status: Some(500),
            body: None,
            problem: Some("the receiver failed".to_owned()),
        };
        let is_taken = !(self.may_refuse(&call) && self.fates.strike(Fault::ReceiverFails));
        let heard = Heard { url: call.url.clone(), body: call.body.to_vec(), is_taken };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        if !is_taken {
            return failed;
        }
        self.machine.sleep(self.fates.span_ms(0, 20)).await;
        if self.fates.strike(Fault::ReceiverReplyLost) && self.may_refuse(&call) {
            return failed;
        }
        Reached { verdict: Verdict::Accepted, status: Some(200), body: None, problem: None }
    }
}
