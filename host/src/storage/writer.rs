//! The writer thread: every waiting closure goes into one transaction, one commit, then all are answered.
//!
//! A closure may run up to three times: bare with the others; where one of them failed after it had changed
//! something, each in a savepoint; where the transaction itself broke, each in a transaction of its own. It decides
//! nothing about SQL: how a transaction is made is the engine's business.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{Durability, Error, Tx};

/// Longest wait for as many callers as there were last time.
const LINGER: Duration = Duration::from_micros(200);
/// Rows of a batch: more of them would make those who wait for an acknowledgement wait too long.
const BATCH_WEIGHT: usize = 500;
/// Rows of a batch of bulk alone, while nobody waits for an acknowledgement: pages that share a commit share its sync and
/// the tree pages that they touch.
const BULK_BATCH_WEIGHT: usize = 3200;
/// From this weight on a closure is bulk and lets others go first.
pub const BULK_WEIGHT: usize = 16;

/// One waiting closure with the place for its answer.
trait Work: Send {
    /// Runs it; answers whether it succeeded.
    fn run(&mut self, tx: &mut dyn Tx) -> bool;
    /// Hands over what it came to, or why the commit failed.
    fn answer(self: Box<Self>, commit: Result<(), Error>);
}

struct Call<F, T, E> {
    work: F,
    result: Option<Result<T, E>>,
    to: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Call<F, T, E>
where
    F: FnMut(&mut dyn Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> bool {
        let work = &mut self.work;
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(tx)));
        let result = result.unwrap_or_else(|_| Err(Error::Panicked.into()));
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn answer(self: Box<Self>, commit: Result<(), Error>) {
        let own = self.result.unwrap_or_else(|| Err(Error::Closed.into()));
        // What failed by itself keeps its own error, since its answer does not depend on the commit.
        let result = match (own, commit) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        };
        // A caller that has gone away does not want to know.
        let _ = self.to.send(result);
    }
}

/// One waiting closure, and what its caller said of it.
pub(super) struct Item {
    durability: Durability,
    weight: usize,
    work: Box<dyn Work>,
}

impl Item {
    /// Runs the closure; answers whether it succeeded.
    pub fn run(&mut self, tx: &mut dyn Tx) -> bool {
        self.work.run(tx)
    }
}

/// Where callers leave their closures: the writer takes all that waits with one lock.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    quick: VecDeque<Item>,
    bulk: VecDeque<Item>,
    is_closed: bool,
    is_asleep: bool,
    warm_up: u64,
}

impl Waiting {
    fn len(&self) -> usize {
        self.quick.len() + self.bulk.len()
    }

    /// Quick ones first, then bulk up to the weight of a batch; one bulk closure always gets through.
    fn take(&mut self) -> Vec<Item> {
        let mut batch = Vec::with_capacity(self.len().min(BATCH_WEIGHT));
        let mut weight = 0;
        while let Some(item) = self.quick.front() {
            if weight + item.weight > BATCH_WEIGHT && !batch.is_empty() {
                break;
            }
            weight += item.weight;
            batch.extend(self.quick.pop_front());
        }
        let limit = if batch.is_empty() { BULK_BATCH_WEIGHT } else { BATCH_WEIGHT };
        let mut is_first = true;
        while let Some(item) = self.bulk.front() {
            if !is_first && weight + item.weight > limit {
                break;
            }
            is_first = false;
            weight += item.weight;
            batch.extend(self.bulk.pop_front());
        }
        batch
    }
}

impl Inbox {
    /// Leaves a closure; its answer comes through the receiver.
    pub fn send<T, E>(
        &self,
        durability: Durability,
        weight: usize,
        work: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (to, from) = oneshot::channel();
        let item = Item { durability, weight: weight.max(1), work: Box::new(Call { work, result: None, to }) };
        let mut waiting = self.lock();
        if waiting.is_closed {
            // The receiver sees that its sender is gone, and the caller hears that the store is closed.
            return from;
        }
        let queue = if weight < BULK_WEIGHT { &mut waiting.quick } else { &mut waiting.bulk };
        queue.push_back(item);
        let wake = waiting.is_asleep;
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
        from
    }

    /// Asks for a log file of this many bytes, written once so that later writes need not make it grow.
    pub fn warm_up(&self, bytes: u64) {
        self.lock().warm_up = bytes;
        self.wake.notify_one();
    }

