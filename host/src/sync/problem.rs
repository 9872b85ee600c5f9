//! What stops one record: kept on its binding with its payload, so that the others go on and it can be tried again.

use bindery_contract::{Error as ContractError, ErrorClass};

use super::Error;
use crate::{
    base::{Coded, Fault, Retry},
    storage::quarantine::Quarantined,
};

pub use crate::model::binding::retry_at;

/// Why one record can't be imported.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Problem {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// JSON pointer to the value at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Our field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the same may succeed later by itself.
    pub retry: bool,
}

impl Problem {
    /// A problem with a code of its own.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), path: None, field: None, retry: true }
    }

    /// The relation's target is not here.
    pub fn unbound(field: Option<&str>, target: &str) -> Self {
        Self {
            field: field.map(str::to_owned),
            ..Self::new("sync.unbound_relation", format!("it refers to {target}, which is not here"))
        }
    }
}

impl From<&ContractError> for Problem {
    fn from(error: &ContractError) -> Self {
        Self {
            code: format!("connector.{}", class_name(error.class)),
            message: error.to_string(),
            path: error.detail.path.clone(),
            field: error.detail.field.clone(),
            // A payload that was refused may be mended there, or by a newer mapper: the sweep tries until its budget ends.
            retry: error.class != ErrorClass::Unsupported,
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code.name.to_owned(),
            field: fault.fields.first().map(|(name, _)| name.clone()),
            retry: fault.code.retry != Retry::Never || fault.code.name.starts_with("record."),
            message: fault.message,
            path: None,
        }
    }
}

impl From<Quarantined> for Problem {
    fn from(kept: Quarantined) -> Self {
        Self {
            // What waits on a binding is tried again; what has no id can't be.
            retry: kept.binding.is_some(),
            code: kept.error_code,
            message: kept.error,
            path: kept.error_path,
            field: kept.error_field,
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Connector(error) => error.into(),
            Error::Below(fault) => fault.clone().into(),
            other => {
                Self { retry: other.code().retry != Retry::Never, ..Self::new(other.code().name, other.to_string()) }
            }
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

fn class_name(class: ErrorClass) -> String {
    serde_json::to_value(class).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
