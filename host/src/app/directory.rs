//! The data directory's door: whose it is, who works in it now, and where its store is.

use std::os::unix::fs::MetadataExt;

use super::Error;
use crate::{
    base::config::DataDir,
    storage::{
        self, Address, Place,
        lock::{self, Acquired, Lock},
    },
};

/// Where the store is: in the directory, or where its owner says.
pub(super) fn store(data: &DataDir) -> Result<Place, storage::Error> {
    match data.store() {
        None => Ok(Place::File(data.database())),
        Some(address) => Ok(Place::Server(Address::parse(address.expose())?)),
    }
}

/// Takes the data directory, made where it is missing. Refuses one that belongs to somebody else, since files that we
/// make in it would be closed to its owner.
pub(super) fn take(data: &DataDir) -> Result<Lock, Error> {
    if let Ok(there) = data.path().metadata() {
        let own = effective_user().map_err(|reason| Error::Directory { path: data.path().to_owned(), reason })?;
        if there.uid() != own {
            return Err(Error::ForeignOwner { path: data.path().to_owned(), owner: there.uid(), own });
        }
    }
    match lock::acquire(data)? {
        Acquired::Ours(lock) => Ok(lock),
        Acquired::Held(holder) => {
            let holder = holder.map(|holder| format!("process {}", holder.process)).unwrap_or_default();
            Err(Error::InUse { path: data.path().to_owned(), holder })
        }
    }
}

/// Whose process this is. The kernel shows it as the owner of the process's own directory.
pub(super) fn effective_user() -> std::io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
}
