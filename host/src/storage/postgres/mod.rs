//! The PostgreSQL engine: the same closures and the same statements, in a database of a server.
//!
//! One writer holds the database by a lock of its session, which ends with it; readers have connections of their own. The
//! client blocks, so that each connection lives on a thread of its own, and never on one of the runtime's.

pub(super) mod dialect;
pub(super) mod link;
pub(super) mod reader;
pub(super) mod schema;
pub(super) mod writer;

mod address;
mod fault;
mod tx;
mod value;

pub use address::Address;
