//! The use case of verifying: compare a backend's bindings with the outside system, and mend on demand.

use serde::{Deserialize, Serialize};

use super::{
    Caller, Host,
    sync::{Standing, Started, started},
};
use crate::{base::Fault, sync::task::VerifyBackend};

/// Starts a comparison.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The backend.
    pub backend: String,
    /// Only this kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// How what differs is mended: `both`, `theirs` or `ours`; absent: it is only listed.
    #[serde(default)]
    pub repair: Option<Repair>,
}

pub use crate::sync::{task::Repair, verify::Comparison};

impl Standing {
    /// What the jobs of a comparison have found, kind by kind.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.results("kinds")
    }
}

pub(super) async fn start(host: &Host, _: &Caller, request: Start) -> Result<Started, Fault> {
    let backend = host.backend_id(&request.backend)?;
    let asked = VerifyBackend { backend, kinds: request.kind.into_iter().collect(), repair: request.repair };
    let begun = host.sync.start_verify(&asked).await?;
    started(host, request.backend, begun).await
}
