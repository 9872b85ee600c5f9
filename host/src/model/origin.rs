//! Where a change comes from, so that it never travels back there. It says nothing of permissions.

use serde::{Deserialize, Serialize};

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Origin {
    /// The backend whose import made it; absent: a person or an application.
    pub backend: Option<i64>,
    /// Backends the change has passed through, oldest first. It is never sent to one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<i64>,
    /// Who asked: a user, a token, a job.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor: String,
}

impl Origin {
    /// A change that came in from a backend.
    pub fn backend(id: i64) -> Self {
        Self { backend: Some(id), chain: vec![id], actor: String::new() }
    }

    /// A change made here by somebody.
    pub fn local(actor: impl Into<String>) -> Self {
        Self { backend: None, chain: Vec::new(), actor: actor.into() }
    }
}
