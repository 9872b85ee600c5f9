//! Lines that were sent with their record: those that are new there are bound to ours, in the order in which they were sent.

use crate::{
    model::Value,
    record::{
        self, Change, Error,
        binding::{self, Synced},
    },
    storage::Tx,
    sync::plan::{Children, Plan},
};

/// Binds the lines of a record; whether all of them are bound then. Where the numbers differ nothing is guessed, and the
/// next import makes of it what it finds.
pub fn bind(tx: &mut dyn Tx, plan: &Plan, record: i64, children: &[Children], change: &Change) -> Result<bool, Error> {
    let mut all = true;
    for children in children {
        all &= bind_field(tx, plan, record, children, change)?;
    }
    Ok(all)
}

fn bind_field(tx: &mut dyn Tx, plan: &Plan, record: i64, children: &Children, change: &Change) -> Result<bool, Error> {
    let (backend, catalogue) = (plan.target.session.backend, plan.catalogue());
    let rows = record::read(tx, catalogue, &plan.target.kind.model, &[record], &[children.field])?;
    let ours = match rows.first().and_then(|row| row.values.first()) {
        Some((_, Value::Refs(lines))) => lines.clone(),
        _ => Vec::new(),
    };
    let bound = binding::of_records(tx, backend, &children.kind, &ours)?;
    let theirs: Vec<&str> = children.lines.iter().map(|line| line.id.as_str()).collect();
    let known = binding::find_page(tx, backend, &children.kind, &theirs)?;
    let is_known = |id: &str| known.iter().any(|binding| binding.external_id.as_deref() == Some(id));
    let is_bound = |line: i64| bound.iter().any(|binding| binding.record == Some(line));
    let new_theirs: Vec<&str> = theirs.into_iter().filter(|id| !is_known(id)).collect();
    let new_ours: Vec<i64> = ours.into_iter().filter(|line| !is_bound(*line)).collect();
    if new_theirs.len() != new_ours.len() {
        return Ok(false);
    }
    let stored: Vec<usize> =
        children.kind.model.fields.iter().filter(|field| field.is_stored()).map(|field| field.index).take(1).collect();
    let versions = record::read(tx, catalogue, &children.kind.model, &new_ours, &stored)?;
    for (id, line) in new_theirs.into_iter().zip(&versions) {
        let synced = Synced {
            map_fingerprint: Some(plan.target.fingerprint),
            record_version: line.version,
            ..Synced::default()
        };
        binding::insert_synced(tx, backend, &children.kind, id, line.id, &synced, change)?;
    }
    Ok(true)
}
