//! Backends: configured connections to outside systems, each with its settings, secrets, epoch, grant and instance.
//!
//! Everything that makes work under way stale (settings, a secret, disabling) raises the epoch, which every write of a
//! sync compares. A secret goes in and is never shown again. This room imports and exports no records.

mod business;
mod change;
mod compose;
mod connection;
mod entry;
mod error;
mod extension;
mod gate;
mod opened;
mod registry;
mod schema;
mod way;

pub use business::{Business, Conflict, Export, KindPolicy, LocalDeletion, MissingRemotely, RemoteDeletion};
pub use change::{Change, New};
pub use connection::Checked;
pub use entry::{Backend, Connection, SecretState, Shown, Status};
pub use error::{CODES, Error};
pub use extension::Extension;
pub use gate::check_epoch;
pub use opened::{Opened, Serves};
pub use registry::{Backends, Parts};
