//! Kinds under their own names: the binding's own fields, the kind's extra fields, and the record's, as one row.

mod find;
mod write;

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::{Catalogue, Error, Kind, binding::Binding, encode, register::OWN_FIELDS, row};
use crate::storage::{Tx, binding as bindings};

pub(super) use find::{count, search};
pub(super) use write::{create, decoded, write};

/// Rows in the order of the bindings' ids. No fields: all of them.
pub(super) fn read(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    kind: &Kind,
    ids: &[i64],
    fields: &[String],
) -> Result<Vec<Map<String, Json>>, Error> {
    let mut delegated = Vec::new();
    for name in fields {
        if OWN_FIELDS.contains(&name.as_str()) || kind.field(name).is_some() {
            continue;
        }
        let field = kind.model.field(name);
        delegated.push(field.ok_or_else(|| Error::field(&kind.name, name, kind.model.no_field(name)))?.index);
    }
    let all = bindings::by_ids(tx, kind.id, ids)?;
    let mut records = HashMap::new();
    if fields.is_empty() || !delegated.is_empty() {
        let record_ids: Vec<i64> = all.iter().filter_map(|binding| binding.record).collect();
        for row in row::read(tx, catalogue, &kind.model, &record_ids, &delegated)? {
            records.insert(row.id, encode::row(&kind.model, &row));
        }
    }
    let by_id: HashMap<i64, Binding> = all.into_iter().map(|binding| (binding.id, binding)).collect();
    let row = |id: &i64| {
        let binding = by_id.get(id)?;
        let mut object = binding.record.and_then(|record| records.get(&record)).cloned().unwrap_or_default();
        object.extend(encode::extra(kind, binding.extra.as_deref()));
        object.extend(own(kind, binding));
        if !fields.is_empty() {
            object.retain(|name, _| name == "id" || fields.iter().any(|field| field == name));
        }
        Some(object)
    };
    Ok(ids.iter().filter_map(row).collect())
}

/// The own fields of a binding.
pub fn own(kind: &Kind, binding: &Binding) -> Map<String, Json> {
    let time = |at: Option<crate::base::Timestamp>| at.map_or(Json::Null, |at| at.to_rfc3339().into());
    let values = [
        ("id", binding.id.into()),
        ("backend", binding.backend.into()),
        ("kind", kind.name.as_str().into()),
        ("record", binding.record.into()),
        ("external_id", binding.external_id.clone().into()),
        ("sync_date", time(binding.sync_date)),
        ("sync_status", binding.sync_status.as_str().into()),
        ("retry_count", binding.retry_count.into()),
        ("max_retries", binding.max_retries.into()),
        ("last_error", binding.last_error.clone().into()),
        ("no_export", binding.no_export.into()),
        ("external_updated_at", binding.external_updated_at.clone().into()),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
