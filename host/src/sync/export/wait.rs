//! Imports of records that a create of ours may have made, before its answer is bound: they wait, so that none is made
//! twice.
//!
//! What matches one of ours by the connector's fields is bound to it at once, whoever comes first. A new record waits only
//! where that can't tell: the kind has no such fields, ours or theirs has no value in them (it may be seen half made), or
//! both have what may be the same value in other letters.

use crate::{
    base::{Fault, Set, Timestamp},
    model::Value,
    record::{self, Input, encode},
    storage::{Store, Tx, intent},
    sync::{
        Error,
        plan::{Plan, What, Write},
        target::Target,
    },
};

/// How long a create that does not come to its end holds imports up: one that the outside system never takes is no reason
/// to import nothing new any more.
const PATIENCE_SECONDS: i64 = 3_600;

/// Our records of a kind that are being created there now.
pub fn under_way(tx: &mut dyn Tx, target: &Target, now: Timestamp) -> Result<Vec<i64>, Error> {
    if !target.declared.export {
        return Ok(Vec::new());
    }
    Ok(intent::under_way(tx, target.session.backend, target.name(), now.plus_seconds(-PATIENCE_SECONDS).0)?)
}

/// Lets the new records of a plan wait that may be those under way.
pub async fn hold(store: &Store, plan: &mut Plan, under_way: Vec<i64>) -> Result<(), Error> {
    let is_new = |what: &What| matches!(what, What::Write(write) if write.record.is_none());
    if !plan.actions.iter().any(|action| is_new(&action.what)) {
        return Ok(());
    }
    let target = plan.target.clone();
    let known = target.clone();
    let created = store.read(move |tx| Created::read(tx, &known, &under_way)).await?;
    for action in &mut plan.actions {
        if matches!(&action.what, What::Write(write) if write.record.is_none() && created.may_be(&target, write)) {
            action.what = What::Wait;
        }
    }
    Ok(())
}

/// What is known of our records that are being created.
struct Created {
    /// One of them has nothing by which it would have been matched.
    is_unclear: bool,
    /// What the others have, by field.
    values: Set<(usize, String)>,
}

impl Created {
    fn read(tx: &mut dyn Tx, target: &Target, records: &[i64]) -> Result<Self, Error> {
        let mut created = Self { is_unclear: target.matched_by.is_empty(), values: Set::default() };
        if created.is_unclear {
            return Ok(created);
        }
        let model = &target.kind.model;
        for row in record::read(tx, &target.catalogue, model, records, &target.matched_by).map_err(Fault::from)? {
            let mut told = row.values.iter().filter_map(|(field, value)| Some((*field, plain(value)?))).peekable();
            created.is_unclear |= told.peek().is_none();
            created.values.extend(told);
        }
        Ok(created)
    }

    /// Whether a record of theirs may be one of them.
    fn may_be(&self, target: &Target, write: &Write) -> bool {
        let told = |(field, input): &(usize, Input)| match input {
            Input::Value(value) if target.matched_by.contains(field) => Some((*field, plain(value)?)),
            _ => None,
        };
        let mut told = write.values.iter().filter_map(told).peekable();
        self.is_unclear || told.peek().is_none() || told.any(|told| self.values.contains(&told))
    }
}

/// A value without what an outside system may have changed of it; nothing where it is empty.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.trim().to_lowercase()).filter(|text| !text.is_empty()),
        value => Some(encode::value(value).to_string()),
    }
}
