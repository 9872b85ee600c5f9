//! Whether there is room to write: how much the file system has left, and whether it has refused a write lately. It only
//! looks; what a refusal means for a job is the queue's business.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Error;

/// A refusal is news for so long, though small writes may go through while larger ones find no room. Jobs that met it try
/// again more often than that, so that it stays news while it is true.
const NEWS: Duration = Duration::from_secs(30);
/// The log is laid out only where so many times its size is free.
const PLENTY: u64 = 10;

/// What is known about the room that there is.
pub(super) struct Room {
    /// Absent where the database lies on a server, which alone knows.
    directory: Option<PathBuf>,
    refused: Mutex<Option<Refused>>,
}

struct Refused {
    error: Error,
    at: Instant,
}

impl Room {
    /// Of the file system that a database lies on.
    pub fn of(database: &Path) -> Self {
        let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self { directory: Some(directory.unwrap_or(Path::new(".")).to_owned()), refused: Mutex::default() }
    }

    /// Of a server.
    pub fn elsewhere() -> Self {
        Self { directory: None, refused: Mutex::default() }
    }

    /// Bytes that this process may still use, where the file system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(self.directory.as_ref()?).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Whether so many bytes can be taken in advance without making room scarce.
    pub fn has_plenty(&self, bytes: u64) -> bool {
        self.free_bytes().is_none_or(|free| is_plenty(bytes, free))
    }

    /// The file system has refused a write.
    pub fn refused(&self, error: &Error) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_none() {
            tracing::error!(%error, "nothing can be stored; jobs wait and go on by themselves");
        }
        *refused = Some(Refused { error: error.clone(), at: Instant::now() });
    }

    /// A write went through.
    pub fn committed(&self) {
        self.committed_at(Instant::now());
    }

    fn committed_at(&self, now: Instant) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.as_ref().is_some_and(|before| now.duration_since(before.at) > NEWS) {
            *refused = None;
            tracing::info!("there is room again");
        }
    }

    /// Why writes are refused; absent: they are not.
    pub fn refusal(&self) -> Option<Error> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|refused| refused.error.clone())
    }
}

fn is_plenty(bytes: u64, free: u64) -> bool {
    free / PLENTY >= bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_in_advance_only_where_there_is_plenty() {
        assert!(is_plenty(64 << 20, 640 << 20));
        assert!(!is_plenty(64 << 20, (640 << 20) - 1));
        assert!(!is_plenty(1, 0));
    }

    #[test]
    fn a_refusal_is_over_when_writes_go_through_and_it_is_no_news_any_more() {
        let room = Room::of(Path::new("bindery.db"));
        assert!(room.free_bytes().is_some_and(|free| free > 0), "the directory of this test has some");
        let full = Error::DiskFull("no room".to_owned());
        room.refused(&full);
        room.committed();
        assert!(room.refusal().is_some(), "one write says little");
        room.committed_at(Instant::now() + NEWS * 2);
        assert!(room.refusal().is_none());
    }
}
