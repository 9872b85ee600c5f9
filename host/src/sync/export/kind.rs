//! The export of many records of a kind at once: because somebody asked, or as the second half of a step. Every record is
//! accounted for.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::{
    due::{self, Wanted},
    mark::Next,
    record::Exported,
    select::Choice,
};
use crate::{
    queue::{Outcome, Running},
    storage::{Durability, intent},
    sync::{
        Account, Error,
        engine::Engine,
        guard::Chain,
        handler::{payload, stopped},
        problem::Problem,
        session::{Behalf, Session},
        single::ends_run,
        target::Target,
        task::ExportKind,
    },
};

/// Records that are sent at once.
const AT_ONCE: usize = 8;
/// Records that become due in one transaction.
const CHUNK: usize = 200;
/// Problems that a result lists; the rest is on the bindings.
const LISTED: usize = 20;

/// What is exported of a kind, and how.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which records.
    pub choice: Choice,
    /// Even what is as it was sent last.
    pub force: bool,
    /// Creates whose fate is unknown are sent again.
    pub resend: bool,
}

/// What an export of a kind came to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    /// The kind.
    pub kind: String,
    /// What became of the records, counted.
    pub account: Account,
    /// The same as whoever has pressed a button wants it.
    pub counts: Counts,
    /// Records that could not be exported, and why; up to a bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<(i64, Problem)>,
}

/// Counts of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Records that were sent.
    pub exported: i64,
    /// Of these: made there.
    pub created: i64,
    /// Records that needed no send, or were left out.
    pub skipped: i64,
    /// Records that could not be sent.
    pub errors: i64,
}

impl Report {
    /// Counts what became of a record.
    pub(super) fn take(&mut self, record: i64, exported: &Exported) {
        let (account, counts) = (&mut self.account, &mut self.counts);
        account.offered += 1;
        if let Some(problem) = &exported.problem {
            account.failed += 1;
            counts.errors += 1;
            if self.problems.len() < LISTED {
                self.problems.push((record, problem.clone()));
            }
            return;
        }
        match exported.action {
            "created" => account.created += 1,
            "updated" => account.updated += 1,
            "skipped" | "unbound" => account.skipped += 1,
            _ => account.unchanged += 1,
        }
        counts.created = account.created;
        counts.exported = account.created + account.updated;
        counts.skipped = account.skipped + account.unchanged;
    }
}

impl Engine {
    pub(in crate::sync) async fn run_export_kind(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ExportKind = payload(job)?;
        let session = self.session(asked.backend).await?;
        let behalf = Behalf { is_plan: asked.plan, ..Behalf::from(job) };
        let choice = match (asked.ids.is_empty(), asked.domain) {
            (false, _) => Choice::Ids(asked.ids),
            (true, Some(domain)) => Choice::Domain(domain),
            (true, None) => Choice::Differing,
        };
        if asked.plan {
            let target = self.target(&session, &asked.kind)?;
            let shown = self.preview_export(&target, &choice, &behalf).await?;
            return Ok(Outcome::Done(json!({ "plan": [shown] })));
        }
        let wish = Wish { choice, force: asked.force, resend: asked.resend };
        let report = self.export_kind(&session, &asked.kind, &wish, &behalf).await?;
        Ok(Outcome::Done(json!(report)))
    }

    /// Exports the chosen records of a kind.
    pub(in crate::sync) async fn export_kind(
        &self,
        session: &Arc<Session>,
        kind: &str,
        wish: &Wish,
        behalf: &Behalf,
    ) -> Result<Report, Error> {
        let target = self.target(session, kind)?;
        if !target.declared.export {
            return Err(Error::NotExported { kind: kind.to_owned() });
        }
        self.read_changes().await?;
        let chosen = self.chosen(&target, &wish.choice).await?;
        let mut report = Report { kind: kind.to_owned(), ..Report::default() };
        let total = i64::try_from(chosen.len()).ok();
        for chunk in chosen.chunks(CHUNK) {
            self.make_due(&target, chunk, wish).await?;
            if target.batch() > 1 {
                self.export_batches(&target, chunk, behalf, &mut |done| {
                    done.iter().for_each(|(record, exported)| report.take(*record, exported));
                    if let Some(progress) = &behalf.progress {
                        progress.set(report.account.offered, total, format!("{kind}: {}", report.account));
                    }
                })
                .await?;
                continue;
            }
            let (target, chain) = (&target, &Chain::default());
            let exports = stream::iter(chunk.iter().copied())
                .map(|record| async move { (record, self.export_one(target, record, chain, behalf).await) })
                .buffer_unordered(AT_ONCE);
            let mut exports = std::pin::pin!(exports);
            while let Some((record, exported)) = exports.next().await {
                self.count(target, &mut report, record, exported).await?;
                if let Some(progress) = &behalf.progress {
                    progress.set(report.account.offered, total, format!("{kind}: {}", report.account));
                }
                if behalf.cancel.is_cancelled() {
                    return Err(stopped(&behalf.cancel));
                }
            }
        }
        Ok(report)
    }

    async fn count(
        &self,
        target: &Target,
        report: &mut Report,
        record: i64,
        exported: Result<Exported, Error>,
    ) -> Result<(), Error> {
        let exported = match exported {
            Err(error) if ends_run(&error) => return Err(error),
            Err(error) => Exported { problem: Some((&error).into()), ..Exported::default() },
            Ok(exported) => exported,
        };
        if let Some(problem) = &exported.problem {
            self.export_failed(target, record, &problem.message, Next::of(problem)).await?;
        }
        report.take(record, &exported);
        Ok(())
    }

    /// What is chosen becomes due, where it is not yet.
    async fn make_due(&self, target: &Target, records: &[i64], wish: &Wish) -> Result<(), Error> {
        let is_due_already = wish.choice == Choice::Due && !wish.force;
        let (target, records, now) = (target.clone(), records.to_vec(), self.clock.now());
        let (force, resend) = (wish.force, wish.resend);
        self.store
            .write_weighted(Durability::Durable, records.len(), move |tx| -> Result<(), Error> {
                let (backend, kind) = (target.session.backend, target.name());
                for record in &records {
                    if resend {
                        intent::drop_unknown(tx, backend, kind, *record, now.0)?;
                    }
                    if is_due_already && crate::storage::export::due(tx, backend, kind, *record)?.is_some() {
                        continue;
                    }
                    let kind = kind.to_owned();
                    let wanted = Wanted { backend, kind, record: *record, forced: force, ..Wanted::default() };
                    due::fold(tx, wanted, now)?;
                }
                Ok(())
            })
            .await
    }
}
