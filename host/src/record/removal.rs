//! Removing records: what refers to them is cleared, removed too, or stands in the way; bindings go along.

use std::sync::Arc;

use super::{Error, Model, OnDelete, Values, work::Work};
use crate::{
    model::Value,
    storage::{binding as bindings, export as exports, record as tables},
};

impl<'a> Work<'a> {
    /// Removes a record and all that falls with it.
    pub(super) fn remove(&mut self, model: &'a Model, id: i64) -> Result<(), Error> {
        if !self.removing.insert((model.id, id)) {
            return Ok(());
        }
        let all: Vec<usize> = model
            .fields
            .iter()
            .filter(|field| field.target().is_some() && field.is_stored())
            .map(|field| field.index)
            .collect();
        let (_, before) = self.before(model, id, &all)?;
        for (name, index) in &model.referred {
            let referring: &'a Arc<Model> = self.catalogue.need_model(name)?;
            let field = &referring.fields[*index];
            let ids = tables::referring(self.tx, &referring.table.name, &field.name, id)?;
            for other in ids {
                if self.removing.contains(&(referring.id, other)) {
                    continue;
                }
                match field.ondelete {
                    OnDelete::Cascade => self.remove(referring, other)?,
                    OnDelete::SetNull if !field.required => {
                        let values: Values = vec![(*index, Value::Null.into())];
                        self.write_trusted(referring, other, &values)?;
                    }
                    OnDelete::SetNull | OnDelete::Restrict => {
                        return Err(Error::InUse {
                            model: model.name.clone(),
                            id,
                            used_by: format!("{} of {} {other}", field.name, referring.name),
                        });
                    }
                }
            }
        }
        exports::keep_bound(self.tx, model.id, id, self.change.origin.backend)?;
        bindings::delete_of_record(self.tx, model.id, id)?;
        self.trigger(model, id, None, &before)?;
        model.table.delete(self.tx, id)?;
        self.removed(model, id);
        Ok(())
    }
}
