//! The store: the only room that knows SQL. Closures over a small transaction handle, one writer, many readers.
//!
//! Statements are written once in a portable subset (see [`Statement`]). Other rooms call functions of this room's
//! files (`job`, `record`, `binding`, …) inside a closure given to [`Store::write`] or [`Store::read`]; they never
//! see a connection. No plugin code ever runs inside a closure.

pub mod agreed;
pub mod audit;
pub mod backend;
pub mod binding;
pub mod binding_lookup;
pub mod bounce;
pub mod catalogue;
pub mod condition;
pub mod conflict;
#[cfg(test)]
pub mod conformance;
pub mod cursor;
pub mod error;
pub mod export;
pub mod export_left;
pub mod export_pause;
pub mod intent;
pub mod job;
pub mod job_channel;
pub mod job_claim;
pub mod job_graph;
pub mod job_retention;
pub mod job_view;
pub mod kv;
pub mod lock;
pub mod migrate;
pub mod outbox;
pub mod plugin;
pub mod postgres;
pub mod quarantine;
pub mod record;
pub mod review;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod statement;
pub mod store;
pub mod text;
pub mod tx;
pub mod under_way;

mod checkpoint;
mod gathered;
mod reader;
mod room;
mod sequence;
mod signal;
mod sqlite;
mod sqlite_writer;
mod writer;

pub use error::{CODES, Error};
pub use postgres::Address;
pub use signal::Signal;
pub use statement::Statement;
pub use store::{Durability, Options, Place, Statistics, Store};
pub use tx::{Param, Row, Tx};
pub use writer::BULK_WEIGHT;
