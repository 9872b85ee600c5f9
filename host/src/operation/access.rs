//! Who may do what: the one check of the product. A face says who calls; it never decides what they may do.

use serde::{Deserialize, Serialize};

use super::{Error, Operation};

/// The groups of the product, each including the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// `group_generic_connector_user`: reads.
    User,
    /// `group_generic_connector_manager`: configures backends, sets secrets that nobody reads, runs.
    Manager,
    /// `group_generic_connector_admin`: owns plugins, users, grants and the master key.
    Admin,
}

impl Group {
    /// Its name as the specification writes it.
    pub const fn external_id(self) -> &'static str {
        match self {
            Self::User => "group_generic_connector_user",
            Self::Manager => "group_generic_connector_manager",
            Self::Admin => "group_generic_connector_admin",
        }
    }
}

/// Whoever asks for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Written to the audit log and to the origin of changes: `owner`, a user, a token.
    pub actor: String,
    /// What they may do. `None`: nothing.
    pub group: Option<Group>,
}

impl Caller {
    /// The owner of the data directory: who holds the socket or the lock may do everything.
    pub fn owner() -> Self {
        Self { actor: "owner".to_owned(), group: Some(Group::Admin) }
    }

    /// Somebody who belongs to no group.
    pub fn nobody() -> Self {
        Self { actor: "nobody".to_owned(), group: None }
    }
}

/// Denies unless the caller's group includes the one that the operation asks for.
pub(super) fn check(caller: &Caller, operation: &Operation) -> Result<(), Error> {
    match caller.group {
        Some(group) if group >= operation.group => Ok(()),
        _ => Err(Error::Denied {
            actor: caller.actor.clone(),
            operation: operation.name,
            group: operation.group.external_id(),
        }),
    }
}
