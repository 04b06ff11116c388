//! The time of a scenario.

use std::sync::OnceLock;

use async_trait::async_trait;
use engine::testing::ManualHost;
use engine::{Host, Task};
use escrow::{Span, Timestamp};
use tokio::sync::{mpsc, watch};

/// A host whose clock stands still until it is moved, and whose waits end with that alone: a store that really takes its time,
/// as SQLite does, makes nobody's wait run out. Jobs are done one after the other, so that what happens has one order.
pub(crate) struct Clock {
    manual: ManualHost,
    moved: watch::Sender<Timestamp>,
    /// How many wait for the clock to move. Its receivers are they.
    waiting: watch::Sender<()>,
    jobs: OnceLock<mpsc::UnboundedSender<Task>>,
}

impl Clock {
    pub(crate) fn at(start: Timestamp) -> Clock {
        Clock {
            manual: ManualHost::at_ms(start.ms()),
            moved: watch::Sender::new(start),
            waiting: watch::Sender::new(()),
            jobs: OnceLock::new(),
        }
    }

    pub(crate) fn set(&self, time: Timestamp) {
        self.manual.set_ms(time.ms());
        self.moved.send_replace(time);
    }

    /// From now on, every task begins when the one spawned before it has ended.
    pub(crate) fn one_at_a_time(&self) {
        let (jobs, mut next) = mpsc::unbounded_channel::<Task>();
        self.manual.spawn(Box::pin(async move {
            while let Some(job) = next.recv().await {
                job.await;
            }
        }));
        self.jobs.set(jobs).expect("said once");
    }

    /// Whether anybody waits for the clock to move.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.receiver_count() > 0
    }
}

#[async_trait]
impl Host for Clock {
    fn now(&self) -> Timestamp {
        self.manual.now()
    }

    fn ticks_us(&self) -> i64 {
        self.manual.ticks_us()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.manual.random(bytes);
    }

    async fn sleep(&self, span: Span) {
        let until = self.now().after(span);
        let _waits = self.waiting.subscribe();
        let mut moved = self.moved.subscribe();
        moved.wait_for(|now| until <= *now).await.expect("the clock outlives whoever waits for it");
    }

    fn spawn(&self, task: Task) {
        match self.jobs.get() {
            Some(jobs) => jobs.send(task).expect("jobs are taken up as long as there is a host"),
            None => self.manual.spawn(task),
        }
    }
}
