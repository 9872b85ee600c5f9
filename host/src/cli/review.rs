//! `bindery review`: settle records that wait for a person.

use clap::{Args, Subcommand};
use serde::Serialize;
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
    List(Listed),
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

/// Which of what waits is listed.
#[derive(Debug, Args, Serialize)]
pub(super) struct Listed {
    /// Only of this backend.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Only of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 80)]
    limit: i64,
}

/// How an item is settled.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Decision {
    /// Several match: it is this record of ours.
    #[arg(long, value_name = "RECORD")]
    bind: Option<i64>,
    /// Several match: it is none of them, but a new record.
    #[arg(long)]
    create: bool,
    /// A create whose fate is unknown: it was made there, and has this id.
    #[arg(long, value_name = "EXTERNAL_ID")]
    external_id: Option<String>,
    /// A create whose fate is unknown: it was not made there, and is sent again. A record that bounces: it is sent once more.
    #[arg(long)]
    send: bool,
    /// It is not wanted: neither here, where it came from there; nor there, where it is ours.
    #[arg(long)]
    skip: bool,
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List(listed) => session.show("review.list", &json!(listed), list).await,
            Self::Show { id } => session.show("review.show", &json!({ "id": id }), show).await,
            Self::Resolve { id, decision } => {
                let request = match decision {
                    Decision { bind: Some(record), .. } => json!({ "id": id, "decision": "bind", "record": record }),
                    Decision { create: true, .. } => json!({ "id": id, "decision": "create" }),
                    Decision { external_id: Some(theirs), .. } => {
                        json!({ "id": id, "decision": "bind_theirs", "external_id": theirs })
                    }
                    Decision { send: true, .. } => json!({ "id": id, "decision": "send" }),
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
            let (candidates, record) = (candidates(&item), record(&item));
            vec![
                item.id.to_string(),
                item.backend,
                item.kind,
                item.external_id.unwrap_or_default(),
                record,
                item.cause,
                item.reason,
                candidates,
                item.created.to_rfc3339(),
            ]
        })
        .collect();
    let header = &["id", "backend", "kind", "external id", "record", "cause", "reason", "candidates", "since"];
    table(header, rows, "Nothing waits for a person.")
}

fn candidates(item: &Item) -> String {
    item.candidates.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

fn record(item: &Item) -> String {
    item.record.map(|record| record.to_string()).unwrap_or_default()
}

fn show(item: Item) -> String {
    let (candidates, record, decisions) = (candidates(&item), record(&item), flags(&item.decisions));
    let mut parts = vec![
        ("id", item.id.to_string()),
        ("backend", item.backend),
        ("kind", item.kind),
        ("external id", item.external_id.unwrap_or_default()),
        ("record", record),
        ("cause", item.cause),
        ("reason", item.reason),
        ("candidates", candidates),
        ("since", item.created.to_rfc3339()),
        ("decide", decisions),
    ];
    if let Some(detail) = item.detail.as_object() {
        parts.extend(detail.iter().map(|(name, part)| (name.as_str(), value(part))));
    }
    pairs(&parts)
}

/// What can be decided, as it is typed.
fn flags(decisions: &[String]) -> String {
    let flag = |word: &String| match word.as_str() {
        "bind" => "--bind RECORD".to_owned(),
        "bind_theirs" => "--external-id ID".to_owned(),
        other => format!("--{other}"),
    };
    decisions.iter().map(flag).collect::<Vec<_>>().join(", ")
}
