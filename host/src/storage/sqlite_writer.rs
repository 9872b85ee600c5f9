//! The writer's transactions on SQLite: guards by savepoint, ids, the log's size. When they are made is the writer's
//! business.

use std::{cell::RefCell, path::PathBuf, sync::Arc, time::Duration};

use rusqlite::Connection;

use super::{
    Durability, Error,
    checkpoint::Checkpoint,
    room::Room,
    sequence::Sequences,
    signal::Signals,
    sqlite::{BUSY_TIMEOUT, Changes, SqliteTx},
    writer::{Engine, Guard, Item},
};

/// SQLite, as the writer sees it.
pub(super) struct SqliteEngine {
    pub connection: Connection,
    pub sequences: RefCell<Sequences>,
    pub signals: Arc<Signals>,
    pub checkpoint: Arc<Checkpoint>,
    pub room: Arc<Room>,
    pub log_file: PathBuf,
}

impl Engine for SqliteEngine {
    /// Inside a transaction SQLite refuses to change the level, so this comes before `begin`.
    fn set_level(&mut self, level: Durability) -> Result<(), Error> {
        let text = match level {
            Durability::Durable => "pragma synchronous=full",
            Durability::Relaxed => "pragma synchronous=normal",
        };
        Ok(self.connection.execute_batch(text)?)
    }

    fn attempt(&mut self, batch: &mut [Item], guard: Guard) -> Result<bool, Error> {
        if self.checkpoint.take_restart() {
            self.restart_log();
        }
        let mark = self.sequences.borrow().mark();
        let result = self.run_batch(batch, guard);
        if !self.connection.is_autocommit() {
            // After a failed commit, or a member that failed halfway.
            let undone = self.connection.execute_batch("rollback");
            if let (Err(error), true) = (&undone, !self.connection.is_autocommit()) {
                tracing::error!(%error, "a transaction can be neither committed nor undone");
            }
        }
        if !matches!(result, Ok(true)) {
            self.sequences.borrow_mut().go_back(mark);
        }
        result
    }

    /// Writing into blocks that the log file has already is about twice as fast as making it grow. What lies behind
    /// the log's end is ignored by SQLite, whose frames carry checksums; only this thread writes to the log.
    fn warm_up(&mut self, bytes: u64) -> u64 {
        if !self.room.has_plenty(bytes) {
            tracing::debug!("the log file was not prepared, since little room is left; it grows as it is written");
            return 0;
        }
        let grow = || -> std::io::Result<u64> {
            use std::io::{Seek, SeekFrom, Write};
            let mut file = std::fs::OpenOptions::new().write(true).open(&self.log_file)?;
            let end = file.seek(SeekFrom::End(0))?;
            let chunk = vec![0_u8; 1 << 20];
            let step = bytes.saturating_sub(end).min(chunk.len() as u64);
            file.write_all(&chunk[..usize::try_from(step).unwrap_or(0)])?;
            if end + step >= bytes {
                return file.sync_all().map(|()| 0);
            }
            // The rest when nobody waits.
            Ok(bytes)
        };
        grow().unwrap_or_else(|error| {
            tracing::debug!(%error, "the log file was not prepared; it grows as it is written");
            0
        })
    }

    fn end(&mut self) {
        if let Err(error) = self.sequences.borrow_mut().give_back(&mut &self.connection) {
            tracing::debug!(%error, "ids that were reserved are left out");
        }
    }
}

impl SqliteEngine {
    fn run_batch(&self, batch: &mut [Item], guard: Guard) -> Result<bool, Error> {
        let sql = |text: &str| -> Result<(), Error> {
            self.connection.prepare_cached(text)?.execute([])?;
            Ok(())
        };
        sql("begin immediate")?;
        let mut tx = SqliteTx::writing(&self.connection, &self.sequences);
        for at in 0..batch.len() {
            let item = &mut batch[at];
            let before = Changes::of(&tx);
            let mark = (guard == Guard::Savepoint).then(|| self.sequences.borrow().mark());
            if guard == Guard::Savepoint {
                sql("savepoint one_call")?;
            }
            let signals = tx.signals;
            let succeeded = item.run(&mut tx);
            if !succeeded {
                tx.forget_gathered();
                tx.signals = signals;
            }
            // SQLite itself ends the transaction on a full disk, an I/O error or lack of memory.
            if self.connection.is_autocommit() {
                self.note_refusal(batch, tx.refused.as_ref());
                return Ok(false);
            }
            // What it has logged is written before the next one begins, so that each can be undone by itself.
            let logged = tx.write_gathered();
            self.note_refusal(batch, logged.as_ref().err());
            logged?;
            match guard {
                Guard::Bare if !succeeded && Changes::of(&tx) != before => return Ok(false),
                Guard::Bare => {}
                Guard::Savepoint => {
                    if !succeeded {
                        sql("rollback to one_call")?;
                        mark.into_iter().for_each(|mark| self.sequences.borrow_mut().go_back(mark));
                    }
                    sql("release one_call")?;
                }
            }
        }
        let committed = sql("commit");
        self.note_refusal(batch, committed.as_ref().err());
        committed?;
        self.room.committed();
        self.signals.send(tx.signals);
        self.checkpoint.note_commit();
        Ok(true)
    }

    /// A refusal is one where there is no room for a closure by itself.
    fn note_refusal(&self, batch: &[Item], error: Option<&Error>) {
        if let ([_], Some(error @ (Error::DiskFull(_) | Error::NotWritten(_)))) = (batch, error) {
            self.room.refused(error);
        }
    }

    fn restart_log(&self) {
        // A reader that stands in the way must not hold up the writer: then it is for another time.
        let _ = self.connection.busy_timeout(Duration::ZERO);
        let _ = self.connection.query_row("pragma wal_checkpoint(restart)", [], |_| Ok(()));
        let _ = self.connection.busy_timeout(BUSY_TIMEOUT);
    }
}
