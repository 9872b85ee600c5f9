//! The queue: durable jobs, each started by one worker at a time, tried again while that helps, never lost.
//!
//! States and transitions: `docs/job-states.md`. Other rooms call the functions of this room inside their own
//! transactions ([`enqueue`], [`check_fence`], [`finish`]); `app` registers handlers and the gate with a [`Runner`].
//! It knows no job kind, no plugin, no backend beyond its number, and it runs no handler inside a transaction.

pub mod bulk;
pub mod cancel;
pub mod channel;
pub mod control;
pub mod error;
pub mod handler;
pub mod retention;
pub mod runner;
pub mod trial;

mod attempt;
mod claim;
mod completion;
mod dispatch;
mod enqueue;
mod finish;
mod graph;
mod retry;
mod slot;

pub use cancel::{Cancel, CancelReason};
pub use enqueue::enqueue;
pub use error::{CODES, Error};
pub use finish::{Finished, check_fence, finish, log, moved_on, progress};
pub use handler::{Gate, Handler, Handlers, OpenGate, Outcome, ProgressHandle, Running, Verdict};
pub use retention::Retention;
pub use runner::{Options, Runner};
