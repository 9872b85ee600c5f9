//! Sync: brings records of outside systems in and keeps them in step.
//!
//! The template method is the host's (this room), the steps are the connector's: list → slice, hash, skip → prepare →
//! resolve → **`apply`**, the one write path. A page is one transaction; what can't be written is kept with its payload.
//! It calls connectors only through `plugin`, writes only through the rooms below, and checks nobody's access.

pub mod account;
pub mod apply;
mod begin;
mod blame;
pub mod conflict;
pub mod digest;
pub mod engine;
pub mod error;
pub mod export;
mod extend;
mod external;
mod fetch;
mod gone;
pub mod guard;
pub mod handler;
mod line;
mod listen;
pub mod mark;
mod matching;
pub mod merge;
mod order;
mod outcome;
pub mod page;
mod pipeline;
pub mod plan;
mod planner;
mod prepare;
mod preview;
pub mod problem;
pub mod profile;
mod quiet;
mod repair;
mod resolve;
pub mod review;
pub mod session;
mod settle;
pub mod single;
pub mod slice;
pub mod start;
pub mod status;
pub mod step;
mod sweep;
pub mod target;
pub mod task;
pub mod under_way;
pub mod verify;
mod write;
mod write_line;

pub use account::Account;
pub use engine::Engine;
pub use error::{CODES, Error};
