//! The host's services on a [`crate::Context`]: records, bindings, jobs, stored state.
//!
//! Writes asked here are buffered by the host and committed with the outcome of the job; nothing is held here.

mod binding;
mod job;
mod record;
mod state;

pub use binding::{Binding, Bindings};
pub use job::{Delayed, Enqueued, Task};
pub use record::{Record, Records};
pub(crate) use state::keys;
pub use state::{Cursor, State};
