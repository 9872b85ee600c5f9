//! Matching: before a record is made, ours are searched for one that is the same by the connector's declared fields.
//!
//! Exactly one that is not bound yet is taken; several are for a person to decide. It never guesses, and never writes.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::target::Target;
use crate::{
    model::Value,
    record::{self, Error, Input, Query, Values, binding, encode},
    storage::Tx,
};

/// What matching found for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Nothing: it is new here.
    None,
    /// This record of ours.
    One(i64),
    /// Several of ours, by a field and value.
    Several {
        /// Field and value.
        reason: String,
        /// The records.
        records: Vec<i64>,
    },
}

/// Searches for all items of a page, one query for each field; the answer is in their order.
pub fn find(tx: &mut dyn Tx, target: &Target, items: &[&Values]) -> Result<Vec<Match>, Error> {
    let mut found = vec![Match::None; items.len()];
    // A record can be taken by one item only: the first that asks for it.
    let mut taken = HashSet::new();
    for field in &target.matched_by {
        let mut asked: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, values) in items.iter().enumerate().filter(|(at, _)| found[*at] == Match::None) {
            if let Some(key) = key(values, *field) {
                asked.entry(key).or_default().push(at);
            }
        }
        if asked.is_empty() {
            continue;
        }
        let candidates = unbound(tx, target, *field, asked.keys())?;
        let mut keys: Vec<(&String, &Vec<usize>)> = asked.iter().collect();
        keys.sort_by_key(|(_, at)| at[0]);
        for (key, at) in keys {
            for at in at {
                let free: Vec<i64> =
                    candidates.get(key).into_iter().flatten().copied().filter(|id| !taken.contains(id)).collect();
                found[*at] = match free.as_slice() {
                    [] => continue,
                    [one] => {
                        taken.insert(*one);
                        Match::One(*one)
                    }
                    _ => Match::Several { reason: format!("{} = {key}", target.field(*field).name), records: free },
                };
            }
        }
    }
    Ok(found)
}

/// The value that an item would give a field, as JSON; nothing where it has none to compare.
fn key(values: &Values, field: usize) -> Option<String> {
    let (_, input) = values.iter().find(|(at, _)| *at == field)?;
    match input {
        Input::Value(Value::Null) => None,
        Input::Value(Value::Text(text)) if text.trim().is_empty() => None,
        Input::Value(value) => Some(encode::value(value).to_string()),
        Input::Symbolic(_) | Input::Lines(_) => None,
    }
}

/// Our records with one of these values that no external id of this kind is bound to, by value. Archived ones count.
fn unbound<'k>(
    tx: &mut dyn Tx,
    target: &Target,
    field: usize,
    keys: impl Iterator<Item = &'k String>,
) -> Result<HashMap<String, Vec<i64>>, Error> {
    let model = &target.kind.model;
    let values: Vec<serde_json::Value> = keys.filter_map(|key| serde_json::from_str(key).ok()).collect();
    let mut domain = vec![json!([target.field(field).name, "in", values])];
    domain.extend(target.matched_among.iter().cloned());
    let query =
        Query { domain: serde_json::Value::Array(domain), archived: true, order: "id".to_owned(), ..Query::default() };
    let ids = record::search(tx, &target.catalogue, model, &query)?;
    let mut by_value: HashMap<String, Vec<i64>> = HashMap::new();
    if ids.is_empty() {
        return Ok(by_value);
    }
    for row in record::read(tx, &target.catalogue, model, &ids, &[field])? {
        let Some((_, value)) = row.values.first() else { continue };
        let bound = binding::find_by_record(tx, target.session.backend, &target.kind, row.id)?;
        // One that waits for its first export has no id there yet.
        if bound.is_none_or(|bound| bound.external_id.is_none()) {
            by_value.entry(encode::value(value).to_string()).or_default().push(row.id);
        }
    }
    Ok(by_value)
}
