//! Use cases of the review list: what waits for a person, since the host never guesses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Caller, Host};
use crate::{
    base::{Fault, Timestamp},
    record::Change,
    storage::review::Review,
    sync::review as room,
};

/// Chooses items.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// At most so many; absent: 80.
    pub limit: Option<i64>,
}

/// Names an item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// Its id.
    pub id: i64,
}

/// Items.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Oldest first.
    pub items: Vec<Item>,
}

/// An item.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// The record there; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Our record that waits to be sent; absent for an item about a record of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<i64>,
    /// Why it waits: `several_matches`, `unknown_create`, `bounce`.
    pub cause: String,
    /// The same in words.
    pub reason: String,
    /// What can be decided: some of `bind`, `create`, `bind_theirs`, `send`, `skip`.
    pub decisions: Vec<String>,
    /// Records of ours that it may be.
    pub candidates: Vec<i64>,
    /// Since when.
    pub created: Timestamp,
    /// More about it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// Settles an item.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolve {
    /// The item.
    pub id: i64,
    /// How.
    #[serde(flatten)]
    pub decision: Decision,
}

/// How an item is settled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It is this record of ours.
    Bind {
        /// The record.
        record: i64,
    },
    /// It is a new one.
    Create,
    /// It is this one of theirs.
    BindTheirs {
        /// Its id there.
        external_id: String,
    },
    /// It is sent, again.
    Send,
    /// It is not wanted on the other side.
    Skip,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// The item.
    pub id: i64,
    /// The job that does the rest, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
}

const LIMIT: i64 = 80;

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let backend = host.opt_backend_id(request.backend.as_deref())?;
    let found = host.sync.reviews(backend, false, request.limit.unwrap_or(LIMIT)).await?;
    let chosen = found.into_iter().filter(|item| request.kind.as_ref().is_none_or(|kind| *kind == item.kind));
    Ok(List { items: chosen.map(|item| shown(host, item, false)).collect() })
}

pub(super) async fn show(host: &Host, _: &Caller, request: Id) -> Result<Item, Fault> {
    Ok(shown(host, host.sync.review(request.id).await?, true))
}

pub(super) async fn resolve(host: &Host, caller: &Caller, request: Resolve) -> Result<Resolved, Fault> {
    let decision = match request.decision {
        Decision::Bind { record } => room::Decision::Bind(record),
        Decision::Create => room::Decision::Create,
        Decision::BindTheirs { external_id } => room::Decision::BindTheirs(external_id),
        Decision::Send => room::Decision::Send,
        Decision::Skip => room::Decision::Skip,
    };
    let change = Change::local(&caller.actor, host.clock.now());
    let job = host.sync.resolve_review(request.id, decision, change).await?.map(|job| job.id);
    host.enqueued(job.as_slice()).await?;
    Ok(Resolved { id: request.id, job })
}

/// The payload is shown for one item only: it may be long.
fn shown(host: &Host, item: Review, with_payload: bool) -> Item {
    Item {
        id: item.id,
        backend: host.backend_name(item.backend),
        kind: item.kind,
        external_id: Some(item.external_id).filter(|id| !id.is_empty()),
        record: item.ours,
        decisions: room::decisions(&item.cause).iter().map(|word| (*word).to_owned()).collect(),
        cause: item.cause,
        reason: item.reason,
        candidates: serde_json::from_str(&item.candidates).unwrap_or_default(),
        created: Timestamp(item.created_at),
        detail: if with_payload { payload(item.payload) } else { Value::Null },
    }
}

/// A payload as it was sent: JSON, or the text where it is none.
pub(super) fn payload(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
