//! What `apply` writes for one record: the record, its lines, its binding; or its payload and the reason it waits.

use std::borrow::Cow;

use super::{
    apply::{Abort, Circumstances},
    conflict,
    export::bounce,
    merge,
    plan::{Action, Plan, What, Write},
    problem::{self, Problem},
    resolve,
    review::SEVERAL_MATCHES,
    write_line::{self, Lines},
};
use crate::{
    backend::RemoteDeletion,
    model::Value,
    record::{
        self, Error, Input, Model,
        binding::{self, Status, Synced},
        store::FIRST_VERSION,
    },
    storage::{Tx, intent, quarantine as payload, review},
};

/// A record that was written.
#[derive(Debug, Clone, Copy)]
pub struct Wrote {
    /// Ours.
    pub record: i64,
    /// It was made.
    pub created: bool,
    /// It, or a line of it, differs from before.
    pub changed: bool,
    /// It was found by matching.
    pub matched: bool,
    /// Lines written.
    pub lines: i64,
}

/// Writes a record with its lines and its binding.
pub fn write(
    tx: &mut dyn Tx,
    plan: &Plan,
    action: &Action,
    write: &Write,
    at: &Circumstances,
) -> Result<Result<Wrote, Problem>, Abort> {
    let write = match settled(tx, plan, write, at)? {
        Ok(settled) => settled,
        Err(problem) => return Ok(Err(problem)),
    };
    let model = &plan.target.kind.model;
    let (record, mut version, mut changed) = match write.record {
        None => (record::create(tx, plan.catalogue(), model, &write.values, &at.change)?, FIRST_VERSION, true),
        Some(record) => {
            let written = record::write(tx, plan.catalogue(), model, record, &write.values, &at.change)?;
            (record, written.version, !written.changed.is_empty())
        }
    };
    let mut lines = Lines::new(tx, plan, action, &write, at)?;
    for children in &write.children {
        lines.write(tx, model, record, (children, &write.children), write.record.is_none())?;
    }
    changed |= lines.changed;
    if lines.changed {
        // Lines may raise the version of what they belong to.
        version = write_line::version_of(tx, plan, model, record)?;
    }
    if changed
        && let Some(seen) = &action.seen
        && let Some(sent) = &seen.sent
    {
        bounce::came_back(tx, seen.id, sent, at.now)?;
    }
    let item = action.item.map(|item| &plan.page.items[item]);
    let synced = Synced {
        // Without a hash the next sync maps again: a look-up that found nothing may find something then.
        payload_hash: item.map(|item| item.hash).filter(|_| !write.unresolved),
        map_fingerprint: Some(plan.target.fingerprint),
        changed_by: write.digests.as_deref(),
        // What of ours is still to be sent keeps both sides out of step.
        record_version: action.seen.and_then(|seen| seen.in_step).filter(|_| !write.kept.is_empty()).unwrap_or(version),
        external_updated_at: plan.updated(action),
        extra: write.extra.as_ref(),
        export_hash: None,
    };
    let id = bind(tx, plan, action, (record, write.matched), &synced, at)?;
    conflict::agree(tx, plan, (id, record, action.seen.is_none()), &write, at)?;
    Ok(Ok(Wrote { record, created: write.record.is_none(), changed, matched: write.matched, lines: lines.written }))
}

/// A write whose references are all known, those too that were not when the plan was made.
fn settled<'w>(
    tx: &mut dyn Tx,
    plan: &Plan,
    write: &'w Write,
    at: &Circumstances,
) -> Result<Result<Cow<'w, Write>, Problem>, Abort> {
    if write.open.is_empty() {
        return Ok(Ok(Cow::Borrowed(write)));
    }
    let settled = resolve::settle(tx, plan.catalogue(), plan.target.session.backend, write, &at.change)?;
    Ok(settled.map(|mut settled| {
        // What was looked up only now is agreed on as well.
        let found = merge::agreed(&plan.target.kind.model, &settled.values);
        settled.agreed.iter_mut().for_each(|agreed| agreed.extend(found.clone()));
        Cow::Owned(settled)
    }))
}

/// Keeps what the sync learned on the binding, which is made where it is missing; answers it.
fn bind(
    tx: &mut dyn Tx,
    plan: &Plan,
    action: &Action,
    (record, is_matched): (i64, bool),
    synced: &Synced<'_>,
    at: &Circumstances,
) -> Result<i64, Abort> {
    let (backend, kind) = (plan.target.session.backend, &plan.target.kind);
    let new = action.seen.is_none_or(|seen| seen.record.is_none());
    if is_matched && new {
        // A record that waited for its first export has a binding without an id: it is there, whoever made it.
        let known = binding::find_by_record(tx, backend, kind, record)?;
        if let Some(waiting) = known.filter(|known| known.external_id.is_none()) {
            binding::unbind(tx, waiting.id)?;
            intent::close(tx, backend, plan.target.name(), record, &action.id, at.now.0)?;
        }
    }
    let Some(seen) = &action.seen else {
        return Ok(binding::insert_synced(tx, backend, kind, &action.id, record, synced, &at.change)?);
    };
    binding::update_synced(tx, seen.id, kind, record, synced, &at.change)?;
    if seen.retry_count > 0 || seen.record.is_none() {
        payload::release(tx, &[seen.id])?;
        let key = (backend, plan.target.name(), action.id.as_str());
        review::close(tx, key, if is_matched { 1 } else { 2 }, Some(record), at.now.0, "sync")?;
    }
    Ok(seen.id)
}

