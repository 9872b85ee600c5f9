//! The export of many records of a kind at once: because somebody asked, or as the second half of a step. Every record is
//! accounted for in its run.

use std::sync::Arc;

use serde_json::json;

use super::{
    batch::Done,
    due::{self, Wanted},
    record::Exported,
    run::{Became, Run},
    select::Choice,
};
use crate::{
    queue::{Outcome, Running},
    storage::Durability,
    sync::{
        Account, Error,
        engine::Engine,
        handler::payload,
        problem::Problem,
        session::{Behalf, Session},
        target::Target,
        task::ExportKind,
    },
};

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
    /// Its run, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
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
    /// Records that could not be sent, or wait for a person.
    pub errors: i64,
}

impl From<&Account> for Counts {
    fn from(account: &Account) -> Self {
        Self {
            exported: account.created + account.updated,
            created: account.created,
            skipped: account.skipped + account.unchanged,
            errors: account.failed + account.quarantined,
        }
    }
}

impl Report {
    /// Counts what became of records.
    pub(super) fn take(&mut self, done: &[(i64, Exported)]) {
        for (record, exported) in done {
            exported.became().count(&mut self.account);
            if let Some(problem) = exported.problem.as_ref().filter(|_| self.problems.len() < LISTED) {
                self.problems.push((*record, problem.clone()));
            }
        }
        self.counts = Counts::from(&self.account);
    }

    /// Shows how far it has come.
    pub(super) fn show(&self, behalf: &Behalf, total: Option<i64>) {
        if let Some(progress) = &behalf.progress {
            progress.set(self.account.offered, total, format!("{}: {}", self.kind, self.account));
        }
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

    /// Exports the chosen records of a kind, from where the job's earlier attempt left it.
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
        let run = self.begin_export_run(&target, wish, behalf).await?;
        let counting = run.counting.clone();
        let mut report = Report {
            run: Some(counting.run()),
            kind: kind.to_owned(),
            account: run.account,
            counts: Counts::from(&run.account),
            ..Report::default()
        };
        if run.is_over {
            return Ok(report);
        }
        let behalf = Behalf { counting: Some(counting.clone()), ..behalf.clone() };
        match self.export_left(&target, &run, wish, &behalf, &mut report).await {
            Ok(()) => {
                report.account = self.end_export_run(&counting).await?;
                report.counts = Counts::from(&report.account);
                Ok(report)
            }
            Err(error) => {
                self.stop_export_run(&counting, &error, &behalf).await?;
                Err(error)
            }
        }
    }

    /// Exports what is left of a run.
    async fn export_left(
        &self,
        target: &Target,
        run: &Run,
        wish: &Wish,
        behalf: &Behalf,
        report: &mut Report,
    ) -> Result<(), Error> {
        let total = Some(run.total());
        for chunk in &run.left {
            self.make_due(target, &chunk.records, wish).await?;
            let mut nothing = Vec::new();
            let mut tell = |done: Done| {
                let unneeded = done.iter().filter(|(_, exported)| exported.is_nothing());
                nothing.extend(unneeded.map(|(record, _)| (*record, Became::Unchanged)));
                report.take(&done);
                report.show(behalf, total);
            };
            let exported = self.export_batches(target, &chunk.records, behalf, &mut tell).await;
            self.count_exported(target, behalf, nothing).await?;
            exported?;
        }
        Ok(())
    }

    /// What is chosen becomes due, where it is not yet.
    async fn make_due(&self, target: &Target, records: &[i64], wish: &Wish) -> Result<(), Error> {
        let is_due_already = wish.choice == Choice::Due && !wish.force;
        let (target, records, now) = (target.clone(), records.to_vec(), self.clock.now());
        let force = wish.force;
        self.store
            .write_weighted(Durability::Durable, records.len(), move |tx| -> Result<(), Error> {
                let (backend, kind) = (target.session.backend, target.name());
                for record in &records {
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
