//! Use cases of conflicts: records that both sides changed, where the policy is that a person decides.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Caller, Host,
    review::{Id, Search, payload},
};
use crate::{
    base::{Fault, Timestamp},
    storage::conflict as rows,
    sync::{
        conflict::Decision,
        merge::{Clash, Side},
    },
};

/// Conflicts.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Oldest first.
    pub conflicts: Vec<Conflict>,
}

/// A conflict.
#[derive(Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// Its id.
    pub id: i64,
    /// `open`, `settled`, or `gone`: both sides came together by themselves.
    pub state: String,
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// The record there.
    pub external_id: String,
    /// The fields that both changed, each with what was agreed, ours and theirs.
    pub fields: Vec<Clash>,
    /// Since when.
    pub created: Timestamp,
    /// Theirs as it was sent; for one conflict only.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
}

/// Settles a conflict.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The conflict.
    pub id: i64,
    /// Whose values stand in fields that are not named; absent: only the named ones are decided.
    #[serde(default)]
    pub rest: Option<Side>,
    /// Whose value stands, by field.
    #[serde(default)]
    pub fields: std::collections::BTreeMap<String, Side>,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// The conflict.
    pub id: i64,
    /// The job that brings both sides together.
    pub job: i64,
}

const LIMIT: i64 = 80;

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let backend = host.opt_backend_id(request.backend.as_deref())?;
    let found = host.sync.conflicts(backend, false, request.limit.unwrap_or(LIMIT)).await?;
    let chosen = found.into_iter().filter(|one| request.kind.as_ref().is_none_or(|kind| *kind == one.kind));
    Ok(List { conflicts: chosen.map(|one| shown(host, one, false)).collect() })
}

pub(super) async fn show(host: &Host, _: &Caller, request: Id) -> Result<Conflict, Fault> {
    Ok(shown(host, host.sync.conflict(request.id).await?, true))
}

pub(super) async fn resolve(host: &Host, caller: &Caller, request: Resolve) -> Result<Resolved, Fault> {
    if request.rest.is_none() && request.fields.is_empty() {
        let why = "it is not said whose values stand: `rest` for all fields, or `fields`";
        return Err(super::Error::Value(why.to_owned()).into());
    }
    let decision = Decision { rest: request.rest, fields: request.fields };
    let job = host.sync.settle_conflict(request.id, decision, &caller.actor).await?.id;
    host.enqueued(&[job]).await?;
    Ok(Resolved { id: request.id, job })
}

fn shown(host: &Host, known: rows::Conflict, with_payload: bool) -> Conflict {
    let state = ["open", "settled", "gone"].get(usize::try_from(known.state).unwrap_or_default());
    Conflict {
        id: known.id,
        state: state.copied().unwrap_or("unknown").to_owned(),
        backend: host.backend_name(known.backend),
        kind: known.kind,
        record: known.record,
        external_id: known.external_id,
        fields: serde_json::from_str(&known.fields).unwrap_or_default(),
        created: Timestamp(known.created_at),
        payload: if with_payload { payload(known.payload) } else { Value::Null },
    }
}
