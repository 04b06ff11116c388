//! What goes wrong, when, and how often it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::rng::Rng;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal, once in $rate:literal;)*) => {
        /// Something that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {$(
            $(#[$doc])*
            $fault,
        )*}

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Fault::$fault => $name),* }
            }

            /// Once in how many chances it happens, in a run in which it does at all.
            const fn rate(self) -> u32 {
                match self { $(Fault::$fault => $rate),* }
            }
        }
    };
}

faults! {
    /// A gateway is killed while each of its tasks waits for something.
    Crash = "crash", once in 1000;
    /// A gateway is told to stop, does, and is started again.
    Restart = "restart", once in 600;
    /// A gateway stands still, for longer than its leases last, and goes on as if nothing had been.
    Pause = "pause", once in 1500;
    /// The clock of a gateway jumps forward.
    ClockForward = "clock-forward", once in 2000;
    /// The clock of a gateway jumps back.
    ClockBack = "clock-back", once in 2000;
    /// The store takes its time.
    StoreSlow = "store-slow", once in 30;
    /// The store cannot be read, or what was to be noted is not.
    StoreGone = "store-gone", once in 80;
    /// The store takes a commit not, and says so.
    CommitRefused = "commit-refused", once in 30;
    /// The store takes a commit, and its answer is lost.
    ReplyLost = "reply-lost", once in 30;
    /// A commit never reaches the store, and nobody can tell.
    CommitLost = "commit-lost", once in 30;
    /// Nobody can tell what became of a commit, and much later it reaches the store after all.
    CommitLate = "commit-late", once in 40;
    /// A request is sent to two gateways at once.
    SentTwice = "sent-twice", once in 6;
    /// The bank or the rail definitely refuses.
    BankRefuses = "bank-refuses", once in 5;
    /// The bank or the rail does not know yet.
    BankSilent = "bank-silent", once in 6;
    /// The bank or the rail has paid, and its answer is lost.
    BankReplyLost = "bank-reply-lost", once in 6;
    /// The bank or the rail takes longer than a job is leased for.
    BankSlow = "bank-slow", once in 10;
    /// A webhook receiver refuses a call.
    ReceiverFails = "receiver-fails", once in 8;
    /// A webhook receiver takes a call, and its answer is lost.
    ReceiverReplyLost = "receiver-reply-lost", once in 8;
    /// A webhook receiver takes its time.
    ReceiverSlow = "receiver-slow", once in 10;
}

/// In one of so many runs a kind of fault happens so much more often.
const OFTEN_IN: u32 = 4;
const OFTEN: u32 = 4;

impl Fault {
    /// The fault of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

/// Decides what goes wrong; nothing does at first. Every kind has numbers of its own, so that a run without one kind is otherwise told the same.
pub(crate) struct Fates(Mutex<Inner>);

struct Inner {
    rngs: BTreeMap<Fault, Rng>,
    /// Once in how many chances each happens in this run.
    rates: BTreeMap<Fault, u32>,
    spans: Rng,
    possible: BTreeSet<Fault>,
    is_calm: bool,
    happened: BTreeMap<Fault, u64>,
}

impl Fates {
    pub(crate) fn new(seed: u64, possible: BTreeSet<Fault>) -> Fates {
        let rngs = Fault::ALL.iter().map(|fault| (*fault, Rng::new(seed, fault.name()))).collect();
        let mut drawn = Rng::new(seed, "rates");
        let rates = Fault::ALL.iter().map(|fault| {
            let is_often = drawn.once_in(OFTEN_IN);
            (*fault, if is_often { (fault.rate() / OFTEN).max(2) } else { fault.rate() })
        });
        let rates = rates.collect();
        let spans = Rng::new(seed, "spans");
        Fates(Mutex::new(Inner { rngs, rates, spans, possible, is_calm: true, happened: BTreeMap::new() }))
    }

    fn with<A>(&self, task: impl FnOnce(&mut Inner) -> A) -> A {
        task(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this happens now, where it could.
    pub(crate) fn strike(&self, fault: Fault) -> bool {
        self.with(|inner| {
            let rate = inner.rates.get(&fault).copied().unwrap_or(0);
            let drawn = inner.rngs.get_mut(&fault).is_some_and(|rng| rng.once_in(rate));
            let strikes = drawn && !inner.is_calm && inner.possible.contains(&fault);
            if strikes {
                *inner.happened.entry(fault).or_default() += 1;
            }
            strikes
        })
    }

    /// How long something takes, in milliseconds: from the first up to, and without, the last.
    pub(crate) fn span_ms(&self, from: i64, to: i64) -> i64 {
        self.with(|inner| inner.spans.between(from, to))
    }

    /// From now on, things go wrong.
    pub(crate) fn rage(&self) {
        self.with(|inner| inner.is_calm = false);
    }

    /// From now on, nothing goes wrong.
    pub(crate) fn calm(&self) {
        self.with(|inner| inner.is_calm = true);
    }

    /// How often each has happened.
    pub(crate) fn happened(&self) -> BTreeMap<Fault, u64> {
        self.with(|inner| inner.happened.clone())
    }
}
