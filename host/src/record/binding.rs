//! Bindings: what of ours is what of theirs, per backend and kind, and how its last sync went.

use super::{Change, Error, Kind, Values, encode};
use crate::{
    base::Timestamp,
    storage::{
        self, Tx,
        binding::{self as rows, SyncedRow},
    },
};

pub use crate::{
    model::binding::{Binding, MAX_RETRIES, Status},
    storage::{
        binding::Filter,
        binding_lookup::{Glance, Standing},
    },
};

/// What a sync learned, to be kept for the next one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Synced<'a> {
    /// Digest of the payload.
    pub payload_hash: Option<[u8; 16]>,
    /// Digest of everything else that decides what a payload is mapped to.
    pub map_fingerprint: Option<i64>,
    /// Digests for `changed_by`.
    pub changed_by: Option<&'a str>,
    /// The record's version after the write.
    pub record_version: i64,
    /// The remote's date of the last change.
    pub external_updated_at: Option<&'a str>,
    /// Extra fields to set; absent ones stay.
    pub extra: Option<&'a Values>,
    /// Digest of what was sent, where it was: as long as nothing else becomes known, the same need not be sent again.
    pub export_hash: Option<[u8; 16]>,
}

impl Synced<'_> {
    fn row<'r>(&'r self, now: Timestamp, extra: Option<&'r str>) -> SyncedRow<'r> {
        SyncedRow {
            now,
            payload_hash: self.payload_hash.as_ref().map(|hash| hash.as_slice()),
            map_fingerprint: self.map_fingerprint,
            changed_by: self.changed_by,
            record_version: Some(self.record_version),
            external_updated_at: self.external_updated_at,
            extra,
            export_hash: self.export_hash.as_ref().map(|hash| hash.as_slice()),
        }
    }
}

/// The bindings of a page by external id, in one query; those that are missing are not in the answer.
pub fn find_page(tx: &mut dyn Tx, backend: i64, kind: &Kind, external_ids: &[&str]) -> Result<Vec<Binding>, Error> {
    Ok(kind.model.lookup.page(tx, backend, kind.id, external_ids)?)
}

/// A glance at the bindings of a page, in its order, in one query.
pub fn glance(tx: &mut dyn Tx, backend: i64, kind: &Kind, external_ids: &[&str]) -> Result<Vec<Option<Glance>>, Error> {
    Ok(kind.model.lookup.glance(tx, backend, kind.id, external_ids)?)
}

/// How the bindings of a page stand, in one query.
pub fn standing(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &Kind,
    external_ids: &[&str],
) -> Result<Vec<(String, Standing)>, Error> {
    Ok(kind.model.lookup.standing(tx, backend, kind.id, external_ids)?)
}

/// One binding by external id (the specification's `to_internal`).
pub fn find(tx: &mut dyn Tx, backend: i64, kind: &Kind, external_id: &str) -> Result<Option<Binding>, Error> {
    Ok(find_page(tx, backend, kind, &[external_id])?.pop())
}

/// The bindings of some records.
pub fn of_records(tx: &mut dyn Tx, backend: i64, kind: &Kind, records: &[i64]) -> Result<Vec<Binding>, Error> {
    Ok(kind.model.lookup.by_record(tx, backend, kind.id, records)?)
}

/// One binding by our record (the specification's `to_external`).
pub fn find_by_record(tx: &mut dyn Tx, backend: i64, kind: &Kind, record: i64) -> Result<Option<Binding>, Error> {
    Ok(of_records(tx, backend, kind, &[record])?.pop())
}

/// One binding by id; `current_version` is not read.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Binding, Error> {
    rows::get(tx, id)?.ok_or(Error::NoBinding(id))
}

/// Links a record and an external id with the outcome of the sync that did it: the fast path of a first import.
/// Answers the binding's id.
pub fn insert_synced(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &Kind,
    external_id: &str,
    record: i64,
    synced: &Synced<'_>,
    change: &Change,
) -> Result<i64, Error> {
    let given = synced.extra.filter(|extra| !extra.is_empty());
    check_extra(kind, given, change, true)?;
    let extra = given.map(|extra| encode::store_extra(kind, None, extra));
    rows::insert_synced(tx, backend, kind.id, external_id, record, &synced.row(change.now, extra.as_deref()))
        .map_err(|error| refused(kind, error))
}

