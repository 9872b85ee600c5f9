//! Models, kinds and fields as the catalogue holds them: immutable, shared, looked up by name or index.

use std::{collections::HashMap, sync::Arc};

use bindery_contract::field::FieldType;

use super::{
    compute::{Cause, Compute},
    onchange::Onchange,
    work::param,
};
use crate::{
    base::{
        Map,
        name::{hint, nearest},
    },
    model::Value,
    storage::{Param, binding_lookup::Lookup, record::Table},
};

/// What happens to a record when one that it refers to is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// The reference is cleared.
    #[default]
    SetNull,
    /// The removal is refused.
    Restrict,
    /// It is removed too.
    Cascade,
}

/// A field of a model, or an extra field of a kind.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its place in `Model::fields`.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its type.
    pub field_type: FieldType,
    /// Its column, where it has one (one2many and many2many have none).
    pub column: Option<String>,
    /// Text for people.
    pub label: String,
    /// What it is for.
    pub help: String,
    /// Must have a value.
    pub required: bool,
    /// No two records have the same value.
    pub unique: bool,
    /// People and applications can't write it; connectors can.
    pub read_only: bool,
    /// The host works it out; nobody writes it.
    pub computed: bool,
    /// For many2one.
    pub ondelete: OnDelete,
    /// What a new record has where nothing is said.
    pub default: Option<Value>,
    /// Where the field is really kept, when another record keeps it.
    pub delegated: Option<Delegated>,
}

/// A field that a record has of another one, to which a many2one of it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delegated {
    /// The many2one, by index in the record's own model.
    pub link: usize,
    /// The field, by index in the model that the many2one leads to.
    pub field: usize,
}

impl Field {
    /// Whether it is a column of the record's table.
    pub fn is_stored(&self) -> bool {
        self.column.is_some()
    }

    /// Whether only the record that it is delegated to has it. (A delegated field with a column is a copy that the
    /// host keeps, so that it can be searched and ordered by.)
    pub fn is_elsewhere(&self) -> bool {
        self.delegated.is_some() && self.column.is_none()
    }

    /// Whether it holds several records.
    pub fn is_to_many(&self) -> bool {
        matches!(self.field_type, FieldType::One2many { .. } | FieldType::Many2many { .. })
    }

    /// The model that it refers to.
    pub fn target(&self) -> Option<&str> {
        match &self.field_type {
            FieldType::Many2one { model } | FieldType::One2many { model, .. } | FieldType::Many2many { model } => {
                Some(model)
            }
            _ => None,
        }
    }

    /// Digits after the point of a decimal or an amount.
    pub fn scale(&self) -> Option<u8> {
        match self.field_type {
            FieldType::Decimal { scale } => Some(scale),
            FieldType::Money { .. } => Some(MONEY_SCALE),
            _ => None,
        }
    }
}

/// Digits after the point of an amount of money, in every currency.
pub const MONEY_SCALE: u8 = 4;

/// A model: what records of it look like.
#[derive(Debug)]
pub struct Model {
    /// Its id in the catalogue, as bindings and outbox rows have it.
    pub id: i64,
    /// `product.template`.
    pub name: String,
    /// Text for people.
    pub label: String,
    /// Its table.
    pub table: Table,
    /// The field that names a record for people.
    pub display: String,
    /// The order of a search that names none.
    pub order: String,
    /// Its fields, hidden ones left out.
    pub fields: Vec<Field>,
    /// Changes with any field of it: part of the map fingerprint.
    pub digest: u64,
    pub(super) by_name: Map<String, usize>,
    /// Fields that must have a value.
    pub(super) required: Vec<usize>,
    /// What a new record has where nothing is said.
    pub(super) defaults: Vec<FieldDefault>,
    /// The many2one whose target's fields are the model's too.
    pub(super) delegate: Option<usize>,
    /// What follows from the choices that a new record makes.
    pub(super) onchanges: Vec<&'static Onchange>,
    /// What the host works out.
    pub(super) computes: Vec<&'static Compute>,
    /// What the host works out elsewhere when a record of this model changes.
    pub(super) causes: Vec<(&'static Compute, &'static Cause)>,
    /// many2one fields that lead here: model, and field index.
    pub(super) referred: Vec<(String, usize)>,
    /// Look-ups of bindings of kinds over it.
    pub(super) lookup: Lookup,
    /// Link tables of its many2many fields.
    pub(super) links: HashMap<usize, String>,
}

/// What a field of a new record is where nothing is said of it.
#[derive(Debug, Clone)]
pub(super) struct FieldDefault {
    /// The field's number.
    pub(super) field: usize,
    /// The value.
    pub(super) value: Value,
    /// The value as SQL has it, where it is plain: most new records take most of these, and a constant costs less than a
    /// parameter.
    pub(super) literal: Option<String>,
}

impl FieldDefault {
    /// The default of a field.
    pub(super) fn new(field: usize, value: Value) -> Self {
        let literal = match param(&value) {
            Param::Int(number) => Some(number.to_string()),
            Param::Text(text) if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) => {
                Some(format!("'{text}'"))
            }
            _ => None,
        };
        Self { field, value, literal }
    }
}

impl Model {
    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|index| &self.fields[*index])
    }

    /// What is wrong with the name of a field that it has not, and which one may have been meant.
    pub(super) fn no_field(&self, name: &str) -> String {
        format!("there is no such field{}", self.hint(name))
    }

    /// `; did you mean …?`, or nothing.
    pub(super) fn hint(&self, name: &str) -> String {
        hint(nearest(name, self.by_name.keys().map(String::as_str)))
    }

    /// The error that says so.
    pub(super) fn unknown(&self, name: &str) -> super::Error {
        super::Error::field(&self.name, name, self.no_field(name))
    }

    /// Whether records of it can be archived.
    pub fn has_active(&self) -> bool {
        self.by_name.contains_key("active")
    }
}

/// A kind: a connector's binding model over a record model.
#[derive(Debug)]
pub struct Kind {
    /// Its id in the catalogue, as bindings have it.
    pub id: i64,
    /// `acme.product`.
    pub name: String,
    /// The record model.
    pub model: Arc<Model>,
    /// The plugin that declares it.
    pub owner: String,
    /// Extra fields of its bindings; columns are keys of the binding's `extra`.
    pub fields: Vec<Field>,
    /// Rules over several bindings.
    pub constraints: Vec<bindery_contract::manifest::Constraint>,
    pub(super) by_name: Map<String, usize>,
}

impl Kind {
    /// An extra field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|index| &self.fields[*index])
    }
}
