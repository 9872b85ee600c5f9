//! Creating and changing under a kind's name: one JSON object, split into what is the binding's, what is extra, and
//! what goes through to the record.

use crate::{
    record::{
        Catalogue, Change, Error, Kind, Values, binding, decode,
        named::{names, resolved},
        register::OWN_FIELDS,
        store,
    },
    storage::Tx,
};

/// What a JSON object says of each.
#[derive(Default)]
struct Parts {
    backend: Option<i64>,
    record: Option<i64>,
    external_id: Option<String>,
    no_export: Option<bool>,
    max_retries: Option<i64>,
    extra: String,
    values: String,
}

fn split(kind: &Kind, json: &str) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    let (mut extra, mut values) = (Vec::new(), Vec::new());
    let pairs = decode::pairs(json).map_err(|problem| Error::field(&kind.name, "", problem))?;
    for (name, raw) in pairs {
        let wrong = |e: serde_json::Error| Error::field(&kind.name, &name, e.to_string());
        match name.as_ref() {
            "backend" => parts.backend = serde_json::from_str(raw).map_err(wrong)?,
            "record" => parts.record = serde_json::from_str(raw).map_err(wrong)?,
            "external_id" => parts.external_id = serde_json::from_str(raw).map_err(wrong)?,
            "no_export" => parts.no_export = serde_json::from_str(raw).map_err(wrong)?,
            "max_retries" => parts.max_retries = serde_json::from_str(raw).map_err(wrong)?,
            own if OWN_FIELDS.contains(&own) => {
                return Err(Error::field(&kind.name, own, "syncs set this field; it can't be written"));
            }
            extra_name if kind.field(extra_name).is_some() => extra.push((extra_name.to_owned(), raw)),
            other => values.push((other.to_owned(), raw)),
        }
    }
    parts.extra = object(&extra);
    parts.values = object(&values);
    Ok(parts)
}

fn object(pairs: &[(String, &str)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, raw)| format!("{}:{raw}", serde_json::Value::from(name.as_str()))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// The values that go through to the record, decoded; those of the binding are checked.
pub(in crate::record) fn decoded(catalogue: &Catalogue, kind: &Kind, json: &str) -> Result<Values, Error> {
    let parts = split(kind, json)?;
    decode::extra(kind, &parts.extra)?;
    decode::values(catalogue, &kind.model, &parts.values)
}

/// Makes a binding, and its record unless `record` names one; answers the binding's id.
pub(in crate::record) fn create(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    kind: &Kind,
    json: &str,
    change: &Change,
) -> Result<i64, Error> {
    let parts = split(kind, json)?;
    let backend = parts.backend.or(change.origin.backend);
    let backend = backend.ok_or_else(|| Error::field(&kind.name, "backend", "a value is required"))?;
    let extra = decode::extra(kind, &parts.extra)?;
    let values = resolved(tx, catalogue, &kind.model, &parts.values, Some(backend), change)?;
    let record = match parts.record {
        Some(record) => {
            store::write(tx, catalogue, &kind.model, record, &values, change)?;
            record
        }
        None => store::create(tx, catalogue, &kind.model, &values, change)?,
    };
    let made = binding::bind(tx, backend, kind, parts.external_id.as_deref(), Some(record), Some(&extra), change)?;
    set_policy(tx, &made, &parts)?;
    Ok(made.id)
}

/// Changes a binding and its record; answers the names of the fields that were set or differ now.
pub(in crate::record) fn write(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    kind: &Kind,
    id: i64,
    json: &str,
    change: &Change,
) -> Result<Vec<String>, Error> {
    let parts = split(kind, json)?;
    let known = binding::get(tx, id)?;
    if known.kind != kind.id {
        return Err(Error::NoBinding(id));
    }
    if parts.backend.is_some_and(|backend| backend != known.backend) {
        return Err(Error::field(&kind.name, "backend", "a binding stays with its backend"));
    }
    let mut changed = Vec::new();
    let extra = decode::extra(kind, &parts.extra)?;
    if !extra.is_empty() {
        binding::set_extra(tx, id, kind, &extra, change)?;
        changed.extend(extra.iter().map(|(index, _)| kind.fields[*index].name.clone()));
    }
    if parts.external_id.is_some() || parts.record.is_some() {
        let external_id = parts.external_id.as_deref().or(known.external_id.as_deref());
        binding::bind(tx, known.backend, kind, external_id, parts.record.or(known.record), None, change)?;
        changed.extend(parts.external_id.is_some().then(|| "external_id".to_owned()));
        changed.extend(parts.record.is_some().then(|| "record".to_owned()));
    }
    set_policy(tx, &known, &parts)?;
    if parts.values != "{}" {
        let record = parts.record.or(known.record).ok_or_else(|| {
            Error::field(&kind.name, "record", "the binding has no record yet, so its fields can't be written")
        })?;
        let values = resolved(tx, catalogue, &kind.model, &parts.values, Some(known.backend), change)?;
        let written = store::write(tx, catalogue, &kind.model, record, &values, change)?;
        changed.extend(names(&kind.model, &written.changed));
    }
    Ok(changed)
}

fn set_policy(tx: &mut dyn Tx, known: &binding::Binding, parts: &Parts) -> Result<(), Error> {
    if parts.no_export.is_none() && parts.max_retries.is_none() {
        return Ok(());
    }
    let max_retries = parts.max_retries.unwrap_or(known.max_retries);
    binding::set_policy(tx, known.id, parts.no_export.unwrap_or(known.no_export), max_retries)
}
