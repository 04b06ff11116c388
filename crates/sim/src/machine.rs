//! A machine on which nothing is left to chance: its tasks, its timers and its time follow from a seed.
//!
//! One thread polls one task after the other. Which of those that are ready comes next is drawn, so that one seed is one
//! interleaving and many seeds are many. Time stands still while anything is ready, and jumps to the next timer when nothing is.
//! Tasks belong to groups; a group can be killed at any moment, which is always one at which each of its tasks waits, or made to
//! stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use engine::Task;

use crate::rng::Rng;

/// Tasks that live and die together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Group(pub(crate) u32);

/// Whose tasks never die: clients, networks, banks.
pub(crate) const OUTSIDE: Group = Group(0);

/// The machine; clones are the same one.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Mutex<Inner>>);

struct Inner {
    now_ms: i64,
    next_task: u64,
    next_timer: u64,
    tasks: BTreeMap<u64, Entry>,
    ready: Arc<Mutex<BTreeSet<u64>>>,
    timers: BTreeMap<(i64, u64), Waker>,
    /// Until when groups stand still.
    frozen: BTreeMap<Group, i64>,
    schedule: Rng,
    polls: u64,
    /// What tells this run from others: every task that was polled, and when.
    trace: u64,
    panics: Vec<String>,
}

struct Entry {
    group: Group,
    /// Taken out while it is polled.
    task: Option<Task>,
}

struct Rouse {
    id: u64,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        locked(&self.ready).insert(self.id);
    }
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A task of this group was polled.
    Polled(Group),
    /// Time moved on.
    Moved,
    /// Nothing is ready before the time that was given, to which the machine has come.
    Idle,
}

impl Machine {
    pub(crate) fn new(seed: u64, now_ms: i64) -> Machine {
        Machine(Arc::new(Mutex::new(Inner {
            now_ms,
            next_task: 0,
            next_timer: 0,
            tasks: BTreeMap::new(),
            ready: Arc::default(),
            timers: BTreeMap::new(),
            frozen: BTreeMap::new(),
            schedule: Rng::new(seed, "schedule"),
            polls: 0,
            trace: 0,
            panics: Vec::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        locked(&self.0)
    }

    /// True time: what no clock of a gateway need show.
    pub(crate) fn now_ms(&self) -> i64 {
        self.lock().now_ms
    }

    pub(crate) fn polls(&self) -> u64 {
        self.lock().polls
    }

    /// A number that is the same for two runs that went the same way.
    pub(crate) fn trace(&self) -> u64 {
        self.lock().trace
    }

    /// The panics of tasks so far.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.lock().panics.clone()
    }

    pub(crate) fn spawn(&self, group: Group, task: Task) {
        let mut inner = self.lock();
        let id = inner.next_task;
        inner.next_task += 1;
        inner.tasks.insert(id, Entry { group, task: Some(task) });
        locked(&inner.ready).insert(id);
    }

    /// Ends all tasks of a group where they are.
    pub(crate) fn kill(&self, group: Group) {
        let killed: Vec<Entry> = {
            let mut inner = self.lock();
            inner.frozen.remove(&group);
            let ids: Vec<u64> =
                inner.tasks.iter().filter(|(_, entry)| entry.group == group).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| inner.tasks.remove(id)).collect()
        };
        // Their drops may wake others, which takes the lock.
        drop(killed);
    }

    /// Polls no task of a group until this true time.
    pub(crate) fn freeze(&self, group: Group, until_ms: i64) {
        self.lock().frozen.insert(group, until_ms);
    }

    /// Has all groups go on.
    pub(crate) fn thaw(&self) {
        self.lock().frozen.clear();
    }

    pub(crate) fn sleep_until(&self, at_ms: i64) -> Timer {
        Timer { machine: self.clone(), at_ms, key: None }
    }

    pub(crate) fn sleep(&self, ms: i64) -> Timer {
        self.sleep_until(self.now_ms().saturating_add(ms.max(0)))
    }

    /// Polls a task that is ready or, where none is, moves time on to the next timer, but not beyond `until_ms`.
    pub(crate) fn step(&self, until_ms: i64) -> Step {
        let Some((id, group, task)) = self.take_ready() else { return self.move_on(until_ms) };
        self.poll(id, task);
        Step::Polled(group)
    }

    /// A task that is ready, out of its place.
    fn take_ready(&self) -> Option<(u64, Group, Task)> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let now_ms = inner.now_ms;
        inner.frozen.retain(|_, until| now_ms < *until);
        let mut ready = locked(&inner.ready);
        ready.retain(|id| inner.tasks.contains_key(id));
        let is_frozen = |id: &u64| inner.tasks.get(id).is_some_and(|entry| inner.frozen.contains_key(&entry.group));
        let count = ready.iter().filter(|id| !is_frozen(id)).count();
        if count == 0 {
            return None;
        }
        let place = inner.schedule.below(count);
        let id = ready.iter().copied().filter(|id| !is_frozen(id)).nth(place)?;
        ready.remove(&id);
        drop(ready);
        let entry = inner.tasks.get_mut(&id)?;
        let (group, task) = (entry.group, entry.task.take()?);
        inner.polls += 1;
        inner.trace = mixed(mixed(inner.trace, id), now_ms.unsigned_abs());
        Some((id, group, task))
    }

    fn poll(&self, id: u64, mut task: Task) {
        let waker = Waker::from(Arc::new(Rouse { id, ready: self.lock().ready.clone() }));
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut context)));
        match polled {
            Ok(Poll::Pending) => {
                if let Some(entry) = self.lock().tasks.get_mut(&id) {
                    entry.task = Some(task);
                    return;
                }
                // It was killed by what it did itself.
                drop(task);
            }
            Ok(Poll::Ready(())) => {
                let entry = self.lock().tasks.remove(&id);
                drop((entry, task));
            }
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
                let mut inner = self.lock();
                inner.panics.push(said.unwrap_or_else(|| "a task panicked".to_owned()));
                let entry = inner.tasks.remove(&id);
                drop(inner);
                drop((entry, task));
            }
        }
    }

    fn move_on(&self, until_ms: i64) -> Step {
        let mut inner = self.lock();
        let next_timer = inner.timers.first_key_value().map(|((at, _), _)| *at);
        let next_thaw = inner.frozen.values().min().copied();
        let next = next_timer.into_iter().chain(next_thaw).min();
        let Some(next) = next.filter(|at| *at <= until_ms) else {
            inner.now_ms = inner.now_ms.max(until_ms);
            return Step::Idle;
        };
        inner.now_ms = inner.now_ms.max(next);
        let after = (inner.now_ms + 1, 0);
        let later = inner.timers.split_off(&after);
        let due = std::mem::replace(&mut inner.timers, later);
        drop(inner);
        due.into_values().for_each(Waker::wake);
        Step::Moved
    }
}

/// Ready at a true time.
pub(crate) struct Timer {
    machine: Machine,
    at_ms: i64,
    key: Option<(i64, u64)>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let machine = self.machine.clone();
        let mut inner = machine.lock();
        if self.at_ms <= inner.now_ms {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or((self.at_ms, inner.next_timer));
        if self.key.is_none() {
            inner.next_timer += 1;
            self.key = Some(key);
        }
        let former = inner.timers.insert(key, context.waker().clone());
        drop(inner);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.machine.lock().timers.remove(&key);
            drop(waker);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) const fn mixed(trace: u64, what: u64) -> u64 {
    let mixed = (trace ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}
