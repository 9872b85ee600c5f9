//! One piece of work on records: what it has touched, what must still be worked out, and what goes to the outbox.
//!
//! However many writes a piece of work makes, a record's version rises once and the outbox gets one row for it.

use std::collections::BTreeSet;

use super::{
    Catalogue, Change, Error, Model, Values,
    check::{check_kept, check_required},
    compute::{self, Cause, Compute, Inputs, Way},
    row,
    store::Written,
    values::{Command, Input, Target},
};
use crate::{
    model::Value,
    storage::{Param, Signal, Tx, outbox::NewRow, record as tables},
};

/// What happened to one record.
#[derive(Debug)]
struct Touched<'a> {
    model: &'a Model,
    record: i64,
    op: i64,
    changed: Vec<usize>,
    version: i64,
}

/// Numbers of what happened, as the outbox has them.
pub(super) const CREATED: i64 = 0;
pub(super) const WRITTEN: i64 = 1;
pub(super) const REMOVED: i64 = 2;

/// A piece of work.
pub(super) struct Work<'a> {
    pub(super) tx: &'a mut dyn Tx,
    pub(super) catalogue: &'a Catalogue,
    pub(super) change: &'a Change,
    pub(super) removing: BTreeSet<(i64, i64)>,
    /// Whether the host writes on its own account: fields that nobody else may write can be.
    pub(super) trusted: bool,
    touched: Vec<Touched<'a>>,
    /// Computed fields that wait for the end: number of the compute, and the record.
    late: BTreeSet<(usize, i64)>,
}

impl<'a> Work<'a> {
    pub(super) fn new(tx: &'a mut dyn Tx, catalogue: &'a Catalogue, change: &'a Change) -> Self {
        Self {
            tx,
            catalogue,
            change,
            removing: BTreeSet::new(),
            trusted: false,
            touched: Vec::new(),
            late: BTreeSet::new(),
        }
    }

    /// Makes a record and its lines.
    pub(super) fn create(
        &mut self,
        model: &'a Model,
        values: &Values,
        link: Option<(usize, i64)>,
    ) -> Result<i64, Error> {
        let delegated = self.delegate_new(model, values, link)?;
        let values = delegated.as_ref().unwrap_or(values);
        let link = link.map(|(index, to)| (index, Value::Ref(to)));
        let filled = self.fill(model, values, link.as_ref())?;
        let mut columns: Vec<(usize, &Value)> = Vec::with_capacity(values.len() + filled.len() + 1);
        columns.extend(link.as_ref().map(|(index, value)| (*index, value)));
        self.columns(model, values, &mut columns)?;
        let is_list = |value: &Value| matches!(value, Value::Refs(_));
        columns.extend(filled.iter().filter(|(_, value)| !is_list(value)).map(|(index, value)| (*index, value)));
        columns.sort_unstable_by_key(|(index, _)| *index);
        let (mut columns, constants) = with_defaults(model, columns);
        let early = self.early(model, &columns, None)?;
        if !early.is_empty() {
            columns.extend(early.iter().map(|(index, value)| (*index, value)));
            columns.sort_unstable_by_key(|(index, _)| *index);
        }
        check_required(model, &columns)?;

        let bound = columns.len() - constants.len();
        let (mut numbers, mut params) = (Vec::with_capacity(bound), Vec::with_capacity(bound + 1));
        params.push(Param::Int(self.change.now.0));
        let mut constant = constants.iter().map(|(index, _)| *index).peekable();
        for (index, value) in &columns {
            while constant.next_if(|at| at < index).is_some() {}
            if constant.peek() != Some(index) {
                numbers.push(*index);
                params.push(param(value));
            }
        }
        let inserted = model.table.insert(self.tx, &numbers, &constants, &params);
        let id = match inserted {
            Ok(id) => id,
            Err(error) => return Err(self.refused(model, error, &columns)),
        };
        self.touched.push(Touched { model, record: id, op: CREATED, changed: Vec::new(), version: 1 });
        for (index, input) in values {
            if let Input::Lines(commands) = input {
                self.lines(model, id, *index, commands)?;
            }
        }
        for (index, value) in filled {
            if let Value::Refs(ids) = value {
                let all = ids.into_iter().map(Target::Id).collect();
                self.lines(model, id, index, &[Command::Set(all)])?;
            }
        }
        self.trigger(model, id, None, &[])?;
        Ok(id)
    }

