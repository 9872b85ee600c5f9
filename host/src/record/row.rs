//! Reading records by id.

use std::collections::HashMap;

use bindery_contract::field::FieldType;

use super::{Catalogue, Error, Model, delegate, field::MONEY_SCALE};
use crate::{
    base::Timestamp,
    model::{Decimal, Value},
    storage::{self, Tx, record as tables},
};

/// One record as read: its id, and the fields that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// Rises with each write.
    pub version: i64,
    /// Field index in the model, and value; in the order asked for.
    pub values: Vec<(usize, Value)>,
}

impl Row {
    /// A value by the name of its field; `None` where it was not asked for.
    pub fn get<'a>(&'a self, model: &Model, field: &str) -> Option<&'a Value> {
        let index = model.field(field)?.index;
        self.values.iter().find(|(at, _)| *at == index).map(|(_, value)| value)
    }
}

/// Reads records of a model, in the order of the ids; ids that are gone are left out. No fields: all of them.
pub fn read(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    ids: &[i64],
    fields: &[usize],
) -> Result<Vec<Row>, Error> {
    let all: Vec<usize>;
    let fields = if fields.is_empty() {
        all = (0..model.fields.len()).collect();
        &all
    } else {
        fields
    };
    let stored: Vec<usize> = fields.iter().copied().filter(|index| model.fields[*index].is_stored()).collect();
    let mut rows = HashMap::with_capacity(ids.len());
    model.table.select(tx, &stored, ids, &mut |row| {
        let mut values = Vec::with_capacity(fields.len());
        for (at, index) in stored.iter().enumerate() {
            values.push((*index, value(row, at + 2, &model.fields[*index].field_type)?));
        }
        rows.insert(row.int(0)?, Row { id: row.int(0)?, version: row.int(1)?, values });
        Ok(())
    })?;
    let is_own_list = |field: &super::Field| field.is_to_many() && !field.is_elsewhere();
    for index in fields.iter().filter(|index| is_own_list(&model.fields[**index])) {
        let mut lists = many(tx, catalogue, model, *index, ids)?;
        for (id, row) in &mut rows {
            row.values.push((*index, Value::Refs(lists.remove(id).unwrap_or_default())));
        }
    }
    delegate::read(tx, catalogue, model, fields, &mut rows)?;
    if stored.len() < fields.len() {
        let place: HashMap<usize, usize> = fields.iter().enumerate().map(|(at, index)| (*index, at)).collect();
        for row in rows.values_mut() {
            row.values.sort_by_key(|(index, _)| place.get(index).copied());
        }
    }
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}

/// The records of a relation to many, by record.
pub(super) fn many(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    index: usize,
    ids: &[i64],
) -> Result<HashMap<i64, Vec<i64>>, Error> {
    let pairs = match &model.fields[index].field_type {
        FieldType::One2many { model: lines, inverse } => {
            tables::lines(tx, &catalogue.need_model(lines)?.table.name, inverse, ids)?
        }
        _ => tables::links(tx, model.links.get(&index).map(String::as_str).unwrap_or_default(), ids)?,
    };
    let mut lists = HashMap::<i64, Vec<i64>>::new();
    for (record, line) in pairs {
        lists.entry(record).or_default().push(line);
    }
    Ok(lists)
}

/// Reads a column by the type of its field.
pub(super) fn value(row: &dyn storage::Row, column: usize, field_type: &FieldType) -> Result<Value, storage::Error> {
    let read = match field_type {
        FieldType::Text | FieldType::Selection { .. } => row.opt_string(column)?.map(Value::Text),
        FieldType::Binary => row.opt_blob(column)?.map(|bytes| Value::Binary(bytes.to_vec())),
        FieldType::Integer => row.opt_int(column)?.map(Value::Integer),
        FieldType::Decimal { scale } => {
            row.opt_int(column)?.map(|units| Value::Decimal(Decimal { units, scale: *scale }))
        }
        FieldType::Money { .. } => {
            row.opt_int(column)?.map(|units| Value::Decimal(Decimal { units, scale: MONEY_SCALE }))
        }
        FieldType::Boolean => row.opt_int(column)?.map(|number| Value::Bool(number != 0)),
        FieldType::Date => match row.opt_int(column)? {
            None => None,
            Some(days) => Some(Value::Date(
                i32::try_from(days).map_err(|_| storage::Error::Shape(format!("{days} is no number of days")))?,
            )),
        },
        FieldType::Datetime => row.opt_int(column)?.map(|at| Value::Datetime(Timestamp(at))),
        FieldType::Many2one { .. } => row.opt_int(column)?.map(Value::Ref),
        FieldType::One2many { .. } | FieldType::Many2many { .. } | FieldType::Unknown => None,
    };
    Ok(read.unwrap_or(Value::Null))
}
