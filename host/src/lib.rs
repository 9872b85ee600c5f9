//! The connector host: keeps a company's records in step with outside systems.
//!
//! Rooms and the one direction of imports between them: `docs/architecture.md`, whose layer table a test reads.

pub mod api;
pub mod app;
pub mod backend;
pub mod base;
pub mod cli;
pub mod egress;
pub mod model;
pub mod operation;
pub mod plugin;
pub mod queue;
pub mod record;
pub mod schedule;
pub mod security;
pub mod storage;
pub mod sync;
