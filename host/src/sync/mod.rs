//! Sync: brings records of outside systems in and keeps them in step.
//!
//! The template method is the host's (this room), the steps are the connector's: list → slice, hash, skip → prepare →
//! resolve → **`apply`**, the one write path. A page is one transaction; what can't be written is kept with its payload.
//! It calls connectors only through `plugin`, writes only through the rooms below, and checks nobody's access.

pub mod account;
pub mod digest;
pub mod error;
pub mod guard;
pub mod mark;
pub mod page;
pub mod slice;

pub use account::Account;
pub use error::{CODES, Error};
