//! Bringing declarations into the catalogue: rows, tables, columns and indexes, by the rules of collision.
//!
//! The same definition is shared; a different one refuses all of the newcomer's, naming both owners. A column added
//! later is empty in every row. A changed type is a new field. What its last owner withdraws is hidden, never dropped.

use std::collections::{BTreeMap, HashMap, HashSet};

use bindery_contract::field::FieldType;

use super::{
    Error,
    declaration::{Declared, Definition, ModelDeclaration},
};
use crate::storage::{
    Tx,
    catalogue::{self as rows, FieldRow, ModelRow},
    record::{self as tables, Holds, NewColumn},
};

/// The catalogue's rows while they are changed.
pub(super) struct Installation<'a> {
    tx: &'a mut dyn Tx,
    owner: &'a str,
    models: BTreeMap<String, ModelRow>,
    fields: HashMap<(i64, String), FieldRow>,
    fresh: HashSet<i64>,
}

impl<'a> Installation<'a> {
    /// Reads what there is.
    pub(super) fn begin(tx: &'a mut dyn Tx, owner: &'a str) -> Result<Self, Error> {
        let models = rows::models(tx)?.into_iter().map(|model| (model.name.clone(), model)).collect();
        let fields = rows::fields(tx)?.into_iter().map(|field| ((field.model, field.name.clone()), field)).collect();
        Ok(Self { tx, owner, models, fields, fresh: HashSet::new() })
    }

    /// Brings an owner's declarations in, and hides what it declared before and does not any more.
    pub(super) fn install(&mut self, declared: &[ModelDeclaration]) -> Result<(), Error> {
        for model in declared.iter().filter(|model| !model.extends) {
            self.model(model)?;
        }
        self.check_targets(declared)?;
        for model in declared {
            let row = self.models.get(&model.name).cloned();
            let row = row.ok_or_else(|| {
                Error::Definition(format!("{} extends {}, which is no model", self.owner, model.name))
            })?;
            self.fields_of(&row, &model.fields)?;
        }
        self.links(declared)?;
        self.withdraw_others(declared)
    }

    fn model(&mut self, declared: &ModelDeclaration) -> Result<(), Error> {
        if let Some(known) = self.models.get_mut(&declared.name) {
            if known.owner != self.owner {
                return Err(Error::Collision(format!(
                    "model {} is declared by {} and by {}",
                    declared.name, known.owner, self.owner
                )));
            }
            known.label.clone_from(&declared.label);
            known.display.clone_from(&declared.display);
            known.sort.clone_from(&declared.order);
            return Ok(rows::update_model(self.tx, known)?);
        }
        let mut row = ModelRow {
            id: 0,
            name: declared.name.clone(),
            table: table_name(&declared.name),
            owner: self.owner.to_owned(),
            label: declared.label.clone(),
            display: declared.display.clone(),
            sort: declared.order.clone(),
        };
        row.id = rows::insert_model(self.tx, &row)?;
        self.fresh.insert(row.id);
        self.models.insert(declared.name.clone(), row);
        Ok(())
    }

