//! What is due of a kind, gathered: one job sends all of it, many records in one request, until nothing is left that no
//! failed attempt has put off.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::{batch::Done, kind::Report};
use crate::{
    queue::{Outcome, Running},
    storage::export,
    sync::{
        Error,
        engine::Engine,
        handler::{payload, stopped},
        session::Behalf,
        target::Target,
        task::ExportDue,
    },
};

/// Lots that are under way at once, each sent in one request.
const REQUESTS: usize = 3;
/// The same of lots that have several requests of one record under way.
const LOTS: usize = 2;
/// The same of records that go alone.
const ALONE: usize = 8;
/// Records read at a time.
const PAGE: u64 = 2_000;

impl Engine {
    pub(in crate::sync) async fn run_export_due(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ExportDue = payload(job)?;
        let session = self.session(asked.backend).await?;
        let target = self.target(&session, &asked.kind)?;
        let behalf = Behalf::from(job);
        let mut report = Report { kind: asked.kind, ..Report::default() };
        let (mut after, mut found) = (0, false);
        loop {
            let records = self.ready(&target, after).await?;
            match records.last() {
                Some(last) => (after, found) = (*last, true),
                // What came meanwhile is taken along.
                None if found => (after, found) = (0, false),
                None => return Ok(Outcome::Done(json!(report))),
            }
            self.export_batches(&target, &records, &behalf, &mut |done| {
                report.take(&done);
                report.show(&behalf, None);
            })
            .await?;
        }
    }

    /// Exports records in lots, several at once, and tells of each. The first error that concerns more than a record ends it,
    /// once what is under way has come to its end.
    pub(super) async fn export_batches(
        &self,
        target: &Target,
        records: &[i64],
        behalf: &Behalf,
        tell: &mut (dyn FnMut(Done) + Send),
    ) -> Result<(), Error> {
        let (is_over, mut failed) = (&AtomicBool::new(false), None);
        let at_once = match (target.lot(), target.batch()) {
            (1, _) => ALONE,
            (_, 1) => LOTS,
            _ => REQUESTS,
        };
        let batches = stream::iter(records.chunks(target.lot()).map(<[i64]>::to_vec).collect::<Vec<_>>())
            .map(|records| async move {
                if is_over.load(Ordering::Relaxed) {
                    return (Done::new(), None);
                }
                if behalf.cancel.is_cancelled() {
                    return (Done::new(), Some(stopped(&behalf.cancel)));
                }
                self.export_batch(target, &records, behalf).await
            })
            .buffer_unordered(at_once);
        let mut batches = std::pin::pin!(batches);
        while let Some((done, error)) = batches.next().await {
            tell(done);
            if error.is_some() {
                is_over.store(true, Ordering::Relaxed);
                failed = failed.or(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The next records of which something is due.
    async fn ready(&self, target: &Target, after: i64) -> Result<Vec<i64>, Error> {
        let target = target.clone();
        self.store
            .read(move |tx| -> Result<_, Error> { Ok(export::records_ready(tx, &target.among(after, PAGE))?) })
            .await
    }
}
