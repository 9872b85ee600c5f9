//! The use cases: what can be asked of a host, by whom, and what is answered. Faces call them by name and add nothing;
//! here is the only access check, and every change leaves a line in the audit log. No SQL, no transport, no text for
//! people beyond errors.

mod access;
pub mod audit;
pub mod backend;
pub mod binding;
pub mod channel;
pub mod conflict;
pub mod cursor;
pub mod error;
pub mod export;
mod host;
pub mod job;
pub mod link;
pub mod plugin;
pub mod record;
pub mod review;
pub mod schedule;
pub mod status;
pub mod sync;
mod table;
pub mod verify;
pub mod wire;

pub use access::{Caller, Subject};
pub use error::{CODES, Error};
pub use host::{Host, Own, Work};
pub use table::{OPERATIONS, Operation, call};
