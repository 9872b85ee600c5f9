//! `bindery verify`: compare a backend's bindings with the outside system.

use clap::Args;
use serde_json::json;

use super::{Done, progress, session::Session};
use crate::operation::sync::Started;

/// `bindery verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The backend.
    backend: String,
    /// Only this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Mend what differs: sync what changed or is missing, mark what is gone.
    #[arg(long)]
    repair: bool,
}

impl Verify {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let request = json!({ "backend": self.backend, "kind": self.kind, "repair": self.repair });
        let started: Started = session.get("verify.start", &request).await?;
        let standing = progress::follow(session, &started.ids()).await?;
        progress::conclude(session, &standing)
    }
}