/// Keeps the outcome of a successful sync on a binding: status success, date, error cleared, count 0.
pub fn update_synced(
    tx: &mut dyn Tx,
    binding: i64,
    kind: &Kind,
    record: i64,
    synced: &Synced<'_>,
    change: &Change,
) -> Result<(), Error> {
    let extra = match synced.extra.filter(|extra| !extra.is_empty()) {
        None => None,
        Some(values) => {
            check_extra(kind, Some(values), change, false)?;
            let stored = get(tx, binding)?.extra;
            Some(encode::store_extra(kind, stored.as_deref(), values))
        }
    };
    let row = synced.row(change.now, extra.as_deref());
    found(rows::update_synced(tx, binding, record, &row).map_err(|error| refused(kind, error))?, binding)
}

/// Links a record and an external id by hand, or one end of it (at least one is needed); a new one is pending.
/// A binding that has one of the ends already gets the other; one that has another end there refuses.
pub fn bind(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &Kind,
    external_id: Option<&str>,
    record: Option<i64>,
    extra: Option<&Values>,
    change: &Change,
) -> Result<Binding, Error> {
    if external_id == Some("") {
        return Err(Error::field(&kind.name, "external_id", "an empty text is no id"));
    }
    if external_id.is_none() && record.is_none() {
        return Err(Error::field(&kind.name, "external_id", "a binding needs an external id, a record, or both"));
    }
    if let Some(record) = record
        && kind.model.table.versions(tx, &[record])?.is_empty()
    {
        return Err(Error::Missing { model: kind.model.name.clone(), id: record });
    }
    let by_external = external_id.map(|id| find(tx, backend, kind, id)).transpose()?.flatten();
    let by_record = record.map(|id| find_by_record(tx, backend, kind, id)).transpose()?.flatten();
    let known = match (by_external, by_record) {
        (Some(one), Some(other)) if one.id != other.id => {
            return Err(Error::NotUnique { model: kind.name.clone(), field: "external_id and record".to_owned() });
        }
        (one, other) => one.or(other),
    };
    let id = match known {
        None => {
            check_extra(kind, extra, change, true)?;
            let extra = extra.map(|extra| encode::store_extra(kind, None, extra));
            rows::insert(tx, backend, kind.id, external_id, record, extra.as_deref(), change.now)
                .map_err(|error| refused(kind, error))?
        }
        Some(known) => {
            check_extra(kind, extra, change, false)?;
            let differs = |field: &str| taken(kind, field);
            if known.external_id.is_some() && external_id.is_some() && known.external_id.as_deref() != external_id {
                return Err(differs("record"));
            }
            if known.record.is_some() && record.is_some() && known.record != record {
                return Err(differs("external_id"));
            }
            let stored = match extra {
                Some(values) => Some(encode::store_extra(kind, known.extra.as_deref(), values)),
                None => known.extra.clone(),
            };
            let (external_id, record) = (external_id.or(known.external_id.as_deref()), record.or(known.record));
            rows::update_ends(tx, known.id, external_id, record, stored.as_deref())
                .map_err(|error| refused(kind, error))?;
            known.id
        }
    };
    get(tx, id)
}

/// Sets extra fields of a binding; those that are not set stay.
pub fn set_extra(tx: &mut dyn Tx, id: i64, kind: &Kind, extra: &Values, change: &Change) -> Result<(), Error> {
    check_extra(kind, Some(extra), change, false)?;
    let known = get(tx, id)?;
    let stored = encode::store_extra(kind, known.extra.as_deref(), extra);
    rows::update_ends(tx, id, known.external_id.as_deref(), known.record, Some(&stored))
        .map_err(|error| refused(kind, error))?;
    Ok(())
}

/// Sets whether a binding is never exported, and how many attempts it has.
pub fn set_policy(tx: &mut dyn Tx, id: i64, no_export: bool, max_retries: i64) -> Result<(), Error> {
    found(rows::update_policy(tx, id, no_export, max_retries)?, id)
}

/// Notes up to which version a record is in step.
pub fn set_record_version(tx: &mut dyn Tx, id: i64, version: i64) -> Result<(), Error> {
    found(rows::update_record_version(tx, id, version)?, id)
}

/// Forgets the external id of a binding, and all that was known of it: the record is not there any more.
pub fn forget_external(tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
    found(rows::forget_external(tx, id)?, id)
}

/// In step: date now, error cleared, count 0.
pub fn mark_sync_success(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    found(rows::mark_success(tx, id, now)?, id)
}

/// Failed: the message kept, count one more, and when the sweep may try again.
pub fn mark_sync_failed(
    tx: &mut dyn Tx,
    id: i64,
    message: &str,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    found(rows::mark_failed(tx, id, message, retry_at, now)?, id)
}

