//! Whether what a write sets can be set, and what a refusal of the store means for the fields at hand.

use super::{Error, Model, Values, values::Input, work::Work};
use crate::{model::Value, storage};

impl Work<'_> {
    /// The plain values among what a write sets, checked for being writable.
    pub(super) fn columns<'v>(
        &self,
        model: &Model,
        values: &'v Values,
        columns: &mut Vec<(usize, &'v Value)>,
    ) -> Result<(), Error> {
        for (index, input) in values {
            let field = &model.fields[*index];
            let closed = field.computed || (field.read_only && !self.change.by_connector);
            if closed && !self.trusted {
                let why =
                    if field.computed { "the host works this field out" } else { "only connectors write this field" };
                return Err(Error::field(&model.name, &field.name, format!("{why}; it can't be set")));
            }
            match input {
                Input::Value(value) => match columns.iter().find(|(at, _)| at == index) {
                    // What the host links wins over what a line says of its own parent.
                    Some(_) => {}
                    None => columns.push((*index, value)),
                },
                Input::Symbolic(symbolic) => {
                    return Err(Error::Unresolved {
                        model: model.name.clone(),
                        field: field.name.clone(),
                        target: symbolic.to_string(),
                    });
                }
                Input::Lines(_) => {}
            }
        }
        Ok(())
    }

    /// What a refusal of the store means for the fields at hand.
    pub(super) fn refused(&mut self, model: &Model, error: storage::Error, columns: &[(usize, &Value)]) -> Error {
        match &error {
            storage::Error::Unique(text) => {
                let hit = |field: &&super::Field| text.ends_with(&format!("{}.{}", model.table.name, field.name));
                match model.fields.iter().find(hit) {
                    Some(field) => Error::NotUnique { model: model.name.clone(), field: field.name.clone() },
                    None => Error::Storage(error),
                }
            }
            storage::Error::ForeignKey(_) => self.dangling(model, columns).unwrap_or(Error::Storage(error)),
            _ => Error::Storage(error),
        }
    }

    /// Which of the references leads nowhere.
    fn dangling(&mut self, model: &Model, columns: &[(usize, &Value)]) -> Option<Error> {
        for (index, value) in columns {
            let field = &model.fields[*index];
            let (Value::Ref(id), Some(target)) = (value, field.target()) else { continue };
            let target = self.catalogue.model(target)?;
            if target.table.versions(self.tx, &[*id]).ok()?.is_empty() {
                let problem = format!("there is no record {id} of {}", target.name);
                return Some(Error::field(&model.name, &field.name, problem));
            }
        }
        None
    }
}

/// Required fields of a new record must have a value. The columns come in the order of their numbers.
pub(super) fn check_required(model: &Model, columns: &[(usize, &Value)]) -> Result<(), Error> {
    let missing = model.required.iter().filter(|index| {
        let at = columns.binary_search_by_key(*index, |(at, _)| *at);
        at.map_or(true, |at| *columns[at].1 == Value::Null)
    });
    let missing: Vec<(String, String)> =
        missing.map(|index| (model.fields[*index].name.clone(), "a value is required".to_owned())).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::Invalid { model: model.name.clone(), fields: missing }) }
}

/// Required fields can't be cleared.
pub(super) fn check_kept(model: &Model, columns: &[(usize, &Value)]) -> Result<(), Error> {
    match columns.iter().find(|(index, value)| **value == Value::Null && model.fields[*index].required) {
        Some((index, _)) => Err(Error::field(&model.name, &model.fields[*index].name, "a value is required")),
        None => Ok(()),
    }
}
