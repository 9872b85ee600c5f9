//! Fields: how a typed value of a record, of a binding or of the settings is declared.
//!
//! The same words are used by model files, by a kind's extra fields and by the console. It never says how a value is
//! stored.

use serde::{Deserialize, Serialize};

/// The type of a field. Shapes on the wire are JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// UTF-8 text without NUL.
    Text,
    /// 64-bit signed integer.
    Integer,
    /// Exact decimal with a fixed number of digits after the point; text or number on the wire.
    Decimal {
        /// Digits after the point, 0 to 12, fixed for ever.
        scale: u8,
    },
    /// Exact amount in the currency that the record's currency field names; as a decimal of scale 4.
    Money {
        /// The many2one field of the same model that holds the currency.
        currency: String,
    },
    /// true or false.
    Boolean,
    /// Calendar day, `2026-11-24`.
    Date,
    /// Instant, RFC 3339 on the wire, microseconds UTC inside.
    Datetime,
    /// One of a fixed list of words.
    Selection {
        /// The words, in the order to show them.
        options: Vec<String>,
    },
    /// Bytes; base64 on the wire.
    Binary,
    /// Reference to one record.
    Many2one {
        /// The model referred to.
        model: String,
    },
    /// The records whose many2one field refers back to this one. Not a column.
    One2many {
        /// The model of the lines.
        model: String,
        /// Their many2one field.
        inverse: String,
    },
    /// A set of records.
    Many2many {
        /// The model referred to.
        model: String,
    },
    /// A type of a newer contract.
    #[serde(other)]
    Unknown,
}

/// A field as declared by a model, a kind or an extension of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldDecl {
    /// Name in lower snake case.
    pub name: String,
    /// Type, with what the type needs.
    #[serde(flatten)]
    pub field_type: FieldType,
    /// Text for people; the name where it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Must have a value on every write.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Only the connector writes it; people and applications cannot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

impl FieldDecl {
    /// A field of a type, optional and writable.
    pub fn new(name: impl Into<String>, field_type: FieldType) -> Self {
        Self {
            name: name.into(),
            field_type,
            label: String::new(),
            help: String::new(),
            required: false,
            read_only: false,
        }
    }
}
