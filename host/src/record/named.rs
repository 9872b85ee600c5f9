//! Records by the name of their model, or of a kind: JSON in, JSON out, as services and faces need it.
//!
//! Under a kind's name ids are those of bindings, and a row has the binding's own fields, the kind's extra fields and
//! the record's: writing goes through to the record in the same transaction.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{
    Catalogue, Change, Error, Kind, Model, Query, Values, decode, domain, encode, kind, reference::Resolver, row, store,
};
use crate::storage::Tx;

/// What a name stands for.
enum Named<'a> {
    Model(&'a Arc<Model>),
    Kind(&'a Arc<Kind>),
}

fn named<'a>(catalogue: &'a Catalogue, name: &str) -> Result<Named<'a>, Error> {
    match (catalogue.model(name), catalogue.kind(name)) {
        (Some(model), _) => Ok(Named::Model(model)),
        (None, Some(kind)) => Ok(Named::Kind(kind)),
        (None, None) => Err(catalogue.unknown(name)),
    }
}

/// Ids of the records (bindings, for a kind) that a query finds, in order.
pub fn search(tx: &mut dyn Tx, catalogue: &Catalogue, name: &str, query: &Query) -> Result<Vec<i64>, Error> {
    match named(catalogue, name)? {
        Named::Model(model) => domain::search(tx, catalogue, model, query),
        Named::Kind(kind) => kind::search(tx, catalogue, kind, query),
    }
}

/// How many records (bindings, for a kind) a query finds, whatever its limit.
pub fn count(tx: &mut dyn Tx, catalogue: &Catalogue, name: &str, query: &Query) -> Result<u64, Error> {
    match named(catalogue, name)? {
        Named::Model(model) => domain::count(tx, catalogue, model, query),
        Named::Kind(kind) => kind::count(tx, catalogue, kind, query),
    }
}

/// Rows in the order of the ids; ids that are gone are left out. No fields: all of them.
pub fn read(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    name: &str,
    ids: &[i64],
    fields: &[String],
) -> Result<Vec<Map<String, Json>>, Error> {
    match named(catalogue, name)? {
        Named::Model(model) => {
            let indexes = field_indexes(model, fields)?;
            if indexes.is_empty() && !fields.is_empty() {
                // Only the id was asked for.
                let versions = model.table.versions(tx, ids)?;
                let there = ids.iter().filter(|id| versions.iter().any(|(known, _)| known == *id));
                return Ok(there.map(|id| Map::from_iter([("id".to_owned(), Json::from(*id))])).collect());
            }
            let rows = row::read(tx, catalogue, model, ids, &indexes)?;
            Ok(rows.iter().map(|row| encode::row(model, row)).collect())
        }
        Named::Kind(kind) => kind::read(tx, catalogue, kind, ids, fields),
    }
}

/// The rows that a query finds, in order.
pub fn search_read(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    name: &str,
    query: &Query,
    fields: &[String],
) -> Result<Vec<Map<String, Json>>, Error> {
    let ids = search(tx, catalogue, name, query)?;
    read(tx, catalogue, name, &ids, fields)
}

/// The model that a name writes to, and a JSON object of values decoded for it: what can be told without the store.
pub fn decoded(catalogue: &Catalogue, name: &str, json: &str) -> Result<(Arc<Model>, Values), Error> {
    match named(catalogue, name)? {
        Named::Model(model) => Ok((Arc::clone(model), decode::values(catalogue, model, json)?)),
        Named::Kind(kind) => Ok((Arc::clone(&kind.model), kind::decoded(catalogue, kind, json)?)),
    }
}

/// Makes a record from a JSON object; answers its id. Under a kind's name: makes the record too, or binds the one that
/// `record` names; `backend` is needed there and may come from the change.
pub fn create(tx: &mut dyn Tx, catalogue: &Catalogue, name: &str, json: &str, change: &Change) -> Result<i64, Error> {
    match named(catalogue, name)? {
        Named::Model(model) => {
            let values = resolved(tx, catalogue, model, json, change.origin.backend, change)?;
            store::create(tx, catalogue, model, &values, change)
        }
        Named::Kind(kind) => kind::create(tx, catalogue, kind, json, change),
    }
}

/// Changes a record by a JSON object; answers the names of the fields that differ now.
pub fn write(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    name: &str,
    id: i64,
    json: &str,
    change: &Change,
) -> Result<Vec<String>, Error> {
    match named(catalogue, name)? {
        Named::Model(model) => {
            let values = resolved(tx, catalogue, model, json, change.origin.backend, change)?;
            let written = store::write(tx, catalogue, model, id, &values, change)?;
            Ok(names(model, &written.changed))
        }
        Named::Kind(kind) => kind::write(tx, catalogue, kind, id, json, change),
    }
}

/// Removes records; under a kind's name only the bindings, never the records.
pub fn unlink(tx: &mut dyn Tx, catalogue: &Catalogue, name: &str, ids: &[i64], change: &Change) -> Result<(), Error> {
    match named(catalogue, name)? {
        Named::Model(model) => store::unlink(tx, catalogue, model, ids, change),
        Named::Kind(_) => ids.iter().try_for_each(|id| super::binding::unbind(tx, *id)),
    }
}

pub(super) fn names(model: &Model, indexes: &[usize]) -> Vec<String> {
    indexes.iter().map(|index| model.fields[*index].name.clone()).collect()
}

/// Indexes of fields by name; `id` is in every row and needs none.
fn field_indexes(model: &Model, fields: &[String]) -> Result<Vec<usize>, Error> {
    let index = |name: &String| {
        let field = model.field(name).ok_or_else(|| model.unknown(name))?;
        Ok(field.index)
    };
    fields.iter().filter(|name| *name != "id").map(index).collect()
}

/// Values of a JSON object with all references resolved; one that stands for nothing is an error.
pub(super) fn resolved(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    json: &str,
    backend: Option<i64>,
    change: &Change,
) -> Result<Values, Error> {
    let mut values = decode::values(catalogue, model, json)?;
    let mut resolver = Resolver::default();
    resolver.gather(&values);
    // Without a backend a reference to an external id stands for nothing.
    resolver.look_up(tx, catalogue, backend.unwrap_or_default())?;
    resolver.create_missing(tx, catalogue, change)?;
    match resolver.apply(&mut values).into_iter().next() {
        None => Ok(values),
        Some((_, super::Symbolic::Find(find))) if resolver.is_ambiguous(&super::Symbolic::Find(find.clone())) => {
            Err(Error::Ambiguous { model: find.model, field: find.field, value: find.value })
        }
        Some((index, symbolic)) => Err(Error::Unresolved {
            model: model.name.clone(),
            field: model.fields[index].name.clone(),
            target: symbolic.to_string(),
        }),
    }
}
