//! Threads that own a connection each and do what they are asked, one thing after the other.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::error::Fault;
use crate::StoreError;

/// What a thread of a crew works with.
pub(super) trait Tool: Send + 'static {
    /// Called after every task, when its asker has the answer already.
    fn after_task(&mut self) {}
}

type Task<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Threads that share one queue of tasks.
pub(super) struct Crew<T> {
    /// `None` once the crew takes no more tasks.
    queue: Mutex<Option<mpsc::Sender<Task<T>>>>,
    members: Mutex<Vec<Member>>,
}

struct Member {
    thread: JoinHandle<()>,
    /// Its other half is dropped by the thread when it ends.
    ended: oneshot::Receiver<()>,
}

impl<T: Tool> Crew<T> {
    /// Starts one thread of this name for each tool.
    pub(super) fn start(name: &str, tools: Vec<T>) -> io::Result<Crew<T>> {
        let (queue, tasks) = mpsc::channel();
        let tasks = Arc::new(Mutex::new(tasks));
        let members = tools.into_iter().map(|tool| {
            let (tasks, (ending, ended)) = (Arc::clone(&tasks), oneshot::channel());
            let work = move || {
                work_off(&tasks, tool);
                drop(ending);
            };
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
            Ok(Member { thread, ended })
        });
        let members = members.collect::<io::Result<Vec<Member>>>()?;
        Ok(Crew { queue: Mutex::new(Some(queue)), members: Mutex::new(members) })
    }

    /// Has a task done, and waits for its answer. A task that was taken is done even when nobody waits any more.
    pub(super) async fn run<A: Send + 'static>(
        &self,
        task: impl FnOnce(&mut T) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        // The asker may have left meanwhile, and that is its own affair.
        self.hand_over(Box::new(move |tool| drop(answer.send(task(tool)))))?;
        answered.await.map_err(|_| closed())?.map_err(StoreError::from)
    }

    /// An error when the crew takes no more tasks.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map(|_| ()).ok_or_else(closed)
    }

    fn hand_over(&self, task: Task<T>) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().ok_or_else(closed)?.send(task).map_err(|_| closed())
    }

    /// Takes no more tasks, and waits until those that were taken are done and the tools are put away.
    pub(super) async fn stop(&self) {
        for member in self.dismiss() {
            // The thread never sends: what arrives is that it has ended.
            drop(member.ended.await);
            join(member.thread);
        }
    }

    /// As [`Crew::stop`], blocking the thread that asks.
    pub(super) fn stop_blocking(&self) {
        self.dismiss().into_iter().for_each(|member| join(member.thread));
    }

    fn dismiss(&self) -> Vec<Member> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        std::mem::take(&mut *self.members.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn work_off<T: Tool>(tasks: &Mutex<mpsc::Receiver<Task<T>>>, mut tool: T) {
    loop {
        // The lock is held while waiting: another member waits for the lock instead of for a task, which is the same to it.
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        task(&mut tool);
        tool.after_task();
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store ended in a panic");
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
