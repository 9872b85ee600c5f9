//! Delegation: a variant has every field of its template. Such fields are read, searched and written where they are
//! kept; a new record that names no target gets one made of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Catalogue, Error, Model, Row, Values,
    catalogue::Contents,
    field::{Delegated, Field},
    row,
    values::Input,
    work::Work,
};
use crate::{
    model::Value,
    storage::{Tx, record::Table},
};

/// Gives each model that delegates the fields of its target that it has not itself.
pub(super) fn extend(contents: &mut Contents) -> Result<(), Error> {
    let delegating: Vec<(String, usize)> =
        contents.models.values().filter_map(|model| Some((model.name.clone(), model.delegate?))).collect();
    for (name, link) in delegating {
        let wrong = |problem: &str| Error::Definition(format!("{name}: {problem}"));
        let target = contents.models[&name].fields[link].target().unwrap_or_default().to_owned();
        let target = contents.models.get(&target).cloned().ok_or_else(|| wrong("it delegates to no model"))?;
        if target.delegate.is_some() {
            return Err(wrong("what it delegates to delegates itself; one level is all there is"));
        }
        let model = contents.models.get_mut(&name).and_then(Arc::get_mut);
        let model = model.expect("nobody else holds a model that is still being made");
        for field in &target.fields {
            let delegated = Some(Delegated { link, field: field.index });
            match model.by_name.get(&field.name) {
                None => {
                    let index = model.fields.len();
                    let own = Field {
                        index,
                        column: None,
                        required: false,
                        unique: false,
                        default: None,
                        delegated,
                        ..field.clone()
                    };
                    model.by_name.insert(own.name.clone(), index);
                    model.fields.push(own);
                }
                // A copy that the host keeps of a field that can be written there.
                Some(index) if model.fields[*index].computed && !field.computed => {
                    model.fields[*index].delegated = delegated;
                }
                Some(_) => {}
            }
        }
        let columns = model.fields.iter().map(|field| field.column.clone().unwrap_or_default()).collect();
        model.table = Table::new(model.table.name.clone(), columns);
        model.digest = model.digest.rotate_left(1) ^ target.digest;
    }
    Ok(())
}

/// Adds the delegated fields among those asked for to rows.
pub(super) fn read(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    fields: &[usize],
    rows: &mut HashMap<i64, Row>,
) -> Result<(), Error> {
    let places: Vec<(usize, Delegated)> = fields
        .iter()
        .filter(|index| model.fields[**index].is_elsewhere())
        .filter_map(|index| Some((*index, model.fields[*index].delegated?)))
        .collect();
    let Some(link) = model.delegate.filter(|_| !places.is_empty()) else { return Ok(()) };
    let target = catalogue.need_model(model.fields[link].target().unwrap_or_default())?;
    let mut leads = Vec::with_capacity(rows.len());
    let ids: Vec<i64> = rows.keys().copied().collect();
    model.table.select(tx, &[link], &ids, &mut |row| {
        leads.push((row.int(0)?, row.int(2)?));
        Ok(())
    })?;
    let wanted: Vec<usize> = places.iter().map(|(_, delegated)| delegated.field).collect();
    let targets: BTreeSet<i64> = leads.iter().map(|(_, target)| *target).collect();
    let targets: Vec<i64> = targets.into_iter().collect();
    let found: HashMap<i64, Row> =
        row::read(tx, catalogue, target, &targets, &wanted)?.into_iter().map(|row| (row.id, row)).collect();
    for (id, lead) in leads {
        let (Some(row), Some(source)) = (rows.get_mut(&id), found.get(&lead)) else { continue };
        for (index, delegated) in &places {
            let value = source.values.iter().find(|(at, _)| *at == delegated.field);
            row.values.push((*index, value.map_or(Value::Null, |(_, value)| value.clone())));
        }
    }
    Ok(())
}

/// What a write says of a record itself, and of the one that it delegates to.
struct Split {
    own: Values,
    target: Values,
}

fn split(model: &Model, values: &Values) -> Option<Split> {
    model.delegate?;
    let mut split = Split { own: Vec::with_capacity(values.len()), target: Vec::new() };
    for (index, input) in values {
        match model.fields[*index].delegated {
            Some(delegated) => split.target.push((delegated.field, input.clone())),
            None => split.own.push((*index, input.clone())),
        }
    }
    Some(split).filter(|split| !split.target.is_empty())
}

impl<'a> Work<'a> {
    /// Makes or changes the record that a new one delegates to; answers what is left to set of the new one itself.
    /// `None`: nothing is delegated.
    pub(super) fn delegate_new(
        &mut self,
        model: &'a Model,
        values: &Values,
        parent: Option<(usize, i64)>,
    ) -> Result<Option<Values>, Error> {
        let (Some(mut split), Some(link)) = (split(model, values), model.delegate) else { return Ok(None) };
        let target: &'a Arc<Model> = self.catalogue.need_model(model.fields[link].target().unwrap_or_default())?;
        let named = parent.filter(|(index, _)| *index == link).map(|(_, id)| id).or_else(|| lead(&split.own, link));
        match named {
            Some(id) => {
                self.write(target, id, &split.target)?;
            }
            None => {
                let id = self.create(target, &split.target, None)?;
                split.own.retain(|(index, _)| *index != link);
                split.own.push((link, Value::Ref(id).into()));
            }
        }
        Ok(Some(split.own))
    }

    /// Writes delegated fields where they are kept. Answers what is left of the record itself, and the indexes of the
    /// delegated fields that differ now. `None`: nothing is delegated.
    pub(super) fn delegate_write(
        &mut self,
        model: &'a Model,
        id: i64,
        values: &Values,
    ) -> Result<Option<(Values, Vec<usize>)>, Error> {
        let (Some(split), Some(link)) = (split(model, values), model.delegate) else { return Ok(None) };
        let target: &'a Arc<Model> = self.catalogue.need_model(model.fields[link].target().unwrap_or_default())?;
        let lead = match lead(&split.own, link) {
            Some(lead) => lead,
            None => match self.before(model, id, &[link])?.1.first() {
                Some((_, Value::Ref(lead))) => *lead,
                _ => return Ok(Some((split.own, Vec::new()))),
            },
        };
        let written = self.write(target, lead, &split.target)?;
        let ours = |field: &&Field| field.delegated.is_some_and(|delegated| written.changed.contains(&delegated.field));
        let changed = model.fields.iter().filter(ours).map(|field| field.index).collect();
        Ok(Some((split.own, changed)))
    }
}

/// The target that values name themselves.
fn lead(values: &Values, link: usize) -> Option<i64> {
    values.iter().find_map(|(index, input)| match input {
        Input::Value(Value::Ref(id)) if *index == link => Some(*id),
        _ => None,
    })
}
