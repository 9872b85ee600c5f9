//! Who may do what: the one check of the product. A face says who calls; it never decides what they may do.

use serde_json::Value;

use super::{Error, Operation};
use crate::{
    base::Fault,
    record::Catalogue,
    security::role::{Group, Permission, Rules},
};

/// Whoever asks for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Written to the audit log and to the origin of changes: `owner`, a user, a token.
    pub actor: String,
    /// The groups they belong to. None: they may do nothing.
    pub groups: Vec<Group>,
}

impl Caller {
    /// The owner of the data directory: who holds the socket or the lock may do everything.
    pub fn owner() -> Self {
        Self { actor: "owner".to_owned(), groups: vec![Group::Admin] }
    }

    /// The host itself, where it does what it was started with (a folder of plugins).
    pub fn host() -> Self {
        Self { actor: "host".to_owned(), groups: vec![Group::Admin] }
    }

    /// Somebody who belongs to no group.
    pub fn nobody() -> Self {
        Self { actor: "nobody".to_owned(), groups: Vec::new() }
    }
}

/// Which model's rules decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// This one.
    Model(&'static str),
    /// The one that the request names.
    Requested,
}

/// Denies unless a rule permits it. A kind is reached with the rights on bindings and on its record model.
pub(super) fn check(
    rules: &Rules,
    catalogue: &Catalogue,
    caller: &Caller,
    operation: &Operation,
    input: &str,
) -> Result<(), Fault> {
    let may = |model: &str| rules.check(&caller.groups, operation.permission, model);
    if let Subject::Model(model) = operation.subject {
        return Ok(may(model)?);
    }
    let request: Value = serde_json::from_str(input).unwrap_or_default();
    let missing = || Error::Request { operation: operation.name, reason: "missing field `model`".to_owned() };
    let name = request["model"].as_str().ok_or_else(missing)?;
    match catalogue.kind(name) {
        Some(kind) => {
            may("generic.binding")?;
            Ok(may(&kind.model.name)?)
        }
        None => Ok(may(name)?),
    }
}

/// Whether the operation changes something: then it is written to the audit log, whatever came of it.
pub(super) fn is_change(operation: &Operation) -> bool {
    operation.permission != Permission::Read
}
