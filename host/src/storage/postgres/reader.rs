//! Readers on PostgreSQL: a few threads, each with a connection of its own, made when it is first needed. A read sees one
//! snapshot, can't write, and has a time limit.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    super::{Error, Tx},
    address::Address,
    link::Link,
    tx::PostgresTx,
};

type Work = Box<dyn FnOnce(Result<(&mut Link, Instant), Error>) + Send>;

struct Read {
    limit: Duration,
    work: Work,
}

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    is_closed: bool,
}

/// The threads' queue.
pub(in super::super) struct Readers {
    address: Address,
    limit: Duration,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Readers {
    /// For an address; each thread runs [`Readers::run`].
    pub fn new(address: Address, limit: Duration) -> Self {
        Self { address, limit, waiting: Mutex::default(), wake: Condvar::new() }
    }

    /// Runs a closure over one snapshot.
    pub async fn read<T, E>(
        &self,
        limit: Option<Duration>,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (to, from) = oneshot::channel();
        let run = move |begun: Result<(&mut Link, Instant), Error>| {
            let result = begun.map_err(E::from).and_then(|(link, until)| {
                let mut tx = PostgresTx::reading(link, until);
                let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
                result.unwrap_or_else(|_| Err(Error::Panicked.into()))
            });
            // A caller that has gone away does not want to know.
            let _ = to.send(result);
        };
        self.leave(Read { limit: limit.unwrap_or(self.limit), work: Box::new(run) });
        from.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    fn leave(&self, read: Read) {
        let mut waiting = self.lock();
        // Where it is closed, the caller sees that the sender is gone.
        if !waiting.is_closed {
            waiting.reads.push_back(read);
            drop(waiting);
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Read> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(read) = waiting.reads.pop_front() {
                return Some(read);
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A thread: works until closed.
    pub fn run(self: Arc<Self>) {
        let mut link = None;
        while let Some(Read { limit, work }) = self.take() {
            let until = Instant::now() + limit;
            match self.begin(&mut link, limit) {
                Ok(()) => {
                    let Some(open) = &mut link else { continue };
                    work(Ok((open, until)));
                    if open.batch("rollback").is_err() {
                        link = None;
                    }
                }
                Err(error) => work(Err(error)),
            }
        }
    }

    /// Begins a snapshot, on a new connection where the one before was lost.
    fn begin(&self, link: &mut Option<Link>, limit: Duration) -> Result<(), Error> {
        let text = format!(
            "begin isolation level repeatable read read only; set local statement_timeout = {}",
            limit.as_millis().max(1)
        );
        if let Some(open) = link {
            match open.batch(&text) {
                Ok(()) => return Ok(()),
                Err(error) if !open.is_lost() => return Err(error),
                Err(_) => *link = None,
            }
        }
        let mut open = Link::open(&self.address)?;
        open.batch(&text)?;
        *link = Some(open);
        Ok(())
    }

    /// Lets the threads end. Reads that still wait are not done.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.reads.clear();
        drop(waiting);
        self.wake.notify_all();
    }
}
