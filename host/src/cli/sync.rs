//! `bindery sync`: bring a backend's records in step.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    Done,
    error::Error,
    input::{self, Pair},
    plan, progress,
    session::Session,
};
use crate::operation::sync::Started;

/// `bindery sync`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                        bindery sync shop --wait\n  \
                        bindery sync shop --only products --plan\n  \
                        bindery sync shop --kind demo.product --id 7 --force\n  \
                        bindery sync shop --only orders --filter state=open --eta 3600")]
pub(super) struct Sync {
    /// The backend.
    backend: String,
    /// Only this step; else all that the connector supports, in the order customers, products, inventory, orders.
    #[arg(long, conflicts_with = "kind")]
    only: Option<Step>,
    /// Only this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only this record of the kind, by its external id.
    #[arg(long, requires = "kind", value_name = "EXTERNAL_ID")]
    id: Option<String>,
    /// Passed to the connector's list.
    #[arg(long, value_name = "KEY=VALUE", value_parser = input::pair)]
    filter: Vec<Pair>,
    /// Also what looks unchanged.
    #[arg(long)]
    force: bool,
    /// Say what would be done, and write nothing.
    #[arg(long, conflicts_with_all = ["priority", "eta"])]
    plan: bool,
    /// Follow the jobs to their end. Without a running host, they are always followed.
    #[arg(long)]
    wait: bool,
    /// 0 first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    priority: Option<i64>,
    /// Seconds from now.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    eta: Option<i64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    Products,
    Orders,
    Inventory,
    Customers,
}

impl Sync {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        let only = self.only.and_then(|step| step.to_possible_value()).map(|word| word.get_name().to_owned());
        let request = json!({
            "backend": &self.backend, "only": only, "kind": &self.kind, "id": &self.id,
            "filters": input::texts(self.filter), "force": self.force, "plan": self.plan,
            "priority": self.priority, "eta_seconds": self.eta,
        });
        let raw = session.ask("sync.start", &request).await?;
        let started: Started = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
        if !(self.wait || self.plan || session.is_in_process().await?) {
            return session.output.answer(&raw, |started| queued(started, "sync"));
        }
        let standing = progress::follow(session, &started.ids()).await?;
        progress::conclude(session, &standing, |standing| match self.plan {
            true => plan::shown(standing, &format!("sync {}", self.backend)),
            false => progress::summary(standing),
        })
    }
}

/// What was queued, by which command.
pub(super) fn queued(started: Started, command: &str) -> String {
    let mut lines: Vec<String> = started
        .jobs
        .iter()
        .map(|job| match job.deduplicated {
            true => format!("Job {} was waiting already: {}", job.id, job.description),
            false => format!("Job {} is queued: {}", job.id, job.description),
        })
        .collect();
    lines.push(format!(
        "\n`bindery job list --backend {}` shows how they stand; `{command} --wait` follows them.",
        started.backend
    ));
    lines.join("\n")
}
