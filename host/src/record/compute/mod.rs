//! Computed fields: what the host works out from other fields, and when.
//!
//! A *compute* sets fields of one record from what it reads. *Early* ones depend on the record's own columns (and on
//! records that these refer to) and are worked out before the write, so that they cost nothing more; the others wait
//! for the end of the piece of work, after all lines are written. A *cause* is a change of another record that makes a
//! compute worth running again.

mod account;
mod amount;
mod name;
mod product;
mod sale;
mod stock;
mod total;

use bindery_contract::field::FieldType;

use super::{Error, Model, row::many, work::Work};
use crate::{
    model::{Decimal, Value},
    storage::{
        condition::{Column, Comparison, Condition, Operand},
        record as tables,
    },
};

/// Something that the host works out.
#[derive(Debug)]
pub(crate) struct Compute {
    /// The model whose fields it sets.
    pub(super) model: &'static str,
    /// The fields it sets.
    pub(super) sets: &'static [&'static str],
    /// Fields of the same record that it reads; a change of one runs it. None: only causes run it.
    pub(super) reads: &'static [&'static str],
    /// Whether it is worked out before the write.
    pub(super) early: bool,
    /// Changes elsewhere that run it.
    pub(super) causes: &'static [Cause],
    /// Works it out.
    pub(super) run: Run,
}

pub(super) type Sets = Vec<(&'static str, Value)>;
type Run = fn(&mut Inputs<'_, '_>) -> Result<Sets, Error>;

/// A change elsewhere that runs a compute.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The model that changes.
    pub(super) model: &'static str,
    /// The fields that matter.
    pub(super) fields: &'static [&'static str],
    /// Which records of the compute's model it runs for.
    pub(super) way: Way,
}

/// How a changed record leads to those that are worked out again.
#[derive(Debug)]
pub(crate) enum Way {
    /// A many2one of the changed record names it.
    Up(&'static str),
    /// Those whose many2one names the changed record.
    Down(&'static str),
}

/// All of them, in the order in which they are worked out: lines before what sums them up.
pub(super) static ALL: &[&Compute] = &[
    &name::PARTNER,
    &name::CATEGORY,
    &name::LOCATION,
    &product::VARIANT_NAME,
    &sale::LINE,
    &sale::ORDER,
    &account::LINE,
    &account::MOVE,
    &stock::QUANT,
    &product::VARIANT_STOCK,
    &product::TEMPLATE,
];

/// Those of a model.
pub(super) fn of(model: &str) -> Vec<&'static Compute> {
    ALL.iter().copied().filter(|compute| compute.model == model).collect()
}

/// Those that a change of a model runs elsewhere.
pub(super) fn caused_by(model: &str) -> Vec<(&'static Compute, &'static Cause)> {
    let causes = ALL.iter().flat_map(|compute| compute.causes.iter().map(move |cause| (*compute, cause)));
    causes.filter(|(_, cause)| cause.model == model).collect()
}

/// The index of a field that a compute names.
pub(super) fn index(model: &Model, name: &str) -> usize {
    model.field(name).map(|field| field.index).expect("a compute names fields of the models that come with the program")
}

impl Compute {
    /// Its place among all of them.
    pub(super) fn number(&self) -> usize {
        ALL.iter().position(|other| std::ptr::eq(*other, self)).expect("every compute is in the list of all of them")
    }

    /// Indexes of fields in its model.
    pub(super) fn indexes(&self, model: &Model, names: &[&str]) -> Vec<usize> {
        names.iter().map(|name| index(model, name)).collect()
    }
}

/// What a compute has to work with: the record's own fields, and what they lead to.
pub(super) struct Inputs<'w, 'a> {
    pub(super) work: &'w mut Work<'a>,
    pub(super) model: &'a Model,
    /// Absent before a record is made.
    pub(super) record: Option<i64>,
    /// The fields that the compute reads.
    pub(super) own: Vec<(usize, Value)>,
}

impl Inputs<'_, '_> {
    /// A field of the record.
    pub(super) fn get(&self, name: &str) -> Value {
        let index = index(self.model, name);
        self.own.iter().find(|(at, _)| *at == index).map_or(Value::Null, |(_, value)| value.clone())
    }

