//! Values on their way into a record: decoded by the types of its fields, before references are resolved.

use bindery_contract::record::{Find, Ref};

use crate::model::Value;

/// What a write sets: field index in the model, and what to set it to. A field that is not listed is left alone.
pub type Values = Vec<(usize, Input)>;

/// What one field is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A value; `Value::Null` clears.
    Value(Value),
    /// many2one: a record that must be found first.
    Symbolic(Symbolic),
    /// one2many and many2many: what to do with the lines.
    Lines(Vec<Command>),
}

/// A record that is named by something else than its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Symbolic {
    /// The record bound to an external id of the backend at work.
    Ref(Ref),
    /// The record with a value in a field.
    Find(Find),
}

/// A record of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// By id.
    Id(i64),
    /// By something else.
    Symbolic(Symbolic),
}

/// One change of the lines of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Makes a record of the related model and links it.
    Create(Values),
    /// Changes a linked record.
    Update(Target, Values),
    /// Removes a linked record for good.
    Delete(Target),
    /// Takes the link away; a line that can't stand alone is removed.
    Unlink(Target),
    /// Links a record that is there.
    Link(Target),
    /// Takes all links away.
    Clear,
    /// Links exactly these.
    Set(Vec<Target>),
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl std::fmt::Display for Symbolic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ref(target) => write!(f, "{} {:?}", target.kind, target.id),
            Self::Find(find) => write!(f, "{} with {} = {:?}", find.model, find.field, find.value),
        }
    }
}