/// Quarantines an external id, bound or not: makes the binding where it is missing, then as `mark_sync_failed`.
/// Answers the binding's id.
pub fn quarantine(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &Kind,
    external_id: &str,
    message: &str,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<i64, Error> {
    let id = match find(tx, backend, kind, external_id)? {
        Some(known) => known.id,
        None => rows::insert(tx, backend, kind.id, Some(external_id), None, None, now).map_err(|e| refused(kind, e))?,
    };
    mark_sync_failed(tx, id, message, retry_at, now)?;
    Ok(id)
}

/// Gives a failed binding all its attempts anew, the first one now; its status and its error stay. Others stay as they are.
pub fn renew(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    rows::renew(tx, id, now)?;
    Ok(())
}

/// Sets the status alone (`pending`, `in_progress`, `skipped`).
pub fn set_status(tx: &mut dyn Tx, id: i64, status: Status, now: Timestamp) -> Result<(), Error> {
    found(rows::set_status(tx, id, status, now)?, id)
}

/// Forgets what the last import learned, so that the next one maps again; the count starts at 0.
pub fn resync(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    found(rows::forget(tx, id, now)?, id)
}

/// Takes a binding away; the record stays.
pub fn unbind(tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
    found(rows::delete(tx, id)?, id)
}

/// Bindings, by id; `current_version` is not read.
pub fn list(tx: &mut dyn Tx, filter: &Filter) -> Result<Vec<Binding>, Error> {
    Ok(rows::list(tx, filter)?)
}

/// How many bindings of a backend stand at each status, by kind (id in the catalogue).
pub fn tally(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(i64, Status, u64)>, Error> {
    Ok(rows::tally(tx, backend)?)
}

/// How many failed bindings of a backend no sweep tries again, by kind (id in the catalogue). Those that a person has on
/// review are not among them.
pub fn given_up(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(i64, u64)>, Error> {
    Ok(rows::given_up(tx, backend)?)
}

fn found(rows: u64, id: i64) -> Result<(), Error> {
    if rows == 0 { Err(Error::NoBinding(id)) } else { Ok(()) }
}

/// Extra fields that must have a value have one, and only connectors write those that are theirs.
fn check_extra(kind: &Kind, values: Option<&Values>, change: &Change, new: bool) -> Result<(), Error> {
    let values = values.map(Vec::as_slice).unwrap_or_default();
    for field in &kind.fields {
        let set = values.iter().find(|(index, _)| *index == field.index);
        let empty = match set {
            Some((_, super::Input::Value(crate::model::Value::Null))) => true,
            Some((_, super::Input::Symbolic(symbolic))) => {
                return Err(Error::Unresolved {
                    model: kind.name.clone(),
                    field: field.name.clone(),
                    target: symbolic.to_string(),
                });
            }
            Some(_) => false,
            None => new,
        };
        if empty && field.required {
            return Err(Error::field(&kind.name, &field.name, "a value is required"));
        }
        if set.is_some() && field.read_only && !change.by_connector {
            return Err(Error::field(&kind.name, &field.name, "only connectors write this field; it can't be set"));
        }
    }
    Ok(())
}

/// What a refusal of the store means for a kind: one of its constraints, or the two that all have.
fn refused(kind: &Kind, error: storage::Error) -> Error {
    let storage::Error::Unique(text) = &error else { return Error::Storage(error) };
    for constraint in &kind.constraints {
        if text.contains(&super::register::index_name(kind.id, &constraint.name)) || names_all(text, &constraint.unique)
        {
            let said = if constraint.message.is_empty() { &constraint.name } else { &constraint.message };
            return Error::Constraint { kind: kind.name.clone(), message: said.clone() };
        }
    }
    taken(kind, if text.contains("binding.external_id") { "external_id" } else { "record" })
}

/// Another binding of the backend has that external id or record: in the words of the constraint that says so, where
/// the connector declares what holds anyway.
fn taken(kind: &Kind, field: &str) -> Error {
    let says = |columns: &[String]| {
        columns.len() == 2 && ["backend", field].iter().all(|name| columns.iter().any(|column| column == name))
    };
    match kind.constraints.iter().find(|one| says(&one.unique) && !one.message.is_empty()) {
        Some(one) => Error::Constraint { kind: kind.name.clone(), message: one.message.clone() },
        None => Error::NotUnique { model: kind.name.clone(), field: field.to_owned() },
    }
}

/// An index over plain columns is refused by their names, one with expressions by its own.
fn names_all(text: &str, columns: &[String]) -> bool {
    let list: Vec<&str> = text.rsplit(": ").next().unwrap_or_default().split(", ").collect();
    list.len() == columns.len() && columns.iter().all(|column| list.contains(&format!("binding.{column}").as_str()))
}