    /// Lets the writer end once all that waits is done.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work, lingers for those who are about to come, takes a batch. `None`: closed and empty.
    fn take(&self, last: usize) -> Option<Turn> {
        let mut waiting = self.lock();
        while waiting.len() == 0 {
            if waiting.is_closed {
                return None;
            }
            let bytes = std::mem::take(&mut waiting.warm_up);
            if bytes > 0 {
                return Some(Turn::WarmUp(bytes));
            }
            waiting.is_asleep = true;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.is_asleep = false;
        }
        if waiting.quick.len() < last && !waiting.is_closed {
            // Sleeping would cost more than the wait is worth: let go of the lock and yield.
            let since = Instant::now();
            while waiting.quick.len() < last && since.elapsed() < LINGER {
                drop(waiting);
                std::thread::yield_now();
                waiting = self.lock();
            }
        }
        Some(Turn::Batch(waiting.take()))
    }
}

enum Turn {
    Batch(Vec<Item>),
    WarmUp(u64),
}

/// How each closure of a batch is kept apart from the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Not at all: most batches have no failure in them.
    Bare,
    /// A savepoint each.
    Savepoint,
}

/// What the writer has done since the start.
#[derive(Default)]
pub(super) struct Counters {
    /// Transactions.
    pub batches: AtomicU64,
    /// Closures.
    pub calls: AtomicU64,
    /// Batches that had to run again.
    pub reruns: AtomicU64,
}

/// What the writer needs of an engine.
pub(super) trait Engine {
    /// Between two transactions: the next one is to be as safe as this.
    fn set_level(&mut self, level: Durability) -> Result<(), Error>;
    /// One transaction for the batch. `Ok(false)` and errors leave nothing of it behind, but for [`Error::Uncertain`].
    fn attempt(&mut self, batch: &mut [Item], guard: Guard) -> Result<bool, Error>;
    /// Prepares for fast writes; answers how many bytes are still to be prepared, when nobody waits.
    fn warm_up(&mut self, bytes: u64) -> u64;
    /// Nothing more comes.
    fn end(&mut self);
}

/// The thread's state.
pub(super) struct Writer<E> {
    pub engine: E,
    pub inbox: Arc<Inbox>,
    pub counters: Arc<Counters>,
}

impl<E: Engine> Writer<E> {
    /// Works until the inbox is closed and empty.
    pub fn run(mut self) {
        let mut last = 0;
        let mut level = Durability::Durable;
        while let Some(turn) = self.inbox.take(last) {
            let mut batch = match turn {
                Turn::Batch(batch) => batch,
                Turn::WarmUp(bytes) => {
                    let rest = self.engine.warm_up(bytes);
                    self.inbox.lock().warm_up = rest;
                    continue;
                }
            };
            // Only those whose callers wait for an acknowledgement come again at once; waiting for bulk would burn time.
            last = batch.iter().filter(|item| item.weight < BULK_WEIGHT).count();
            let count = batch.len() as u64;
            let wanted = batch.iter().map(|item| item.durability).max().unwrap_or(level);
            if wanted != level && self.engine.set_level(wanted).is_ok() {
                level = wanted;
            }
            self.counters.batches.fetch_add(1, Ordering::Relaxed);
            self.counters.calls.fetch_add(count, Ordering::Relaxed);
            self.commit(&mut batch);
        }
        self.engine.end();
    }

    fn commit(&mut self, batch: &mut Vec<Item>) {
        let mut result = self.engine.attempt(batch, Guard::Bare);
        if matches!(result, Ok(false)) {
            self.counters.reruns.fetch_add(1, Ordering::Relaxed);
            result = self.engine.attempt(batch, Guard::Savepoint);
        }
        match result {
            Ok(true) => batch.drain(..).for_each(|item| item.work.answer(Ok(()))),
            // What may have been stored must not be stored again.
            Err(error @ Error::Uncertain(_)) => {
                batch.drain(..).for_each(|item| item.work.answer(Err(error.clone())));
            }
            Ok(false) | Err(_) if batch.len() > 1 => {
                // The transaction itself broke (full disk, I/O error, no memory). One of them may be too large for
                // what is left, and the others must not suffer for it.
                self.counters.reruns.fetch_add(1, Ordering::Relaxed);
                for item in batch.drain(..) {
                    self.commit(&mut vec![item]);
                }
            }
            Ok(false) => batch.drain(..).for_each(|item| item.work.answer(Err(Error::Broken))),
            Err(error) => batch.drain(..).for_each(|item| item.work.answer(Err(error.clone()))),
        }
    }
}
