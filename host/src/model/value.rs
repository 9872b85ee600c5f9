//! A typed value of a record's field. Reading and writing JSON or SQL is the business of the rooms that do it.

use super::Decimal;
use crate::base::Timestamp;

/// A value. `Null` clears; a field that is absent from a write is left alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Integer(i64),
    /// Decimal or money, with the scale of its field.
    Decimal(Decimal),
    /// Text or the word of a selection.
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Instant.
    Datetime(Timestamp),
    /// Bytes.
    Binary(Vec<u8>),
    /// many2one: the id of a record.
    Ref(i64),
    /// many2many and one2many: ids in order.
    Refs(Vec<i64>),
}
