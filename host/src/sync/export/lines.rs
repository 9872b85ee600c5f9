//! Lines that were sent with their record: those that are new there are bound to ours, and those that are known become what
//! the other side has made of them.

use std::collections::HashSet;

use crate::{
    model::Value,
    record::{
        self, Binding, Change, Error, Row,
        binding::{self, Synced},
    },
    storage::Tx,
    sync::{
        line::{self, Standing},
        plan::{Children, Line, Plan},
    },
};

/// Binds the lines of a record; whether all of theirs are bound then. What can't be told apart is not guessed, and the next
/// import makes of it what it finds.
pub fn bind(tx: &mut dyn Tx, plan: &Plan, record: i64, children: &[Children], change: &Change) -> Result<bool, Error> {
    let mut all = true;
    for one in children {
        // Lines of several kinds may stand in one field.
        let beside: Vec<&Children> = children.iter().filter(|other| other.field == one.field).collect();
        all &= Field { plan, record, children: one, change }.bind(tx, &beside)?;
    }
    Ok(all)
}

struct Field<'p> {
    plan: &'p Plan,
    record: i64,
    children: &'p Children,
    change: &'p Change,
}

impl Field<'_> {
    fn bind(&self, tx: &mut dyn Tx, beside: &[&Children]) -> Result<bool, Error> {
        let (backend, kind) = (self.plan.target.session.backend, &self.children.kind);
        let ids: Vec<&str> = self.children.lines.iter().map(|line| line.id.as_str()).collect();
        let known = binding::find_page(tx, backend, kind, &ids)?;
        let of = |id: &str| known.iter().find(|binding| binding.external_id.as_deref() == Some(id));
        let mut new: Vec<&Line> = Vec::new();
        let mut is_whole = true;
        for line in &self.children.lines {
            match of(&line.id) {
                Some(bound) => is_whole &= self.take_over(tx, line, bound)?,
                None => new.push(line),
            }
        }
        if new.is_empty() {
            return Ok(is_whole);
        }
        let free = self.free(tx, beside)?;
        let paired: Vec<Option<usize>> = match beside.len() == 1 && free.len() == new.len() {
            // They were sent in this order.
            true => (0..new.len()).map(Some).collect(),
            false => line::pair(kind, &new, &free),
        };
        for (line, ours) in new.iter().zip(&paired) {
            let Some(ours) = ours.map(|at| &free[at]) else { continue };
            let synced = self.synced(line, ours.version);
            binding::insert_synced(tx, backend, kind, &line.id, ours.id, &synced, self.change)?;
            if let Some(bound) = binding::find(tx, backend, kind, &line.id)? {
                is_whole &= self.take_over(tx, line, &bound)?;
            }
        }
        Ok(is_whole && paired.iter().all(Option::is_some))
    }

    /// A line becomes what the other side has made of it; whether it did. One that was changed here meanwhile does not.
    fn take_over(&self, tx: &mut dyn Tx, line: &Line, bound: &Binding) -> Result<bool, Error> {
        let kind = &self.children.kind;
        let standing = line::standing(tx, self.plan, self.children, line, bound)?;
        let Some(record) = bound.record.filter(|_| matches!(standing, Standing::Equal | Standing::Unchanged)) else {
            return Ok(false);
        };
        let mut values = line.values.clone();
        values.retain(|(field, _)| *field != self.children.inverse);
        let written = record::write(tx, self.plan.catalogue(), &kind.model, record, &values, self.change)?;
        let synced = self.synced(line, written.version);
        binding::update_synced(tx, bound.id, kind, record, &synced, self.change)?;
        Ok(true)
    }

    fn synced<'l>(&self, line: &'l Line, version: i64) -> Synced<'l> {
        Synced {
            payload_hash: Some(line::digest(&self.children.kind, self.children.inverse, line)),
            map_fingerprint: Some(self.plan.target.fingerprint),
            record_version: version,
            extra: line.extra.as_ref(),
            ..Synced::default()
        }
    }

    /// Our lines of this field that are bound under no kind.
    fn free(&self, tx: &mut dyn Tx, beside: &[&Children]) -> Result<Vec<Row>, Error> {
        let (backend, catalogue) = (self.plan.target.session.backend, self.plan.catalogue());
        let rows = record::read(tx, catalogue, &self.plan.target.kind.model, &[self.record], &[self.children.field])?;
        let ours = match rows.first().and_then(|row| row.values.first()) {
            Some((_, Value::Refs(lines))) => lines.clone(),
            _ => Vec::new(),
        };
        let mut bound: HashSet<i64> = HashSet::new();
        for children in beside {
            let bindings = binding::of_records(tx, backend, &children.kind, &ours)?;
            bound.extend(bindings.into_iter().filter_map(|binding| binding.record));
        }
        let free: Vec<i64> = ours.into_iter().filter(|line| !bound.contains(line)).collect();
        let model = &self.children.kind.model;
        let fields: Vec<usize> = model.fields.iter().filter(|f| f.is_stored()).map(|field| field.index).collect();
        record::read(tx, catalogue, model, &free, &fields)
    }
}