    /// A text of the record; empty where there is none.
    pub(super) fn text(&self, name: &str) -> String {
        match self.get(name) {
            Value::Text(text) => text,
            _ => String::new(),
        }
    }

    /// A many2one of the record.
    pub(super) fn reference(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Value::Ref(id) => Some(id),
            _ => None,
        }
    }

    /// A decimal of the record; 0 where there is none.
    pub(super) fn decimal(&self, name: &str) -> Decimal {
        number(&self.get(name), self.model.field(name).and_then(super::Field::scale).unwrap_or_default())
    }

    /// Fields of a record of another model; all of them null where it is gone.
    pub(super) fn other(&mut self, model: &str, id: i64, fields: &[&str]) -> Result<Vec<Value>, Error> {
        let model = self.work.catalogue.need_model(model)?;
        let numbers: Vec<usize> = fields.iter().map(|name| index(model, name)).collect();
        match self.work.before(model, id, &numbers) {
            Ok((_, values)) => Ok(values.into_iter().map(|(_, value)| value).collect()),
            Err(Error::Missing { .. }) => Ok(vec![Value::Null; fields.len()]),
            Err(error) => Err(error),
        }
    }

    /// The records of a relation to many of this record.
    fn lines(&mut self, name: &str) -> Result<Vec<i64>, Error> {
        let Some(id) = self.record else { return Ok(Vec::new()) };
        let index = index(self.model, name);
        let mut lists = many(self.work.tx, self.work.catalogue, self.model, index, &[id])?;
        Ok(lists.remove(&id).unwrap_or_default())
    }

    /// The records of a relation to many of another record.
    pub(super) fn list_of(&mut self, model: &str, id: i64, name: &str) -> Result<Vec<i64>, Error> {
        let model = self.work.catalogue.need_model(model)?;
        let mut lists = many(self.work.tx, self.work.catalogue, model, index(model, name), &[id])?;
        Ok(lists.remove(&id).unwrap_or_default())
    }

    /// The number of lines of a one2many, then sums of columns over them.
    fn sums(&mut self, name: &str, columns: &[&str]) -> Result<Vec<i64>, Error> {
        let field = self.model.field(name);
        let (Some(id), Some(FieldType::One2many { model, inverse })) = (self.record, field.map(|f| &f.field_type))
        else {
            return Ok(vec![0; columns.len() + 1]);
        };
        let table = &self.work.catalogue.need_model(model)?.table.name;
        let ours = Condition::Compare(Column::Named(inverse.clone()), Comparison::Equal, Operand::Int(id));
        Ok(tables::sums(self.work.tx, table, &ours, columns)?)
    }

    /// An error that names a field of the record.
    pub(super) fn wrong(&self, field: &str, problem: &str) -> Error {
        Error::field(&self.model.name, field, problem)
    }
}

fn number(value: &Value, scale: u8) -> Decimal {
    match value {
        Value::Decimal(decimal) => *decimal,
        _ => Decimal { units: 0, scale },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::declaration, *};

    #[test]
    fn every_computed_field_is_worked_out_by_one_compute_and_the_names_are_fields() {
        let mut declared = BTreeSet::new();
        let mut fields = BTreeSet::new();
        for (file, text) in super::super::built_in::FILES {
            let model = declaration::parse(file, text).expect("the file is sound");
            for field in model.fields {
                fields.insert(format!("{}.{}", model.name, field.name));
                if field.definition.computed {
                    declared.insert(format!("{}.{}", model.name, field.name));
                }
            }
        }
        let sets: Vec<String> =
            ALL.iter().flat_map(|one| one.sets.iter().map(|name| format!("{}.{name}", one.model))).collect();
        assert_eq!(sets.iter().cloned().collect::<BTreeSet<_>>(), declared);
        assert_eq!(sets.len(), declared.len(), "a field is set twice");
        for compute in ALL {
            let own = compute.reads.iter().map(|name| format!("{}.{name}", compute.model));
            let others =
                compute.causes.iter().flat_map(|one| one.fields.iter().map(|name| format!("{}.{name}", one.model)));
            for name in own.chain(others) {
                assert!(fields.contains(&name), "{name}");
            }
        }
    }
}
