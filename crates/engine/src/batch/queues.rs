//! Where commands wait for their lane.

use std::sync::Arc;

use escrow::IntentId;
use tokio::sync::mpsc;

use super::Submission;
use crate::engine::{Config, offer};
use crate::request::Unavailable;

/// A queue for each lane. What is asked of one intent always waits in the same one, so that nothing overtakes what was asked of it before
/// and no two lanes of a process come into each other's way over it.
#[derive(Clone)]
pub(crate) struct Queues(Arc<[mpsc::Sender<Submission>]>);

impl Queues {
    /// The queues of as many lanes as were set, and where each is emptied. Each has its share of the room, rounded up: what crowds one
    /// lane leaves the others theirs.
    pub(crate) fn new(config: &Config) -> (Queues, Vec<mpsc::Receiver<Submission>>) {
        let lanes = config.lanes.max(1);
        let share = config.queue_limit.div_ceil(lanes).max(1);
        let (queues, ends): (Vec<_>, Vec<_>) = (0..lanes).map(|_| mpsc::channel(share)).unzip();
        (Queues(queues.into()), ends)
    }

    /// Puts a command in the queue of its lane, or says why not.
    pub(crate) fn offer(&self, submission: Submission) -> Result<(), Unavailable> {
        match self.0.get(lane(submission.intent(), self.0.len())) {
            Some(queue) => offer(queue, submission),
            None => Err(Unavailable::Closing),
        }
    }

    /// How many commands wait in all of them.
    pub(super) fn waiting(&self) -> usize {
        self.0.iter().map(|queue| queue.max_capacity() - queue.capacity()).sum()
    }
}

/// The lane of an intent among so many. The lower bits of ids are random, and so the lanes are equally long.
fn lane(intent: IntentId, lanes: usize) -> usize {
    let lanes = u128::try_from(lanes).unwrap_or(u128::MAX).max(1);
    usize::try_from(intent.raw().bits() % lanes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FreshIds;
    use crate::testing::ManualHost;

    #[test]
    fn intents_spread_over_all_lanes() {
        let ids = FreshIds::new(Arc::new(ManualHost::at_ms(1_700_000_000_000)));
        for lanes in [1, 2, 3, 4, 16] {
            let mut counts = vec![0; lanes];
            for _ in 0..1000 * lanes {
                counts[lane(IntentId::fresh(&ids), lanes)] += 1;
            }
            assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        }
    }
}
