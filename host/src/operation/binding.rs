//! Use cases of bindings: the links between records of ours and external ids.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Caller, Error, Host};
use crate::{
    base::{Fault, Timestamp},
    record::{self, Catalogue, Change},
    storage::{Durability, intent, quarantine},
};

/// Chooses bindings.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this status.
    pub status: Option<String>,
    /// At most so many; absent: 80.
    pub limit: Option<i64>,
    /// Only with a greater id: the next page.
    pub after: Option<i64>,
}

/// Chooses bindings to act upon: by id, or else by the other members.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Their ids.
    pub ids: Vec<i64>,
    /// Of this backend.
    pub backend: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this status.
    pub status: Option<String>,
}

/// Names a binding.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// Its id.
    pub id: i64,
}

/// Bindings.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By id.
    pub bindings: Vec<Binding>,
    /// Give it as `after` for the next page; absent: this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// A binding.
#[derive(Debug, Serialize, Deserialize)]
pub struct Binding {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// External id, where it is known.
    pub external_id: Option<String>,
    /// Our record, where there is one.
    pub record: Option<i64>,
    /// `pending`, `in_progress`, `success`, `failed`, `skipped`.
    pub sync_status: String,
    /// When it was last in step.
    pub sync_date: Option<Timestamp>,
    /// Failed attempts since then.
    pub retry_count: i64,
    /// Attempts allowed.
    pub max_retries: i64,
    /// Whether another attempt will be made by itself.
    pub can_retry: bool,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Never exported.
    pub no_export: bool,
    /// The date of change that the outside system gave.
    pub external_updated_at: Option<String>,
    /// Extra fields of the kind.
    pub extra: Value,
    /// What is kept of it until it can be imported. Only where one binding is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// What is kept of a record that could not be imported.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Code of the error that stopped it.
    pub code: String,
    /// JSON pointer to the value at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Our field at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// The record as the outside system sent it.
    pub payload: String,
}

/// Links a record and an external id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// External id.
    pub external_id: String,
    /// Our record.
    pub record: i64,
}

/// What came of a change of several bindings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Changed {
    /// How many.
    pub changed: u64,
    /// Jobs that do the rest.
    pub jobs: Vec<i64>,
}

/// Bindings of a list when nobody says otherwise.
const LIMIT: i64 = 80;
/// Bindings that one request acts upon.
const ACT_LIMIT: u64 = 10_000;

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let limit = u64::try_from(request.limit.unwrap_or(LIMIT)).ok().filter(|limit| *limit > 0).unwrap_or(1);
    let choice = Choice { ids: Vec::new(), backend: request.backend, kind: request.kind, status: request.status };
    let filter = record::binding::Filter { after: request.after.unwrap_or(0), limit, ..choice.filter(host).await? };
    let found = host.store.read(move |tx| record::binding::list(tx, &filter)).await?;
    let next = found.last().map(|last| last.id).filter(|_| found.len() as u64 == limit);
    let catalogue = host.catalogue.get();
    Ok(List { bindings: found.into_iter().map(|one| shown(host, &catalogue, one)).collect(), next })
}

pub(super) async fn show(host: &Host, _: &Caller, Id { id }: Id) -> Result<Binding, Fault> {
    let (found, kept) = host
        .store
        .read(move |tx| Ok::<_, record::Error>((record::binding::get(tx, id)?, quarantine::of_binding(tx, id)?)))
        .await?;
    let kept = kept.map(|kept| Kept {
        code: kept.error_code,
        path: kept.error_path,
        field: kept.error_field,
        since: Timestamp(kept.created_at),
        payload: kept.payload,
    });
    Ok(Binding { kept, ..shown(host, &host.catalogue.get(), found) })
}

pub(super) async fn bind(host: &Host, caller: &Caller, link: Bind) -> Result<Binding, Fault> {
    let backend = host.backend_id(&link.backend)?;
    let kind = host.catalogue.get().need_kind(&link.kind)?.clone();
    let change = Change::local(&caller.actor, host.clock.now());
    let bound = host
        .store
        .write(Durability::Durable, move |tx| -> Result<_, record::Error> {
            let id = link.external_id.as_str();
            let bound = record::binding::bind(tx, backend, &kind, Some(id), Some(link.record), None, &change)?;
            // A create that nobody knew the end of has come to it.
            intent::close(tx, backend, &kind.name, link.record, id, change.now.0)?;
            Ok(bound)
        })
        .await?;
    Ok(shown(host, &host.catalogue.get(), bound))
}

