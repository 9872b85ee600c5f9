//! Lines that were sent with their record: those that are new there are bound to ours, and those that are known become what
//! the other side has made of them.

use crate::{
    record::{
        self, Binding, Change, Error,
        binding::{self, Synced},
    },
    storage::Tx,
    sync::{
        line::{self, Standing},
        plan::{Children, Line, Plan},
        under_way::UnderWay,
    },
};

/// Binds the lines of a record; whether all of theirs are bound then. What can't be told apart is not guessed, and the next
/// import makes of it what it finds.
pub fn bind(
    tx: &mut dyn Tx,
    plan: &Plan,
    (record, children): (i64, &[Children]),
    under_way: &UnderWay,
    change: &Change,
) -> Result<bool, Error> {
    let mut all = true;
    for one in children {
        // Lines of several kinds may stand in one field.
        let beside: Vec<&Children> = children.iter().filter(|other| other.field == one.field).collect();
        all &= Field { plan, record, children: one, under_way, change }.bind(tx, &beside)?;
    }
    Ok(all)
}

struct Field<'p> {
    plan: &'p Plan,
    record: i64,
    children: &'p Children,
    under_way: &'p UnderWay,
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
        let free = line::free(tx, self.plan, &self.plan.target.kind.model, self.record, beside)?;
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
        let Some(record) = bound.record else { return Ok(false) };
        if let Some(sent) = self.under_way.line(&kind.model.name, record).next() {
            if !line::is_as_sent(tx, self.plan, (self.children, line), record, sent)? {
                // Ours was changed once more since it was sent, and is still to be sent: what is there now is what both had.
                let synced = self.synced(line, bound.record_version.unwrap_or_default());
                binding::update_synced(tx, bound.id, kind, record, &synced, self.change)?;
                line::agree(tx, bound.id, self.children, line)?;
                return Ok(false);
            }
        } else {
            // It did not go with its record: what only we changed of it stays.
            let standing = line::standing(tx, self.plan, (self.children, line), bound, self.under_way)?;
            if !matches!(standing, Standing::Equal | Standing::Unchanged) {
                return Ok(false);
            }
        }
        let mut values = line.values.clone();
        values.retain(|(field, _)| *field != self.children.inverse);
        let written = record::write(tx, self.plan.catalogue(), &kind.model, record, &values, self.change)?;
        let synced = self.synced(line, written.version);
        binding::update_synced(tx, bound.id, kind, record, &synced, self.change)?;
        line::agree(tx, bound.id, self.children, line)?;
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
}
