//! Who owns a data directory: one process at a time, by a lock on a file that ends with the process. The file's
//! text only tells others who it is; the lock itself decides.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::base::{config::DataDir, id};

/// The owner of a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub process: u32,
    /// Random, new at each start: a process id comes back, this does not.
    pub boot: String,
}

/// A held data directory. It is let go when this is dropped, or with the process, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    holder: Holder,
}

impl Lock {
    /// Who we are.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

/// What came of the wish to own a data directory.
#[derive(Debug)]
pub enum Acquired {
    /// It is ours.
    Ours(Lock),
    /// Another process has it; who, where the file says so.
    Held(Option<Holder>),
}

/// Makes the directory where it is missing, and takes it where nobody has it. Never waits.
pub fn acquire(data: &DataDir) -> Result<Acquired, Error> {
    let failed = |error: std::io::Error| Error::NotWritable(format!("{}: {error}", data.lock().display()));
    make_private(data).map_err(failed)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(data.lock()).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Acquired::Held(read(&mut file))),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let holder = Holder { process: std::process::id(), boot: id::random_hex() };
    let text = serde_json::to_string(&holder).map_err(|error| Error::Engine(error.to_string()))?;
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
    Ok(Acquired::Ours(Lock { _file: file, holder }))
}

fn make_private(data: &DataDir) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data.path())
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_directory_is_refused_and_says_by_whom() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let data = DataDir::new(place.path().join("data"));
        let Acquired::Ours(lock) = acquire(&data).expect("a new directory") else { panic!("nobody else has it") };
        let Acquired::Held(holder) = acquire(&data).expect("a held directory") else { panic!("it is held") };
        assert_eq!(holder.as_ref(), Some(lock.holder()));
        drop(lock);
        assert!(matches!(acquire(&data), Ok(Acquired::Ours(_))), "free again");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_clear_error() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = place.path().join("file");
        std::fs::write(&file, "").expect("a file");
        assert!(matches!(acquire(&DataDir::new(file.join("data"))), Err(Error::NotWritable(_))));
    }
}
