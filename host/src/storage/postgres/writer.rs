//! The writer's transactions on PostgreSQL: one connection that owns the database, made anew where it was lost. What became
//! of a commit whose answer was lost is asked of the server, so that nothing is stored twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    super::{
        Durability, Error,
        room::Room,
        sequence::Sequences,
        signal::Signals,
        writer::{Engine, Guard, Item},
    },
    address::Address,
    link::Link,
    tx::PostgresTx,
};

/// How long another owner is waited for: the server notices within that time that a process is gone.
pub(in super::super) const PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks at how large the database is.
const LOOK: Duration = Duration::from_secs(30);

/// PostgreSQL, as the writer sees it.
pub(in super::super) struct PostgresEngine {
    address: Address,
    /// Absent once it was lost.
    link: Option<Link>,
    sequences: Sequences,
    signals: Arc<Signals>,
    room: Arc<Room>,
    level: Durability,
    /// Bytes of the database.
    bytes: Arc<AtomicU64>,
    looked: Option<Instant>,
}

/// What a transaction is known by, to ask for it later.
struct Begun(String);

impl PostgresEngine {
    /// Over a connection that owns the database.
    pub fn new(address: Address, link: Link, signals: Arc<Signals>, room: Arc<Room>, bytes: Arc<AtomicU64>) -> Self {
        let (sequences, level) = (Sequences::default(), Durability::Durable);
        Self { address, link: Some(link), sequences, signals, room, level, bytes, looked: None }
    }

    /// The connection; where it was lost, a new one, and with it the ownership.
    fn connected(&mut self) -> Result<&mut Link, Error> {
        if self.link.as_ref().is_some_and(Link::is_lost) {
            self.link = None;
        }
        if self.link.is_none() {
            // Another process may have been the owner meanwhile.
            self.sequences = Sequences::default();
            let mut link = Link::open(&self.address)?;
            link.take_ownership(PATIENCE)?;
            tracing::info!(database = %self.address, "connected again");
            self.link = Some(link);
        }
        self.link.as_mut().ok_or(Error::Closed)
    }

    fn begin(&mut self) -> Result<Begun, Error> {
        let text = match self.level {
            Durability::Durable => "begin; select pg_current_xact_id()::text",
            Durability::Relaxed => "begin; set local synchronous_commit = off; select pg_current_xact_id()::text",
        };
        let begun = match self.connected()?.ask(text) {
            // It was lost while nobody used it: nothing was done in it.
            Err(Error::Unreachable(_)) if self.link.as_ref().is_some_and(Link::is_lost) => self.connected()?.ask(text),
            begun => begun,
        }?;
        begun.map(Begun).ok_or(Error::Broken)
    }

    /// Runs all of them in the transaction that has begun. `Ok(false)`: one of them can only be undone with the others.
    fn run_all(&mut self, batch: &mut [Item], guard: Guard) -> Result<Option<u8>, Error> {
        let link = self.link.as_mut().ok_or(Error::Closed)?;
        let mut tx = PostgresTx::writing(link, &mut self.sequences);
        tx.is_careful = guard == Guard::Savepoint;
        let is_alone = batch.len() == 1;
        for item in batch {
            let (changes, signals) = (tx.changes, tx.signals);
            let mark = tx.sequences().map(|sequences| sequences.mark());
            if guard == Guard::Savepoint {
                tx.link().batch("savepoint one_call")?;
            }
            let succeeded = item.run(&mut tx);
            if succeeded && !tx.is_unusable() {
                tx.make_references()?;
            } else {
                tx.forget_references();
            }
            if !succeeded {
                tx.signals = signals;
            }
            if let (true, Some(error)) = (is_alone, &tx.refused) {
                self.room.refused(error);
            }
            if tx.link().is_lost() {
                return Err(Error::Unreachable("the connection was lost".to_owned()));
            }
            match guard {
                Guard::Bare if tx.is_unusable() || (!succeeded && tx.changes != changes) => return Ok(None),
                Guard::Bare => {}
                Guard::Savepoint if succeeded => tx.link().batch("release one_call")?,
                Guard::Savepoint => {
                    tx.link().batch("rollback to one_call; release one_call")?;
                    if let (Some(sequences), Some(mark)) = (tx.sequences(), mark) {
                        sequences.go_back(mark);
                    }
                }
            }
        }
        Ok(Some(tx.signals))
    }

    /// What became of a commit that was not answered. The new connection owns the database only once the old one has ended.
    fn find_out(&mut self, begun: &Begun, error: Error) -> Result<(), Error> {
        let text = format!("select pg_xact_status('{}'::xid8)", begun.0);
        match self.connected().and_then(|link| link.ask(&text)).as_ref().map(Option::as_deref) {
            Ok(Some("committed")) => Ok(()),
            Ok(Some("aborted")) => Err(error),
            _ => Err(Error::Uncertain(error.to_string())),
        }
    }

    fn look_at_size(&mut self) {
        if self.looked.is_some_and(|before| before.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        let found = self.link.as_mut().and_then(|link| link.ask("select pg_database_size(current_database())").ok());
        if let Some(bytes) = found.flatten().and_then(|text| text.parse().ok()) {
            self.bytes.store(bytes, Ordering::Relaxed);
        }
    }

    fn undo(&mut self) {
        if let Some(link) = &mut self.link
            && link.batch("rollback").is_err()
        {
            // It is made anew for the next one.
            self.link = None;
        }
    }
}

impl Engine for PostgresEngine {
    fn set_level(&mut self, level: Durability) -> Result<(), Error> {
        self.level = level;
        Ok(())
    }

    fn attempt(&mut self, batch: &mut [Item], guard: Guard) -> Result<bool, Error> {
        let begun = self.begin()?;
        let mark = self.sequences.mark();
        let signals = match self.run_all(batch, guard) {
            Ok(Some(signals)) => signals,
            outcome => {
                self.undo();
                self.sequences.go_back(mark);
                return outcome.map(|_| false);
            }
        };
        let committed = match self.link.as_mut().ok_or(Error::Closed)?.batch("commit") {
            Err(error @ Error::Unreachable(_)) => self.find_out(&begun, error),
            committed => committed,
        };
        if let Err(error) = committed {
            if matches!(error, Error::DiskFull(_) | Error::NotWritten(_)) && batch.len() == 1 {
                self.room.refused(&error);
            }
            self.undo();
            self.sequences.go_back(mark);
            return Err(error);
        }
        self.room.committed();
        self.signals.send(signals);
        self.look_at_size();
        Ok(true)
    }

    /// The server prepares its own log.
    fn warm_up(&mut self, _: u64) -> u64 {
        0
    }

    fn end(&mut self) {
        let Some(link) = &mut self.link else { return };
        if let Err(error) = self.sequences.give_back(link) {
            tracing::debug!(%error, "ids that were reserved are left out");
        }
    }
}
