//! `bindery binding`: the links between our records and external ids.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{
    Done,
    error::Error,
    output::{maybe, pairs, table, value},
    session::Session,
};
use crate::{
    base::Timestamp,
    operation::binding::{Bind, Binding, Changed, Imported, List},
};

/// Links in one request.
const BATCH: usize = 1_000;
/// Columns of a file of links.
const COLUMNS: [&str; 4] = ["backend", "kind", "external_id", "record"];

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
    /// Take links from a CSV file (`-`: standard input) with the columns backend, kind, external_id, record.
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
    backend: Option<String>,
    /// Only of this kind.
    #[arg(long)]
    kind: Option<String>,
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
    fn status(&self) -> Option<String> {
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
            Self::Export { file, which } => export(session, file, which).await,
            Self::Import { file } => import(session, file).await,
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

async fn export(session: &Session<'_>, file: PathBuf, which: Which) -> Done {
    let cannot = |reason: std::io::Error| Error::File { path: file.clone(), reason };
    let is_piped = file.as_os_str() == "-";
    let target: Box<dyn Write + Send> = match is_piped {
        true => Box::new(std::io::stdout()),
        false => Box::new(std::fs::File::create(&file).map_err(cannot)?),
    };
    let mut table = csv::Writer::from_writer(target);
    table.write_record(COLUMNS).map_err(|error| cannot(error.into()))?;
    let (mut after, mut count) = (None::<i64>, 0_u64);
    loop {
        let request = json!({
            "backend": which.backend, "kind": which.kind, "status": which.status(), "limit": BATCH, "after": after,
        });
        let page: List = session.get("binding.list", &request).await?;
        for binding in &page.bindings {
            // Only whole links mean something elsewhere.
            if let (Some(external_id), Some(record)) = (&binding.external_id, binding.record) {
                let row = [&binding.backend, &binding.kind, external_id, &record.to_string()];
                table.write_record(row).map_err(|error| cannot(error.into()))?;
                count += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    table.flush().map_err(cannot)?;
    if !is_piped {
        let raw = json!({ "exported": count, "file": file }).to_string();
        session.output.answer(&raw, |_: serde_json::Value| format!("{count} links are in {}.", file.display()))?;
    }
    Ok(())
}

async fn import(session: &Session<'_>, file: PathBuf) -> Done {
    let source: Box<dyn std::io::Read + Send> = match file.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(std::fs::File::open(&file).map_err(|reason| Error::File { path: file.clone(), reason })?),
    };
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
    let row_error = |line: u64, reason: String| Error::Row { path: file.clone(), line, reason };
    let header = table.headers().map_err(|error| row_error(1, error.to_string()))?;
    if header.iter().ne(COLUMNS) {
        let reason = format!("the first line must be {}", COLUMNS.join(","));
        return Err(row_error(1, reason).into());
    }
    let (mut batch, mut sum) = (Vec::new(), Imported::default());
    for row in table.deserialize::<Bind>() {
        batch.push(row.map_err(|error| row_error(line(&error), error.to_string()))?);
        if batch.len() == BATCH {
            send(session, &mut batch, &mut sum).await?;
        }
    }
    send(session, &mut batch, &mut sum).await?;
    let raw = serde_json::to_string(&sum).map_err(|error| Error::Answer(error.to_string()))?;
    session
        .output
        .answer(&raw, |sum: Imported| format!("{} links are made, {} were there already.", sum.bound, sum.unchanged))
}

async fn send(session: &Session<'_>, batch: &mut Vec<Bind>, sum: &mut Imported) -> Done {
    if !batch.is_empty() {
        let done: Imported = session.get("binding.import", &json!({ "links": batch })).await?;
        sum.bound += done.bound;
        sum.unchanged += done.unchanged;
        batch.clear();
    }
    Ok(())
}

fn line(error: &csv::Error) -> u64 {
    error.position().map_or(0, csv::Position::line)
}
