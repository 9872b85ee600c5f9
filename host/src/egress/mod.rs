//! Outgoing HTTP: the one client of the host, through which every connector calls its outside system.
//!
//! It owns the pool, the rate budget of each backend, retries, caps, the check of hosts and addresses, redirects and
//! redaction. It never decides which hosts a backend may call (that is the [`Grant`], made by `backend`), never reads
//! the environment, and never logs a secret.

mod address;
mod answer;
mod budget;
mod client;
mod counter;
mod exchange;
mod failure;
mod grant;
mod limit_header;
mod redirect;
mod request;

pub use budget::Budget;
pub use client::{Egress, NotStarted, Options, Pause};
pub use counter::Counters;
pub use grant::{BadHost, Grant};