    /// Relations must lead somewhere, and amounts must have a currency.
    fn check_targets(&self, declared: &[ModelDeclaration]) -> Result<(), Error> {
        let field_type = |model: &str, field: &str| -> Option<FieldType> {
            let declared = declared.iter().filter(|d| d.name == model).flat_map(|d| &d.fields);
            if let Some(found) = declared.into_iter().find(|d| d.name == field) {
                return Some(found.definition.field_type.clone());
            }
            let row = self.fields.get(&(self.models.get(model)?.id, field.to_owned()))?;
            Some(definition(row).ok()?.field_type)
        };
        for model in declared {
            for field in &model.fields {
                let wrong =
                    |problem: String| Err(Error::Definition(format!("{}.{}: {problem}", model.name, field.name)));
                match &field.definition.field_type {
                    FieldType::Many2one { model: target } | FieldType::Many2many { model: target }
                        if !self.models.contains_key(target) =>
                    {
                        return wrong(format!("there is no model {target}"));
                    }
                    FieldType::One2many { model: target, inverse } => match field_type(target, inverse) {
                        Some(FieldType::Many2one { model: back }) if back == model.name => {}
                        _ => return wrong(format!("{target}.{inverse} is not a many2one to {}", model.name)),
                    },
                    FieldType::Money { currency } => match field_type(&model.name, currency) {
                        Some(FieldType::Many2one { model: target }) if target == "res.currency" => {}
                        _ => return wrong(format!("{currency} is not a many2one to res.currency")),
                    },
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn fields_of(&mut self, model: &ModelRow, declared: &[Declared]) -> Result<(), Error> {
        let mut columns = Vec::new();
        let mut uniques = Vec::new();
        for (place, field) in declared.iter().enumerate() {
            match self.fields.get(&(model.id, field.name.clone())) {
                Some(known) => {
                    let known = known.clone();
                    if self.changed(model, known, field)? {
                        uniques.push(field);
                    }
                }
                None => {
                    self.insert_field(model, field, place)?;
                    columns.push(field);
                    if field.definition.unique {
                        uniques.push(field);
                    }
                }
            }
        }
        let tables: HashMap<&str, &str> =
            self.models.values().map(|row| (row.name.as_str(), row.table.as_str())).collect();
        let columns: Vec<NewColumn<'_>> = columns.iter().filter_map(|field| column(field, &tables)).collect();
        if self.fresh.contains(&model.id) {
            tables::create_table(self.tx, &model.table, &columns)?;
        } else {
            for column in &columns {
                tables::add_column(self.tx, &model.table, column)?;
            }
        }
        for field in uniques {
            self.make_unique(model, field)?;
        }
        Ok(())
    }

    fn insert_field(&mut self, model: &ModelRow, field: &Declared, place: usize) -> Result<(), Error> {
        // Fields of other owners come behind the model's own.
        let behind = if model.owner == self.owner { 0 } else { 1000 };
        let mut row = FieldRow {
            id: 0,
            model: model.id,
            name: field.name.clone(),
            definition: text(&field.definition),
            label: field.label.clone(),
            help: field.help.clone(),
            place: behind + i64::try_from(place).unwrap_or(i64::MAX - behind),
            owners: vec![self.owner.to_owned()],
        };
        row.id = rows::insert_field(self.tx, &row)?;
        rows::own_field(self.tx, row.id, self.owner)?;
        self.fields.insert((model.id, field.name.clone()), row);
        Ok(())
    }

    /// Compares a declaration with the field that is there; answers whether it has become unique.
    fn changed(&mut self, model: &ModelRow, mut known: FieldRow, field: &Declared) -> Result<bool, Error> {
        let stands = definition(&known)?;
        let wanted = &field.definition;
        let others: Vec<&String> = known.owners.iter().filter(|owner| *owner != self.owner).collect();
        if stands.field_type != wanted.field_type {
            let by = others.first().map_or(self.owner, |owner| owner.as_str());
            return Err(Error::Collision(format!(
                "{}.{} is {} as {by} declared it, and {} as {} declares it: a changed type is a new field, so give it \
                 another name",
                model.name,
                field.name,
                words(&stands.field_type),
                words(&wanted.field_type),
                self.owner,
            )));
        }
        if let Some(other) = others.first() {
            if (stands.required, stands.read_only) != (wanted.required, wanted.read_only) {
                return Err(Error::Collision(format!(
                    "{}.{} is declared differently by {other} and by {} (required, read_only)",
                    model.name, field.name, self.owner
                )));
            }
            rows::own_field(self.tx, known.id, self.owner)?;
            return Ok(false);
        }
        rows::own_field(self.tx, known.id, self.owner)?;
        if stands.unique && !wanted.unique {
            tables::drop_unique(self.tx, &model.table, &field.name)?;
        }
        known.definition = text(wanted);
        known.label.clone_from(&field.label);
        known.help.clone_from(&field.help);
        rows::update_field(self.tx, &known)?;
        Ok(wanted.unique && !stands.unique)
    }

    fn make_unique(&mut self, model: &ModelRow, field: &Declared) -> Result<(), Error> {
        if !self.fresh.contains(&model.id) {
            let twice = tables::duplicates(self.tx, &model.table, &field.name)?;
            if !twice.is_empty() {
                return Err(Error::Collision(format!(
                    "{}.{} can't be made unique as {} wants it: {}",
                    model.name,
                    field.name,
                    self.owner,
                    twice.join(", ")
                )));
            }
        }
        Ok(tables::create_unique(self.tx, &model.table, &field.name)?)
    }

    /// Link tables come last, since they refer to the tables of both sides.
    fn links(&mut self, declared: &[ModelDeclaration]) -> Result<(), Error> {
        for model in declared {
            let of = self.models[&model.name].table.clone();
            for field in &model.fields {
                let FieldType::Many2many { model: target } = &field.definition.field_type else { continue };
                let to = &self.models[target].table;
                tables::create_link_table(self.tx, &link_table(&of, &field.name), &of, to)?;
            }
        }
        Ok(())
    }

    fn withdraw_others(&mut self, declared: &[ModelDeclaration]) -> Result<(), Error> {
        let names: HashMap<i64, &str> = self.models.values().map(|model| (model.id, model.name.as_str())).collect();
        for ((model, name), row) in &self.fields {
            let stays = declared.iter().any(|d| {
                names.get(model) == Some(&d.name.as_str()) && d.fields.iter().any(|field| field.name == *name)
            });
            if !stays && row.owners.iter().any(|owner| owner == self.owner) {
                rows::disown_field(self.tx, row.id, self.owner)?;
            }
        }
        Ok(())
    }
}

/// The table of a model. Its prefix keeps it apart from the host's own tables.
fn table_name(model: &str) -> String {
    format!("r_{}", model.replace('.', "_"))
}

/// The table of a many2many field.
pub(super) fn link_table(table: &str, field: &str) -> String {
    format!("{table}__{field}")
}

fn column<'a>(field: &'a Declared, tables: &HashMap<&str, &'a str>) -> Option<NewColumn<'a>> {
    let holds = match &field.definition.field_type {
        FieldType::Text | FieldType::Selection { .. } => Holds::Text,
        FieldType::Binary => Holds::Blob,
        FieldType::Many2one { model } => Holds::Reference(tables.get(model.as_str())?),
        FieldType::One2many { .. } | FieldType::Many2many { .. } | FieldType::Unknown => return None,
        FieldType::Integer
        | FieldType::Decimal { .. }
        | FieldType::Money { .. }
        | FieldType::Boolean
        | FieldType::Date
        | FieldType::Datetime => Holds::Int,
    };
    Some(NewColumn { name: &field.name, holds })
}

fn text(definition: &Definition) -> String {
    serde_json::to_string(definition).expect("a definition is plain data")
}

/// The definition in a field's row.
pub(super) fn definition(row: &FieldRow) -> Result<Definition, Error> {
    serde_json::from_str(&row.definition)
        .map_err(|e| Error::Definition(format!("the stored definition of {} can't be read: {e}", row.name)))
}

/// A type in words, for messages and documents.
pub fn words(field_type: &FieldType) -> String {
    match field_type {
        FieldType::Text => "text".to_owned(),
        FieldType::Integer => "integer".to_owned(),
        FieldType::Decimal { scale } => format!("decimal({scale})"),
        FieldType::Money { currency } => format!("money in {currency}"),
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Datetime => "datetime".to_owned(),
        FieldType::Selection { options } => format!("selection of {}", options.join(" | ")),
        FieldType::Binary => "binary".to_owned(),
        FieldType::Many2one { model } => format!("many2one {model}"),
        FieldType::One2many { model, inverse } => format!("one2many {model} by {inverse}"),
        FieldType::Many2many { model } => format!("many2many {model}"),
        FieldType::Unknown => "unknown".to_owned(),
    }
}
