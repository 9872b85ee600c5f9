//! A backend's way out, as its calls have it: the host's egress under the backend's own grant.

use std::sync::Arc;

use bindery_contract::http::Request;

use crate::{
    egress::{Egress, Grant},
    plugin,
};

pub(super) struct Way {
    pub(super) egress: Egress,
    pub(super) grant: Arc<Grant>,
    /// For requests that say nothing.
    pub(super) timeout_ms: Option<u64>,
}

impl plugin::Egress for Way {
    fn send<'a>(&'a self, request: &'a Request, segments: &'a [&'a [u8]]) -> plugin::services::http::Sending<'a> {
        Box::pin(async move {
            let limited = match (request.timeout_ms, self.timeout_ms) {
                (None, Some(_)) => Some(Request { timeout_ms: self.timeout_ms, ..request.clone() }),
                _ => None,
            };
            let request = limited.as_ref().unwrap_or(request);
            let (response, body) = self.egress.send(&self.grant, request, segments).await?;
            Ok(plugin::Answered { status: response.status, headers: response.headers, body })
        })
    }
}
