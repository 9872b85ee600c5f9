//! Imports of records that a create of ours may have made, before its answer is bound: they wait, so that none is made
//! twice.
//!
//! What matches one of ours by the connector's fields is bound to it at once, whoever comes first. A new record waits only
//! where that can't tell: the kind has no such fields, or ours has no value in them.

use crate::{
    base::{Fault, Timestamp},
    model::Value,
    record,
    storage::{Store, Tx, intent},
    sync::{
        Error,
        plan::{Plan, What},
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
    let is_unclear = store.read(move |tx| is_unclear(tx, &target, &under_way)).await?;
    if is_unclear {
        for action in plan.actions.iter_mut().filter(|action| is_new(&action.what)) {
            action.what = What::Wait;
        }
    }
    Ok(())
}

/// Whether one of these records has nothing by which it would have been matched.
fn is_unclear(tx: &mut dyn Tx, target: &Target, records: &[i64]) -> Result<bool, Error> {
    if target.matched_by.is_empty() {
        return Ok(true);
    }
    let rows =
        record::read(tx, &target.catalogue, &target.kind.model, records, &target.matched_by).map_err(Fault::from)?;
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    Ok(rows.iter().any(|row| row.values.iter().all(|(_, value)| is_empty(value))))
}
