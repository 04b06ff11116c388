//! The time of a scenario: the machine's clock stands still, and the sandbox's is moved through the API.

use std::sync::OnceLock;

use async_trait::async_trait;
use engine::testing::ManualHost;
use engine::{Host, Task};
use escrow::{Span, Timestamp};
use tokio::sync::{mpsc, watch};

/// A host whose clock stands still, so that no wait ever ends by itself. Jobs are done one after the other, so that what happens
/// has one order.
pub(crate) struct Clock {
    manual: ManualHost,
    /// Its receivers are those who wait.
    waiting: watch::Sender<()>,
    jobs: OnceLock<mpsc::UnboundedSender<Task>>,
}

impl Clock {
    pub(crate) fn at(start: Timestamp) -> Clock {
        let manual = ManualHost::at_ms(start.ms());
        Clock { manual, waiting: watch::Sender::new(()), jobs: OnceLock::new() }
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

    /// Whether anybody waits for time to pass.
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

    async fn sleep(&self, _span: Span) {
        let _waits = self.waiting.subscribe();
        std::future::pending::<()>().await;
    }

    fn spawn(&self, task: Task) {
        match self.jobs.get() {
            Some(jobs) => jobs.send(task).expect("jobs are taken up as long as there is a host"),
            None => self.manual.spawn(task),
        }
    }
}
