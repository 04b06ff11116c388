//! Defects that can be put in on purpose, to see which test finds them. They are compiled in by the feature `planted` alone, which
//! nothing that ships has: without it every [`planted!`] is `false`.

/// Whether a defect of [`Defect`](crate::planted::Defect), by its name, is in.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($defect:ident) => {
        $crate::planted::is_in($crate::planted::Defect::$defect)
    };
}

/// Whether a defect is in: none is, without the feature `planted`.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($defect:ident) => {
        false
    };
}

/// Whether this was compiled with defects that can be put in. The binary refuses to be.
pub const CAN_BE_PLANTED: bool = cfg!(feature = "planted");

#[cfg(feature = "planted")]
pub use defects::{Defect, is_in, plant};

#[cfg(feature = "planted")]
mod defects {
    use std::cell::Cell;

    use crate::terms::names;

    names! {
        /// What can be wrong. Each breaks one promise, or forgets one thing that can happen to a gateway.
        Defect {
            /// A transfer says less than what moves.
            ShortTransfer = "short transfer",
            /// What is refunded stays held.
            StillHeld = "still held",
            /// Milestones may add up to more than is held.
            SharesUnchecked = "shares unchecked",
            /// A milestone may be completed before those below it.
            AnyOrder = "any order",
            /// A released milestone may be released again.
            ReleasedAgain = "released again",
            /// A dispute over a milestone freezes nothing.
            NothingFrozen = "nothing frozen",
            /// A second payment is taken for funding as well.
            FundedAgain = "funded again",
            /// A completion has no event.
            SilentCompletion = "silent completion",
            /// What is no duty any more keeps its job.
            DutyKept = "duty kept",
            /// Silence never ends.
            EndlessSilence = "endless silence",
            /// The time of a change may lie before that of an earlier one.
            BackInTime = "back in time",
            /// A settlement may start before it is due.
            TooEarly = "too early",

            // Of the engine and its store.
            /// A commit that was refused is answered as if it had been done.
            RefusalAnswered = "refused commit answered",
            /// A commit of which nobody knows is answered as if it had been done.
            DoubtAnswered = "doubtful commit answered",
            /// A commit of which nobody knows is told as one that was not done.
            DoubtDenied = "doubtful commit denied",
            /// Whoever has waited too long is told that nothing was done.
            DelayDenied = "delay denied",
            /// Whoever asks of a gateway that is about to stop is told that nothing was done.
            ClosingDenied = "done while closing, and denied",
            /// No answer is remembered under its key.
            ReplyForgotten = "reply forgotten",
            /// The store takes a second answer under one key.
            KeyUnchecked = "key unchecked",
            /// The store takes a change of a state that is not the newest.
            VersionUnchecked = "version unchecked",
            /// The results of jobs come without their leases.
            LeaseForgotten = "lease forgotten",
            /// Several intents may name one transaction.
            ClaimUnchecked = "claim unchecked",
            /// Events are stored, and the intent does not know how many.
            ChainForgotten = "chain forgotten",
            /// Jobs are not stored for what is to be paid back.
            JobForgotten = "job forgotten",
            /// A worker that cannot reach the store gives up.
            WorkerGivesUp = "worker gives up",
            /// A payout that the bank has refused is taken for one that arrived.
            RefusalTakenForArrival = "refusal taken for arrival",
            /// A payout of which the bank knows nothing yet is taken for one that arrived.
            SilenceTakenForArrival = "silence taken for arrival",
            /// A payout of which the bank knows nothing yet is taken for one that it has refused.
            SilenceTakenForRefusal = "silence taken for refusal",
            /// The cursor of an endpoint passes what it has not been told.
            CursorAhead = "cursor ahead",
            /// A call that a receiver refused counts as taken.
            FailureCounts = "failed call counts",
            /// A call that is made again has no body.
            EmptyRetry = "empty retry",
            /// Calls about one intent are made at the same time.
            CallsOverlap = "calls overlap",
        }
    }

    thread_local! {
        static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    /// Puts a defect in for what runs on this thread, or takes it out again.
    pub fn plant(defect: Option<Defect>) {
        PLANTED.set(defect);
    }

    /// Whether this defect is in.
    #[must_use]
    pub fn is_in(defect: Defect) -> bool {
        PLANTED.get() == Some(defect)
    }
}
