//! What `apply` writes for one record: the record, its lines, its binding; or its payload and the reason it waits.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    apply::{Abort, Circumstances},
    conflict,
    export::bounce,
    line::{self, Standing},
    merge::{self, Side},
    plan::{Action, Children, Line, Plan, What, Write},
    problem::{self, Problem},
    resolve,
    review::SEVERAL_MATCHES,
    under_way::{self, UnderWay},
};
use crate::{
    backend::RemoteDeletion,
    model::Value,
    record::{
        self, Error, Input, Model, Values,
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
        version = version_of(tx, plan, model, record)?;
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

fn version_of(tx: &mut dyn Tx, plan: &Plan, model: &Model, record: i64) -> Result<i64, Error> {
    let any = model.fields.iter().find(|field| field.is_stored()).map(|field| field.index);
    let rows = record::read(tx, plan.catalogue(), model, &[record], any.as_slice())?;
    rows.first().map(|row| row.version).ok_or_else(|| Error::Missing { model: model.name.clone(), id: record })
}

/// Writes lines under their own bindings.
struct Lines<'p> {
    plan: &'p Plan,
    at: &'p Circumstances,
    /// Where both sides changed a field of a line, ours stands.
    keeps_ours: bool,
    /// The record with which its lines were agreed on, where it goes both ways.
    agreed_on: Option<i64>,
    /// Their record has just been matched with ours.
    matched: bool,
    /// What of them may have been sent.
    under_way: UnderWay,
    written: i64,
    changed: bool,
}

impl<'p> Lines<'p> {
    fn new(
        tx: &mut dyn Tx,
        plan: &'p Plan,
        action: &Action,
        write: &Write,
        at: &'p Circumstances,
    ) -> Result<Self, Abort> {
        let both_ways = conflict::keeps_agreed(&plan.target);
        let seen = action.seen.filter(|_| !write.children.is_empty() && both_ways);
        let under_way = seen.map(|seen| under_way::of(tx, seen.id)).transpose()?.unwrap_or_default();
        let (keeps_ours, matched) = (write.keeps_lines, write.matched);
        let agreed_on = write.record.filter(|_| both_ways && !matched);
        Ok(Self { plan, at, keeps_ours, agreed_on, matched, under_way, written: 0, changed: false })
    }

    /// Makes the lines of one field what the plan says: those that are missing are gone.
    fn write(
        &mut self,
        tx: &mut dyn Tx,
        parent: &Model,
        record: i64,
        (children, all): (&Children, &[Children]),
        is_new: bool,
    ) -> Result<(), Abort> {
        let backend = self.plan.target.session.backend;
        let ids: Vec<&str> = children.lines.iter().map(|line| line.id.as_str()).collect();
        let known = if ids.is_empty() { Vec::new() } else { binding::find_page(tx, backend, &children.kind, &ids)? };
        if !is_new {
            let kept = known.iter().filter_map(|binding| binding.record).collect();
            self.remove_missing(tx, parent, record, children, &kept)?;
        }
        let is_unknown = |line: &&Line| !known.iter().any(|binding| binding.external_id.as_deref() == Some(&line.id));
        let new: Vec<&Line> = children.lines.iter().filter(is_unknown).collect();
        let paired = self.pair(tx, parent, record, (children, all), &new)?;
        let removed = match self.agreed_on == Some(record) {
            true => line::removed(tx, self.plan, (children, &new), record)?,
            false => Vec::new(),
        };
        for line in children.lines.iter().filter(|line| !removed.contains(&line.id.as_str())) {
            let mut bound = known.iter().find(|binding| binding.external_id.as_deref() == Some(&line.id)).cloned();
            let paired = paired.get(&line.id).copied().filter(|_| bound.is_none());
            if let Some(record) = paired {
                bound = self.bind_sent(tx, children, line, record)?;
            }
            let known = bound.as_ref().and_then(|binding| binding.record).or(paired);
            self.write_line(tx, record, children, line, (bound.as_ref(), known))?;
        }
        Ok(())
    }

    /// Which of our lines new ones of theirs are: by what was sent of ours and had no answer, and where their record has just
    /// been matched, by content.
    fn pair(
        &self,
        tx: &mut dyn Tx,
        parent: &Model,
        record: i64,
        (children, all): (&Children, &[Children]),
        new: &[&Line],
    ) -> Result<HashMap<String, i64>, Abort> {
        if new.is_empty() || !(self.matched || self.under_way.has_lines()) {
            return Ok(HashMap::new());
        }
        let beside: Vec<&Children> = all.iter().filter(|other| other.field == children.field).collect();
        let free = line::free(tx, self.plan, parent, record, &beside)?;
        let paired = match self.matched {
            true => line::pair(&children.kind, new, &free),
            false => line::as_sent(children, new, &free, &self.under_way),
        };
        let ids = new.iter().zip(paired).filter_map(|(line, at)| Some((line.id.clone(), free[at?].id)));
        Ok(ids.collect())
    }

    /// Binds a line of ours that was sent and whose answer never came, as it was sent.
    fn bind_sent(
        &self,
        tx: &mut dyn Tx,
        children: &Children,
        line: &Line,
        record: i64,
    ) -> Result<Option<record::Binding>, Abort> {
        let (backend, kind) = (self.plan.target.session.backend, &children.kind);
        let Some(sent) = line::digest_sent(children, line, record, &self.under_way) else { return Ok(None) };
        let synced = Synced {
            payload_hash: Some(sent),
            map_fingerprint: Some(self.plan.target.fingerprint),
            // None of its versions is known to be there.
            record_version: 0,
            ..Synced::default()
        };
        binding::insert_synced(tx, backend, kind, &line.id, record, &synced, &self.at.change)?;
        Ok(binding::find(tx, backend, kind, &line.id)?)
    }

    fn write_line(
        &mut self,
        tx: &mut dyn Tx,
        parent: i64,
        children: &Children,
        line: &Line,
        (bound, known): (Option<&record::Binding>, Option<i64>),
    ) -> Result<(), Abort> {
        let (plan, at) = (self.plan, self.at);
        let model = &children.kind.model;
        let Some((mut values, keeps)) = self.taken(tx, children, line, bound)? else { return Ok(()) };
        values.push((children.inverse, Input::Value(Value::Ref(parent))));
        let both_ways = conflict::keeps_agreed(&plan.target);
        let theirs = line::digest(&children.kind, children.inverse, line);
        let (record, mut version) = match known {
            Some(record) => {
                let written = record::write(tx, plan.catalogue(), model, record, &values, &at.change)?;
                self.changed |= !written.changed.is_empty();
                (record, written.version)
            }
            None => {
                self.changed = true;
                for (field, input) in &line.create_values {
                    values.retain(|(known, _)| known != field);
                    values.push((*field, input.clone()));
                }
                (record::create(tx, plan.catalogue(), model, &values, &at.change)?, FIRST_VERSION)
            }
        };
        for children in &line.children {
            self.write(tx, model, record, (children, &line.children), known.is_none())?;
        }
        if !line.children.is_empty() {
            version = version_of(tx, plan, model, record)?;
        }
        let synced = Synced {
            payload_hash: Some(theirs).filter(|_| both_ways),
            map_fingerprint: Some(plan.target.fingerprint),
            // What of ours is still to be sent keeps both sides out of step.
            record_version: keeps.unwrap_or(version),
            extra: line.extra.as_ref(),
            ..Synced::default()
        };
        let binding = match bound {
            Some(bound) => {
                binding::update_synced(tx, bound.id, &children.kind, record, &synced, &at.change)?;
                bound.id
            }
            None => {
                let backend = plan.target.session.backend;
                binding::insert_synced(tx, backend, &children.kind, &line.id, record, &synced, &at.change)?
            }
        };
        if both_ways {
            line::agree(tx, binding, children, line)?;
        }
        self.written += 1;
        Ok(())
    }

    /// What of a line of theirs is written, and the version up to which both are in step where something of ours is still to
    /// be sent. Nothing is, where ours stands as it is.
    fn taken(
        &self,
        tx: &mut dyn Tx,
        children: &Children,
        line: &Line,
        bound: Option<&record::Binding>,
    ) -> Result<Option<(Values, Option<i64>)>, Abort> {
        let mut all = line.values.clone();
        all.retain(|(field, _)| *field != children.inverse);
        let Some(bound) = bound.filter(|_| conflict::keeps_agreed(&self.plan.target)) else {
            return Ok(Some((all, None)));
        };
        Ok(match line::standing(tx, self.plan, (children, line), bound, &self.under_way)? {
            Standing::Equal | Standing::Unchanged => Some((all, None)),
            Standing::Ours => None,
            Standing::Both => {
                let stands = if self.keeps_ours { Side::Ours } else { Side::Theirs };
                let merged = line::merged(tx, self.plan, (children, all), bound, &self.under_way, stands)?;
                let in_step = (!merged.kept.is_empty()).then(|| bound.record_version.unwrap_or_default());
                Some((merged.taken, in_step))
            }
        })
    }

    /// Removes lines that came from there and are not there any more. Lines made here stay.
    fn remove_missing(
        &mut self,
        tx: &mut dyn Tx,
        parent: &Model,
        record: i64,
        children: &Children,
        kept: &HashSet<i64>,
    ) -> Result<(), Abort> {
        let (plan, at) = (self.plan, self.at);
        let rows = record::read(tx, plan.catalogue(), parent, &[record], &[children.field])?;
        let Some((_, Value::Refs(lines))) = rows.first().and_then(|row| row.values.first()) else { return Ok(()) };
        for line in lines.iter().filter(|line| !kept.contains(line)) {
            if binding::find_by_record(tx, plan.target.session.backend, &children.kind, *line)?.is_some() {
                record::unlink(tx, plan.catalogue(), &children.kind.model, &[*line], &at.change)?;
                self.changed = true;
            }
        }
        Ok(())
    }
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
