//! `bindery review`: settle records that wait for a person.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Done,
    output::{pairs, table, value},
    session::Session,
};
use crate::operation::review::{Item, List, Resolved};

/// What can be done with the review list.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What waits, oldest first.
    List {
        /// Only of this backend.
        #[arg(long, value_name = "NAME")]
        backend: Option<String>,
        /// Only of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 80)]
        limit: i64,
    },
    /// One item: what is there, what it may be here.
    Show {
        /// Its id.
        id: i64,
    },
    /// Settle an item.
    Resolve {
        /// Its id.
        id: i64,
        #[command(flatten)]
        decision: Decision,
    },
}

/// How an item is settled.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Decision {
    /// It is this record of ours.
    #[arg(long, value_name = "RECORD")]
    bind: Option<i64>,
    /// It is a new record.
    #[arg(long)]
    create: bool,
    /// It is not wanted here.
    #[arg(long)]
    skip: bool,
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List { backend, kind, limit } => {
                let request = json!({ "backend": backend, "kind": kind, "limit": limit });
                session.show("review.list", &request, list).await
            }
            Self::Show { id } => session.show("review.show", &json!({ "id": id }), show).await,
            Self::Resolve { id, decision } => {
                let request = match decision {
                    Decision { bind: Some(record), .. } => json!({ "id": id, "decision": "bind", "record": record }),
                    Decision { create: true, .. } => json!({ "id": id, "decision": "create" }),
                    _ => json!({ "id": id, "decision": "skip" }),
                };
                let raw = session.ask("review.resolve", &request).await?;
                let resolved: Resolved =
                    serde_json::from_str(&raw).map_err(|error| super::error::Error::Answer(error.to_string()))?;
                if let (Some(job), true) = (resolved.job, session.is_in_process().await?) {
                    super::progress::follow(session, &[job]).await?;
                }
                session.output.answer(&raw, |resolved: Resolved| match resolved.job {
                    Some(job) => format!("Item {} is settled; job {job} does the rest.", resolved.id),
                    None => format!("Item {} is settled.", resolved.id),
                })
            }
        }
    }
}

fn list(list: List) -> String {
    let rows = list
        .items
        .into_iter()
        .map(|item| {
            vec![
                item.id.to_string(),
                item.backend,
                item.kind,
                item.external_id,
                item.reason,
                item.candidates.iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
                item.created.to_rfc3339(),
            ]
        })
        .collect();
    let header = &["id", "backend", "kind", "external id", "reason", "candidates", "since"];
    table(header, rows, "Nothing waits for a person.")
}

fn show(item: Item) -> String {
    let mut parts = vec![
        ("id", item.id.to_string()),
        ("backend", item.backend),
        ("kind", item.kind),
        ("external id", item.external_id),
        ("reason", item.reason),
        ("candidates", item.candidates.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")),
        ("since", item.created.to_rfc3339()),
    ];
    if let Some(detail) = item.detail.as_object() {
        parts.extend(detail.iter().map(|(name, part)| (name.as_str(), value(part))));
    }
    pairs(&parts)
}
