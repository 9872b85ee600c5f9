//! The test of a connection: asked of the connector, its outcome kept on the backend. It changes no settings.

use std::time::Duration;

use bindery_contract::{Frame, op};
use serde::Serialize;

use super::{Backend, Backends, Error, Status, opened::scope};
use crate::storage::{self, Durability};

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What answered.
    pub message: String,
    /// More, by name.
    pub details: Vec<(String, String)>,
}

impl Backends {
    /// Tests a backend's connection, enabled or not, and keeps what came of it.
    pub async fn test_connection(&self, name: &str) -> Result<Checked, Error> {
        let backend = self.by_name(name)?;
        let result = self.check(&backend).await;
        let (status, message) = match &result {
            Ok(checked) => (Status::Ok, checked.message.clone()),
            Err(error) => (Status::Failed, error.to_string()),
        };
        let (id, now) = (backend.id, self.parts.clock.now());
        let keep = move |tx: &mut dyn storage::Tx| storage::backend::checked(tx, id, status.as_str(), &message, now);
        self.parts.store.write(Durability::Durable, keep).await?;
        self.reload().await?;
        result
    }

    async fn check(&self, backend: &std::sync::Arc<Backend>) -> Result<Checked, Error> {
        let opened = self.open_connector(backend.clone()).await?;
        let mut context = opened.context();
        context.deadline = LIMIT;
        let answer = match Frame::encode(&op::TestConnection {}, &[]) {
            Ok(payload) => opened.call(scope(context), op::TEST_CONNECTION, payload).await,
            Err(error) => Err(error),
        };
        let report = answer.and_then(|bytes| Frame::decode(&bytes)?.header::<op::Report>());
        let report = report.map_err(|error| Error::Connection {
            name: backend.name.clone(),
            class: error.class,
            after: error.detail.after_ms.map(Duration::from_millis),
            cure: error.detail.cure.clone(),
            message: error.to_string(),
        })?;
        let clean = |text: &str| opened.grant.redact(text).into_owned();
        Ok(Checked {
            message: if report.message.is_empty() { "connected".to_owned() } else { clean(&report.message) },
            details: report.details.iter().map(|(name, value)| (clean(name), clean(value))).collect(),
        })
    }
}
