//! Lines under kinds of their own: written with their record, each under its own binding. What of ours is still to be sent
//! stays as it is here.

use std::collections::{HashMap, HashSet};

use super::{
    apply::{Abort, Circumstances},
    conflict,
    line::{self, Standing},
    merge::Side,
    plan::{Action, Children, Line, Plan, Write},
    under_way::{self, UnderWay},
};
use crate::{
    model::Value,
    record::{
        self, Error, Input, Model, Values,
        binding::{self, Synced},
        store::FIRST_VERSION,
    },
    storage::Tx,
};

/// The version of a record as it stands now.
pub fn version_of(tx: &mut dyn Tx, plan: &Plan, model: &Model, record: i64) -> Result<i64, Error> {
    let any = model.fields.iter().find(|field| field.is_stored()).map(|field| field.index);
    let rows = record::read(tx, plan.catalogue(), model, &[record], any.as_slice())?;
    rows.first().map(|row| row.version).ok_or_else(|| Error::Missing { model: model.name.clone(), id: record })
}

/// Writes lines under their own bindings.
pub struct Lines<'p> {
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
    /// How many were written.
    pub written: i64,
    /// One of them differs from before.
    pub changed: bool,
}

impl<'p> Lines<'p> {
    /// Of a record that is written now.
    pub fn new(
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
    pub fn write(
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
