//! The circumstances of a write: when, and on whose behalf.

use crate::{base::Timestamp, model::Origin};

/// When and why something is written. Made outside the closure, since a closure may run twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The moment.
    pub now: Timestamp,
    /// Who makes it, and which backends it has passed through.
    pub origin: Origin,
    /// Whether fields that only connectors may write can be written.
    pub by_connector: bool,
}

impl Change {
    /// A change that came in from a backend.
    pub fn from_backend(backend: i64, now: Timestamp) -> Self {
        Self { now, origin: Origin::backend(backend), by_connector: true }
    }

    /// A change made here by somebody.
    pub fn local(actor: impl Into<String>, now: Timestamp) -> Self {
        Self { now, origin: Origin::local(actor), by_connector: false }
    }
}
