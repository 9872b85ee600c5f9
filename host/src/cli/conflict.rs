//! `bindery conflict`: settle records that both sides changed.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Done,
    output::{pairs, table, value},
    review::Listed,
    session::Session,
};
use crate::operation::conflict::{Conflict, List, Resolved};

/// What can be done with conflicts.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What waits, oldest first.
    List(Listed),
    /// One conflict: what both sides had, ours and theirs, field by field.
    Show {
        /// Its id.
        id: i64,
    },
    /// Settle a conflict: whose values stand.
    Resolve {
        /// Its id.
        id: i64,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Whose values stand.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Decision {
    /// Ours, and they are sent; in all fields that are not named.
    #[arg(long, conflicts_with = "theirs")]
    ours: bool,
    /// Theirs, and they are written here; in all fields that are not named.
    #[arg(long)]
    theirs: bool,
    /// One field by itself; may be given again.
    #[arg(long, value_name = "FIELD=ours|theirs", value_parser = side)]
    field: Vec<(String, &'static str)>,
}

fn side(text: &str) -> Result<(String, &'static str), String> {
    match text.split_once('=') {
        Some((field, "ours")) if !field.is_empty() => Ok((field.to_owned(), "ours")),
        Some((field, "theirs")) if !field.is_empty() => Ok((field.to_owned(), "theirs")),
        _ => Err("it is FIELD=ours or FIELD=theirs".to_owned()),
    }
}

impl Command {
    pub(super) async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::List(listed) => session.show("conflict.list", &json!(listed), list).await,
            Self::Show { id } => session.show("conflict.show", &json!({ "id": id }), show).await,
            Self::Resolve { id, decision } => {
                let rest = if decision.ours { Some("ours") } else { decision.theirs.then_some("theirs") };
                let fields: Map<String, Value> =
                    decision.field.into_iter().map(|(field, side)| (field, side.into())).collect();
                let raw = session.ask("conflict.resolve", &json!({ "id": id, "rest": rest, "fields": fields })).await?;
                let resolved: Resolved =
                    serde_json::from_str(&raw).map_err(|error| super::error::Error::Answer(error.to_string()))?;
                if session.is_in_process().await? {
                    super::progress::follow(session, &[resolved.job]).await?;
                }
                session.output.answer(&raw, |resolved: Resolved| {
                    format!("Conflict {} is settled; job {} brings both sides together.", resolved.id, resolved.job)
                })
            }
        }
    }
}

fn list(list: List) -> String {
    let rows = list
        .conflicts
        .into_iter()
        .map(|one| {
            let fields: Vec<&str> = one.fields.iter().map(|clash| clash.field.as_str()).collect();
            let fields = fields.join(", ");
            let (id, record) = (one.id.to_string(), one.record.to_string());
            vec![id, one.backend, one.kind, record, one.external_id, fields, one.created.to_rfc3339()]
        })
        .collect();
    let header = &["id", "backend", "kind", "record", "external id", "both changed", "since"];
    table(header, rows, "No record was changed on both sides, but for what the policy has settled.")
}

fn show(one: Conflict) -> String {
    let head = pairs(&[
        ("id", one.id.to_string()),
        ("state", one.state),
        ("backend", one.backend),
        ("kind", one.kind),
        ("record", one.record.to_string()),
        ("external id", one.external_id),
        ("since", one.created.to_rfc3339()),
    ]);
    let rows = one
        .fields
        .into_iter()
        .map(|clash| vec![clash.field, value(&clash.agreed), value(&clash.ours), value(&clash.theirs)])
        .collect();
    format!("{head}\n\n{}", table(&["field", "agreed", "ours", "theirs"], rows, "No field differs any more."))
}