/// The connector leaves the record out: its binding says so.
pub fn skip(tx: &mut dyn Tx, action: &Action, at: &Circumstances) -> Result<(), Abort> {
    if let Some(seen) = &action.seen {
        binding::set_status(tx, seen.id, Status::Skipped, at.now)?;
        payload::release(tx, &[seen.id])?;
    }
    Ok(())
}

/// Keeps a record's payload on its binding, with the reason, for the sweep and for people.
pub fn quarantine(
    tx: &mut dyn Tx,
    plan: &Plan,
    action: &Action,
    problem: &Problem,
    at: &Circumstances,
) -> Result<(), Abort> {
    let (attempts, allowed) =
        action.seen.as_ref().map_or((0, binding::MAX_RETRIES), |seen| (seen.retry_count, seen.max_retries));
    let again = problem.retry && attempts + 1 < allowed;
    let retry_at = again.then(|| problem::retry_at(at.now, attempts));
    let target = &plan.target;
    let backend = target.session.backend;
    let message = problem.to_string();
    let binding = binding::quarantine(tx, backend, &target.kind, &action.id, &message, retry_at, at.now)?;
    payload::keep(
        tx,
        &payload::Keep {
            backend,
            kind: target.name(),
            binding: Some(binding),
            external_id: Some(&action.id),
            run: at.run.as_ref().map(|run| run.id),
            payload: plan.payload(action),
            external_updated_at: plan.updated(action),
            map_fingerprint: target.fingerprint,
            code: &problem.code,
            error: &message,
            path: problem.path.as_deref(),
            field: problem.field.as_deref(),
            now: at.now.0,
        },
    )?;
    Ok(())
}

/// Several of ours match: a person decides.
pub fn hold(
    tx: &mut dyn Tx,
    plan: &Plan,
    action: &Action,
    reason: &str,
    candidates: &[i64],
    at: &Circumstances,
) -> Result<(), Abort> {
    let target = &plan.target;
    let backend = target.session.backend;
    let message = format!("held for review: {} of our records have {reason}", candidates.len());
    // No time to try again: a person settles it, or a later page finds the ambiguity gone.
    let binding = binding::quarantine(tx, backend, &target.kind, &action.id, &message, None, at.now)?;
    let list = serde_json::json!(candidates).to_string();
    review::hold(
        tx,
        &review::Hold {
            backend,
            kind: target.name(),
            cause: SEVERAL_MATCHES,
            ours: None,
            external_id: &action.id,
            binding: Some(binding),
            reason,
            candidates: &list,
            payload: plan.payload(action),
            external_updated_at: plan.updated(action),
            now: at.now.0,
        },
    )?;
    Ok(())
}

/// Their record is gone: ours is left, archived or removed, as the operator wants. Answers whether something changed.
pub fn gone(tx: &mut dyn Tx, plan: &Plan, action: &Action, at: &Circumstances) -> Result<bool, Abort> {
    let Some(seen) = &action.seen else { return Ok(false) };
    debug_assert!(matches!(action.what, What::Gone), "only what is gone is treated so");
    let Some(record) = seen.record else {
        // It was never imported: nothing of ours stands for it.
        binding::unbind(tx, seen.id)?;
        return Ok(true);
    };
    let model = &plan.target.kind.model;
    match plan.target.deletion() {
        RemoteDeletion::Ignore => {
            binding::set_status(tx, seen.id, Status::Skipped, at.now)?;
            Ok(false)
        }
        RemoteDeletion::Archive => archive(tx, plan, model, seen.id, record, at),
        RemoteDeletion::Delete => {
            let removed = tx.savepoint(|tx| record::unlink(tx, plan.catalogue(), model, &[record], &at.change))?;
            match removed {
                Ok(()) => Ok(true),
                Err(Error::InUse { .. } | Error::Storage(crate::storage::Error::ForeignKey(_))) => {
                    archive(tx, plan, model, seen.id, record, at)
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

fn archive(
    tx: &mut dyn Tx,
    plan: &Plan,
    model: &Model,
    binding: i64,
    record: i64,
    at: &Circumstances,
) -> Result<bool, Abort> {
    let changed = match model.field("active") {
        None => false,
        Some(active) => {
            let values = vec![(active.index, Input::Value(Value::Bool(false)))];
            !record::write(tx, plan.catalogue(), model, record, &values, &at.change)?.changed.is_empty()
        }
    };
    binding::set_status(tx, binding, Status::Skipped, at.now)?;
    Ok(changed)
}
