//! The data directory's door: whose it is, and who works in it now. One process at a time, told by a lock that the
//! kernel gives back however the process ends.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use super::Error;
use crate::base::config::DataDir;

/// The data directory's lock; given back when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Makes the directory where it is missing and takes its lock. `what` tells others who holds it.
    pub fn take(data: &DataDir, what: &str) -> Result<Self, Error> {
        prepare(data.path())?;
        let path = data.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|reason| Error::Directory { path: data.path().to_owned(), reason })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Without the text the message is only shorter.
                let _ = file.read_to_string(&mut holder);
                return Err(Error::InUse { path: data.path().to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(reason)) => {
                return Err(Error::Directory { path: data.path().to_owned(), reason });
            }
        }
        let mut lock = Self { file };
        // A full disk must not keep anybody from looking at what is there.
        let _ = lock.sign(what);
        Ok(lock)
    }

    fn sign(&mut self, what: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "process {} ({what})", std::process::id())
    }
}

/// Makes the directory, for its owner only; refuses one that belongs to somebody else, since files made in it by us
/// would be closed to them.
fn prepare(path: &Path) -> Result<(), Error> {
    let cannot = |reason| Error::Directory { path: path.to_owned(), reason };
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot)?;
    }
    let owner = path.metadata().map_err(cannot)?.uid();
    let own = effective_user().map_err(cannot)?;
    if owner != own {
        return Err(Error::ForeignOwner { path: path.to_owned(), owner, own });
    }
    Ok(())
}

/// Whose process this is. The kernel shows it as the owner of the process's own directory.
pub(super) fn effective_user() -> std::io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_is_there() {
        let root = tempfile::tempdir().expect("a directory");
        let data = DataDir::new(root.path().join("a/b"));
        let first = Lock::take(&data, "host").expect("free");
        match Lock::take(&data, "command") {
            Err(Error::InUse { holder, .. }) => {
                assert_eq!(holder, format!("process {} (host)", std::process::id()));
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
        drop(first);
        Lock::take(&data, "command").expect("free again");
    }
}
