//! `bindery binding`: the links between our records and external ids.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{
    Done,
    error::Error,
    link,
    output::{maybe, pairs, table, value},
    session::Session,
};
use crate::{
    base::Timestamp,
    operation::binding::{Bind, Binding, Changed, List},
};

/// What can be done with bindings.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Bindings and how their last sync went.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 80)]
        limit: i64,
        /// Only with a greater id: the next page.
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
    },
    /// One binding with all of it.
    Show {
        /// Its id.
        id: i64,
    },
    /// Say that an external id and a record are the same thing.
    Bind {
        /// The backend.
        backend: String,
        /// The kind.
        kind: String,
        /// The id there.
        external_id: String,
        /// The record here.
        record: i64,
    },
    /// Sync failed bindings again now, whatever their count of retries.
    Retry(Choice),
    /// Sync bindings again from the start, also where nothing seems changed.
    Resync(Choice),
    /// Take links away. The records stay.
    Unbind(Choice),
    /// Write links to a CSV file (`-`: standard output) with the columns backend, kind, external_id, record.
    Export {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Take links from a CSV file (`-`: standard input) with the columns backend, kind, external_id, record. All rows
    /// are looked at first: where one can't be used, none is taken.
    #[command(after_help = "Example of a file:\n  \
                            backend,kind,external_id,record\n  \
                            shop,demo.product,1001,17\n  \
                            shop,demo.customer,C-9,4")]
    Import {
        /// The file.
        file: PathBuf,
    },
}

/// Which bindings.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only of this backend.
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    /// Only of this kind.
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// Only in this status.
    #[arg(long)]
    status: Option<Status>,
}

/// Bindings to act upon.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Their ids; or choose by the options.
    #[arg(value_name = "ID", required_unless_present_any = ["backend", "kind", "status"])]
    ids: Vec<i64>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    Pending,
    InProgress,
    Success,
    Failed,
    Skipped,
}

impl Which {
    pub(super) fn status(&self) -> Option<String> {
        self.status.and_then(|status| status.to_possible_value()).map(|word| word.get_name().to_owned())
    }
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List { which, limit, after } => {
                let request = json!({
                    "backend": which.backend, "kind": which.kind, "status": which.status(), "limit": limit,
                    "after": after,
                });
                session.show("binding.list", &request, list).await
            }
            Self::Show { id } => session.show("binding.show", &json!({ "id": id }), show).await,
            Self::Bind { backend, kind, external_id, record } => {
                let link = Bind { backend, kind, external_id, record };
                session.show("binding.bind", &link, show).await
            }
            Self::Retry(choice) => act(session, "binding.retry", choice, "retried").await,
            Self::Resync(choice) => act(session, "binding.resync", choice, "synced again").await,
            Self::Unbind(choice) => act(session, "binding.unbind", choice, "unbound; the records stay").await,
            Self::Export { file, which } => link::export(session, file, which).await,
            Self::Import { file } => link::import(session, file).await,
        }
    }
}

async fn act(session: &Session<'_>, operation: &str, choice: Choice, what: &str) -> Done {
    let status = choice.which.status();
    let request =
        json!({ "ids": choice.ids, "backend": choice.which.backend, "kind": choice.which.kind, "status": status });
    let raw = session.ask(operation, &request).await?;
    let changed: Changed = serde_json::from_str(&raw).map_err(|error| Error::Answer(error.to_string()))?;
    if session.is_in_process().await? && !changed.jobs.is_empty() {
        super::progress::follow(session, &changed.jobs).await?;
    }
    session.output.answer(&raw, |changed: Changed| {
        let jobs = changed.jobs.iter().map(|id| format!(" Job {id}.")).collect::<String>();
        format!(
            "{} {} {what}.{jobs}",
            changed.changed,
            if changed.changed == 1 { "binding is" } else { "bindings are" }
        )
    })
}

fn list(list: List) -> String {
    let next = list.next;
    let rows = list
        .bindings
        .into_iter()
        .map(|binding| {
            vec![
                binding.id.to_string(),
                binding.backend,
                binding.kind,
                binding.external_id.unwrap_or_default(),
                maybe(binding.record),
                binding.sync_status,
                maybe(binding.sync_date.map(Timestamp::to_rfc3339)),
                if binding.retry_count == 0 {
                    String::new()
                } else {
                    format!("{}/{}", binding.retry_count, binding.max_retries)
                },
                binding.last_error.unwrap_or_default(),
            ]
        })
        .collect();
    let header = &["id", "backend", "kind", "external id", "record", "status", "synced", "retries", "error"];
    let mut text = table(header, rows, "No binding is like that.");
    if let Some(next) = next {
        text.push_str(&format!("\n\n`--after {next}` shows more."));
    }
    text
}

fn show(binding: Binding) -> String {
    let mut parts = vec![
        ("id", binding.id.to_string()),
        ("backend", binding.backend),
        ("kind", binding.kind),
        ("external id", binding.external_id.unwrap_or_default()),
        ("record", maybe(binding.record)),
        ("status", binding.sync_status),
        ("synced", maybe(binding.sync_date.map(Timestamp::to_rfc3339))),
        ("changed there", binding.external_updated_at.unwrap_or_default()),
        ("retries", format!("{} of {}", binding.retry_count, binding.max_retries)),
        ("retried", if binding.can_retry { "by itself" } else { "only by hand" }.to_owned()),
        ("error", binding.last_error.unwrap_or_default()),
        ("exported", if binding.no_export { "never" } else { "as its kind says" }.to_owned()),
    ];
    if let Some(kept) = binding.kept {
        parts.extend([
            ("code", kept.code),
            ("field", kept.field.unwrap_or_default()),
            ("at", kept.path.unwrap_or_default()),
            ("kept since", kept.since.to_rfc3339()),
            ("payload", kept.payload),
        ]);
    }
    if let Some(extra) = binding.extra.as_object() {
        parts.extend(extra.iter().map(|(name, set)| (name.as_str(), value(set))));
    }
    pairs(&parts)
}
