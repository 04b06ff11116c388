//! What the engine needs of the machine it runs on. Everything that is not a function of its input comes through here, so that
//! a simulation can own all of it.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use escrow::{Span, Timestamp};

/// A task for [`Host::spawn`].
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The clock, the timers, the randomness and the tasks of a machine, real or simulated.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The time, UTC. It may step back.
    fn now(&self) -> Timestamp;

    /// Microseconds of a clock that never steps back, for measuring how long something took; its zero means nothing.
    fn ticks_us(&self) -> i64;

    /// The same in milliseconds.
    fn ticks_ms(&self) -> i64 {
        self.ticks_us() / 1000
    }

    /// Fills `bytes` with what nobody can guess.
    fn random(&self, bytes: &mut [u8]);

    /// Waits.
    async fn sleep(&self, span: Span);

    /// Runs a task beside the others.
    fn spawn(&self, task: Task);
}

/// The real machine, with tokio's timers and tasks. Must be used inside a tokio runtime.
#[derive(Debug)]
pub struct System {
    started: std::time::Instant,
}

impl System {
    /// The machine this runs on.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn new() -> System {
        System { started: std::time::Instant::now() }
    }
}

impl Default for System {
    fn default() -> System {
        System::new()
    }
}

#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock, draws randomness, waits and spawns"
)]
impl Host for System {
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn ticks_us(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    #[expect(clippy::panic, reason = "a machine without randomness must not hand out guessable ids or keys")]
    fn random(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
    }

    async fn sleep(&self, span: Span) {
        tokio::time::sleep(std::time::Duration::from_millis(span.ms().unsigned_abs())).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}
