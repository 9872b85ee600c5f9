//! The use case of verifying: compare a backend's bindings with the outside system, and mend on demand.

use serde::{Deserialize, Serialize};

/// Starts a comparison.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The backend.
    pub backend: String,
    /// Only this kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// Mend what differs.
    #[serde(default)]
    pub repair: bool,
}
