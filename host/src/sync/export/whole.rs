//! Exporters of the connector's own: they do it all, and bind what they create; what they ask to be written is committed
//! with the outcome.

use bindery_contract::op;
use xxhash_rust::xxh3::xxh3_128;

use super::{ours::Ours, outcome::Fate, record::Exported};
use crate::sync::{
    Error,
    engine::Engine,
    session::{self, Asked, Behalf},
    target::Target,
};

impl Engine {
    pub(super) async fn export_whole(&self, target: &Target, behalf: &Behalf, ours: &Ours) -> Result<Exported, Error> {
        let scope = target.session.scope(behalf);
        let request = op::ExportOne {
            kind: target.name().to_owned(),
            record: ours.due.record,
            id: ours.external_id().map(str::to_owned),
            changed: ours.changed(),
            idempotency_key: ours.external_id().is_none().then(|| key(ours)),
        };
        let answer = target.session.call(&scope, op::EXPORT_RECORD, &request, &[]).await?;
        session::header::<op::Done>(op::EXPORT_RECORD, &answer)?;
        let created = request.id.is_none();
        self.end_export(target, behalf, ours, Fate::Whole { created }, Asked::of(&scope).into_iter().collect()).await?;
        Ok(Exported::new(if created { "created" } else { "updated" }))
    }
}

/// The same for all attempts to send what is due: it changes once that has arrived.
fn key(ours: &Ours) -> String {
    let due = &ours.due;
    format!("{:032x}", xxh3_128(format!("{}:{}:{}:{}", due.backend, due.kind, due.record, due.since).as_bytes()))
}