    /// As [`Work::write`], on the host's own account.
    pub(super) fn write_trusted(&mut self, model: &'a Model, id: i64, values: &Values) -> Result<bool, Error> {
        let before = std::mem::replace(&mut self.trusted, true);
        let written = self.write(model, id, values);
        self.trusted = before;
        Ok(!written?.changed.is_empty())
    }

    /// Changes a record and its lines; only what differs is written. The version is the one before.
    pub(super) fn write(&mut self, model: &'a Model, id: i64, values: &Values) -> Result<Written, Error> {
        let delegated = self.delegate_write(model, id, values)?;
        let (values, elsewhere) = delegated.as_ref().map_or((values, &[][..]), |(own, changed)| (own, &changed[..]));
        let mut columns: Vec<(usize, &Value)> = Vec::with_capacity(values.len());
        self.columns(model, values, &mut columns)?;
        columns.sort_unstable_by_key(|(index, _)| *index);
        let mut numbers: Vec<usize> = columns.iter().map(|(index, _)| *index).collect();
        for compute in model.computes.iter().filter(|compute| compute.early) {
            let reads = compute.indexes(model, compute.reads);
            if reads.iter().any(|read| numbers.contains(read)) {
                numbers.extend(reads);
                numbers.extend(compute.indexes(model, compute.sets));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let (version, before) = self.before(model, id, &numbers)?;
        let before_of = |index: usize| before.iter().find(|(at, _)| *at == index).map(|(_, value)| value);
        columns.retain(|(index, value)| before_of(*index) != Some(*value));
        let early = self.early(model, &columns, Some((id, &before)))?;
        columns.extend(early.iter().map(|(index, value)| (*index, value)));
        columns.retain(|(index, value)| before_of(*index) != Some(*value));
        columns.sort_unstable_by_key(|(index, _)| *index);
        check_kept(model, &columns)?;

        let mut changed: Vec<usize> = columns.iter().map(|(index, _)| *index).collect();
        for (index, input) in values {
            if let Input::Lines(commands) = input
                && self.lines(model, id, *index, commands)?
            {
                changed.push(*index);
            }
        }
        if !changed.is_empty() {
            self.update(model, id, version, &columns, changed.clone())?;
            self.trigger(model, id, Some(&changed), &before)?;
        }
        changed.extend(elsewhere);
        Ok(Written { version, changed })
    }

    /// Writes columns of a record, raising its version unless this work has raised it already.
    fn update(
        &mut self,
        model: &'a Model,
        id: i64,
        version: i64,
        columns: &[(usize, &Value)],
        changed: Vec<usize>,
    ) -> Result<(), Error> {
        let known = self.touched.iter_mut().find(|t| t.record == id && t.model.id == model.id && t.op != REMOVED);
        let step = i64::from(known.is_none());
        match known {
            Some(touched) if touched.op == WRITTEN => {
                touched.changed.extend(changed);
            }
            Some(_) => {}
            None => {
                self.touched.push(Touched { model, record: id, op: WRITTEN, changed, version: version + 1 });
            }
        }
        let numbers: Vec<usize> = columns.iter().map(|(index, _)| *index).collect();
        let mut params = Vec::with_capacity(columns.len() + 3);
        params.extend([Param::Int(id), Param::Int(self.change.now.0), Param::Int(step)]);
        params.extend(columns.iter().map(|(_, value)| param(value)));
        if let Err(error) = model.table.update(self.tx, &numbers, &params) {
            return Err(self.refused(model, error, columns));
        }
        Ok(())
    }

    /// Notes that a record is gone.
    pub(super) fn removed(&mut self, model: &'a Model, id: i64) {
        self.touched.push(Touched { model, record: id, op: REMOVED, changed: Vec::new(), version: 0 });
    }

    /// The version and some columns of a record as they stand.
    pub(super) fn before(
        &mut self,
        model: &Model,
        id: i64,
        numbers: &[usize],
    ) -> Result<(i64, Vec<(usize, Value)>), Error> {
        let mut found = None;
        model.table.select_one(self.tx, numbers, id, &mut |row| {
            let mut values = Vec::with_capacity(numbers.len());
            for (at, index) in numbers.iter().enumerate() {
                values.push((*index, row::value(row, at + 2, &model.fields[*index].field_type)?));
            }
            found = Some((row.int(1)?, values));
            Ok(())
        })?;
        found.ok_or_else(|| Error::Missing { model: model.name.clone(), id })
    }

    /// Computed fields that depend on the record's own columns, worked out before these are written. `record`: its id
    /// and what it was, where it is there already.
    fn early(
        &mut self,
        model: &'a Model,
        columns: &[(usize, &Value)],
        record: Option<(i64, &[(usize, Value)])>,
    ) -> Result<Vec<(usize, Value)>, Error> {
        let before = record.map(|(_, before)| before).unwrap_or_default();
        let mut out = Vec::new();
        for compute in model.computes.iter().copied().filter(|compute| compute.early) {
            let reads = compute.indexes(model, compute.reads);
            let concerned = record.is_none() || columns.iter().any(|(index, _)| reads.contains(index));
            if !concerned {
                continue;
            }
            let own = reads.iter().map(|read| {
                let new = columns.iter().find(|(index, _)| index == read).map(|(_, value)| (*value).clone());
                let new = new.or_else(|| before.iter().find(|(index, _)| index == read).map(|(_, v)| v.clone()));
                (*read, new.unwrap_or(Value::Null))
            });
            let own = own.collect();
            for (name, value) in
                (compute.run)(&mut Inputs { work: self, model, record: record.map(|(id, _)| id), own })?
            {
                out.push((compute::index(model, name), value));
            }
        }
        Ok(out)
    }

    /// Notes the computed fields that a change makes worth working out. `changed` absent: the record is new.
    pub(super) fn trigger(
        &mut self,
        model: &'a Model,
        id: i64,
        changed: Option<&[usize]>,
        before: &[(usize, Value)],
    ) -> Result<(), Error> {
        let touches = |names: &[&str]| {
            changed.is_none_or(|changed| changed.iter().any(|at| names.contains(&model.fields[*at].name.as_str())))
        };
        for compute in model
            .computes
            .iter()
            .filter(|compute| !compute.early && !compute.reads.is_empty() && touches(compute.reads))
        {
            self.late.insert((compute.number(), id));
        }
        for (compute, cause) in model.causes.iter().copied() {
            // A new record has none below it, and one that goes has none any more.
            let none_below = changed.is_none() && matches!(cause.way, Way::Down(_));
            if touches(cause.fields) && !none_below {
                self.cause(model, id, before, compute, cause)?;
            }
        }
        Ok(())
    }

    fn cause(
        &mut self,
        model: &Model,
        id: i64,
        before: &[(usize, Value)],
        compute: &'static Compute,
        cause: &Cause,
    ) -> Result<(), Error> {
        match cause.way {
            Way::Up(field) => {
                let index = compute::index(model, field);
                let old = before.iter().find(|(at, _)| *at == index).map(|(_, value)| value.clone());
                let now = self.before(model, id, &[index]).ok().and_then(|(_, values)| values.into_iter().next());
                for value in old.into_iter().chain(now.map(|(_, value)| value)) {
                    if let Value::Ref(target) = value {
                        self.late.insert((compute.number(), target));
                    }
                }
            }
            Way::Down(field) => {
                let table = &self.catalogue.need_model(compute.model)?.table.name;
                for child in tables::referring(self.tx, table, field, id)? {
                    self.late.insert((compute.number(), child));
                }
            }
        }
        Ok(())
    }

    /// Works out what waits, then writes the outbox. Answers the version of the record asked about, where the work
    /// has touched it.
    pub(super) fn finish(mut self, model: i64, record: i64) -> Result<Option<i64>, Error> {
        while let Some((number, id)) = self.late.pop_first() {
            self.work_out(compute::ALL[number], id)?;
        }
        let chain = match self.change.origin.chain.as_slice() {
            [] => None,
            chain => Some(serde_json::to_string(chain).expect("a list of numbers")),
        };
        let actor = Some(self.change.origin.actor.as_str()).filter(|actor| !actor.is_empty());
        let mut version = None;
        for touched in &mut self.touched {
            if touched.model.id == model && touched.record == record {
                version = Some(touched.version);
            }
            touched.changed.sort_unstable();
            touched.changed.dedup();
            let names: Vec<&str> =
                touched.changed.iter().map(|index| touched.model.fields[*index].name.as_str()).collect();
            let changed = Some(names.join(",")).filter(|names| !names.is_empty());
            let row = NewRow {
                model: touched.model.id,
                record: touched.record,
                op: touched.op,
                backend: self.change.origin.backend,
                chain: chain.as_deref(),
                actor,
                changed: changed.as_deref(),
                at: self.change.now.0,
            };
            self.tx.log(&row)?;
        }
        if !self.touched.is_empty() {
            self.tx.signal(Signal::Outbox);
        }
        Ok(version)
    }

    fn work_out(&mut self, compute: &'static Compute, id: i64) -> Result<(), Error> {
        let model = self.catalogue.need_model(compute.model)?;
        let reads = compute.indexes(model, compute.reads);
        let mut numbers = [reads, compute.indexes(model, compute.sets)].concat();
        numbers.retain(|index| model.fields[*index].is_stored());
        numbers.sort_unstable();
        numbers.dedup();
        // The record may have been removed since.
        let Ok((version, before)) = self.before(model, id, &numbers) else { return Ok(()) };
        let own = before.clone();
        let sets = (compute.run)(&mut Inputs { work: self, model, record: Some(id), own })?;
        let sets: Vec<(usize, Value)> =
            sets.into_iter().map(|(name, value)| (compute::index(model, name), value)).collect();
        let mut columns: Vec<(usize, &Value)> = sets
            .iter()
            .filter(|(index, value)| before.iter().find(|(at, _)| at == index).map(|(_, v)| v) != Some(value))
            .map(|(index, value)| (*index, value))
            .collect();
        if columns.is_empty() {
            return Ok(());
        }
        columns.sort_unstable_by_key(|(index, _)| *index);
        let changed: Vec<usize> = columns.iter().map(|(index, _)| *index).collect();
        self.update(model, id, version, &columns, changed.clone())?;
        self.trigger(model, id, Some(&changed), &before)
    }
}

/// Columns of a record, by their numbers.
type Columns<'v> = Vec<(usize, &'v Value)>;

/// What is given of a new record and, in the order of their numbers, the defaults of the rest; and those of the defaults that
/// stand as constants in the statement. Both lists are sorted, and every record of a page comes here: one pass over them.
fn with_defaults<'v>(model: &'v Model, given: Columns<'v>) -> (Columns<'v>, Vec<(usize, &'v str)>) {
    let mut columns = Vec::with_capacity(given.len() + model.defaults.len());
    let mut constants = Vec::with_capacity(model.defaults.len());
    let mut given = given.into_iter().peekable();
    for default in &model.defaults {
        while let Some(before) = given.next_if(|(index, _)| *index < default.field) {
            columns.push(before);
        }
        if given.peek().is_none_or(|(index, _)| *index != default.field) {
            columns.push((default.field, &default.value));
            constants.extend(default.literal.as_deref().map(|literal| (default.field, literal)));
        }
    }
    columns.extend(given);
    (columns, constants)
}

/// A value as the store takes it.
pub(super) fn param(value: &Value) -> Param<'_> {
    match value {
        Value::Null | Value::Refs(_) => Param::Null,
        Value::Bool(value) => Param::Int((*value).into()),
        Value::Integer(value) | Value::Ref(value) => Param::Int(*value),
        Value::Decimal(value) => Param::Int(value.units),
        Value::Text(value) => Param::Text(value),
        Value::Date(days) => Param::Int((*days).into()),
        Value::Datetime(at) => Param::Int(at.0),
        Value::Binary(bytes) => Param::Blob(bytes),
    }
}
