//! `bindery export`: send records of ours to a backend.

use clap::Args;
use serde_json::json;

use super::{Done, domain, error::Error, plan, progress, session::Session, status, sync};
use crate::operation::sync::{Standing, Started};

/// `bindery export`.
#[derive(Debug, Args)]
#[command(after_help = "Without --id and --domain: what has changed here and is not there yet.\n\n\
                        Examples:\n  \
                        bindery export shop --kind demo.product --wait\n  \
                        bindery export shop --kind demo.product --id 12 --id 13 --plan\n  \
                        bindery export shop --kind demo.product --domain \"[('sale_ok', '=', True)]\"\n  \
                        bindery export shop --kind demo.product --id 12 --resend")]
pub(super) struct Export {
    /// The backend.
    backend: String,
    /// The kind.
    #[arg(long)]
    kind: String,
    /// These records, by our ids.
    #[arg(long, value_name = "RECORD")]
    id: Vec<i64>,
    /// The records that a domain finds.
    #[arg(long, conflicts_with = "id")]
    domain: Option<String>,
    /// Also what is as it was sent last.
    #[arg(long)]
    force: bool,
    /// Send creates again whose fate is unknown: you have looked, and they made nothing there.
    #[arg(long, requires = "id")]
    resend: bool,
    /// Say what would be sent, beside what stands there, and send nothing.
    #[arg(long, conflicts_with_all = ["priority", "eta", "resend"])]
    plan: bool,
    /// Follow the job to its end. Without a running host, it is always followed.
    #[arg(long)]
    wait: bool,
    /// 0 first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    priority: Option<i64>,
    /// Seconds from now.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    eta: Option<i64>,
}

impl Export {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let domain = self.domain.as_deref().map(domain::read).transpose()?;
        let request = json!({
            "backend": &self.backend, "kind": &self.kind, "ids": self.id, "domain": domain, "force": self.force,
            "resend": self.resend, "plan": self.plan, "priority": self.priority, "eta_seconds": self.eta,
        });
        let raw = session.ask("export.start", &request).await?;
        let started: Started = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
        if !(self.wait || self.plan || session.is_in_process().await?) {
            return session.output.answer(&raw, |started| sync::queued(started, "export"));
        }
        let standing = progress::follow(session, &started.ids()).await?;
        progress::conclude(session, &standing, |standing| match self.plan {
            true => plan::shown(standing, &format!("export {} --kind {}", self.backend, self.kind)),
            false => summary(standing),
        })
    }
}

/// Counts, then what could not be sent.
fn summary(standing: &Standing) -> String {
    let mut lines = Vec::new();
    for report in standing.exports() {
        let counts = report.counts;
        lines.push(format!(
            "{}: {} exported ({} created), {} skipped, {} errors",
            report.kind, counts.exported, counts.created, counts.skipped, counts.errors
        ));
        lines.push(format!("  {}", status::account(&report.account)));
        lines.extend(report.problems.iter().map(|(record, problem)| format!("  record {record}: {}", problem.message)));
    }
    if lines.is_empty() {
        return progress::summary(standing);
    }
    lines.join("\n")
}