pub(super) async fn unbind(host: &Host, _: &Caller, choice: Choice) -> Result<Changed, Fault> {
    let chosen = choice.find(host).await?;
    let changed = chosen.len() as u64;
    host.store
        .write_weighted(Durability::Durable, chosen.len(), move |tx| {
            chosen.iter().try_for_each(|binding| record::binding::unbind(tx, binding.id))
        })
        .await?;
    Ok(Changed { changed, jobs: Vec::new() })
}

/// Sends what is due of them; imports the others again, from what was kept of them where nothing newer can be had.
pub(super) async fn retry(host: &Host, _: &Caller, choice: Choice) -> Result<Changed, Fault> {
    again(host, choice, false).await
}

/// Imports them again, whatever they look like.
pub(super) async fn resync(host: &Host, _: &Caller, choice: Choice) -> Result<Changed, Fault> {
    again(host, choice, true).await
}

async fn again(host: &Host, choice: Choice, force: bool) -> Result<Changed, Fault> {
    let (mut jobs, catalogue) = (Vec::new(), host.catalogue.get());
    for binding in choice.find(host).await? {
        let kind = catalogue.kinds().find(|kind| kind.id == binding.kind).map(|kind| kind.name.clone());
        let Some(kind) = kind else { continue };
        jobs.extend(host.sync.start_again(&binding, &kind, force).await?.map(|job| job.id));
    }
    host.enqueued(&jobs).await?;
    Ok(Changed { changed: jobs.len() as u64, jobs })
}

impl Choice {
    async fn filter(&self, host: &Host) -> Result<record::binding::Filter, Fault> {
        let kind = match &self.kind {
            Some(kind) => Some(host.catalogue.get().need_kind(kind)?.id),
            None => None,
        };
        Ok(record::binding::Filter {
            backend: host.opt_backend_id(self.backend.as_deref())?,
            kind,
            status: self.status.as_deref().map(status).transpose()?,
            ..record::binding::Filter::default()
        })
    }

    /// The bindings that are meant. Naming none at all is no way to name all of them.
    async fn find(&self, host: &Host) -> Result<Vec<record::Binding>, Fault> {
        let is_open = self.backend.is_none() && self.kind.is_none() && self.status.is_none();
        if self.ids.is_empty() && is_open {
            return Err(Error::Value("which bindings? Give ids, a backend, a kind or a status".to_owned()).into());
        }
        let filter = record::binding::Filter { limit: ACT_LIMIT, ..self.filter(host).await? };
        let ids = self.ids.clone();
        let found = host
            .store
            .read(move |tx| match ids.is_empty() {
                true => record::binding::list(tx, &filter),
                false => ids.into_iter().map(|id| record::binding::get(tx, id)).collect(),
            })
            .await?;
        Ok(found)
    }
}

fn status(word: &str) -> Result<record::binding::Status, Error> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|_| {
        Error::Value(format!(
            "{word:?} is no status of a binding; there are pending, in_progress, success, failed and skipped"
        ))
    })
}

fn shown(host: &Host, catalogue: &Catalogue, binding: record::Binding) -> Binding {
    let kind = catalogue.kinds().find(|kind| kind.id == binding.kind);
    let word = serde_json::to_value(binding.sync_status).unwrap_or_default();
    Binding {
        can_retry: binding.can_retry_sync(),
        id: binding.id,
        backend: host.backend_name(binding.backend),
        kind: kind.map_or_else(|| binding.kind.to_string(), |kind| kind.name.clone()),
        extra: kind.map_or(Value::Null, |kind| record::encode::extra(kind, binding.extra.as_deref()).into()),
        external_id: binding.external_id,
        record: binding.record,
        sync_status: word.as_str().unwrap_or_default().to_owned(),
        sync_date: binding.sync_date,
        retry_count: binding.retry_count,
        max_retries: binding.max_retries,
        last_error: binding.last_error,
        no_export: binding.no_export,
        external_updated_at: binding.external_updated_at,
        kept: None,
    }
}
