//! What can go wrong with backends, with codes.

use std::time::Duration;

use bindery_contract::ErrorClass;

use crate::{
    base::{Code, Coded, Fault, Retry},
    plugin, record, security, storage,
};

/// An error of this room. None of them holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No backend of this name.
    #[error("there is no backend {name:?}{}", hint(.nearest))]
    Unknown {
        /// The name, or the id.
        name: String,
        /// A name that is like it.
        nearest: Option<String>,
    },
    /// A backend of this name is there.
    #[error("a backend {0:?} is there already")]
    NameTaken(String),
    /// The name can't be one.
    #[error("{0:?} can't be the name of a backend")]
    BadName(String),
    /// No plugin provides the type.
    #[error("no plugin provides the backend type {name:?}{}", provided(.known))]
    UnknownType {
        /// The type.
        name: String,
        /// Types that are provided.
        known: Vec<String>,
    },
    /// Settings that the connector does not accept.
    #[error("the settings of backend {name} are refused: {}", listed(.fields))]
    Settings {
        /// The backend.
        name: String,
        /// Setting and what is wrong with it.
        fields: Vec<(String, String)>,
    },
    /// The plugin is not there.
    #[error("plugin {plugin} of backend {name} is {why}")]
    PluginMissing {
        /// The backend.
        name: String,
        /// The plugin.
        plugin: String,
        /// `missing`, or why it was refused.
        why: String,
    },
    /// The backend is disabled.
    #[error("backend {0} is disabled")]
    Disabled(String),
    /// Its settings, a secret or its state were changed while the work was under way.
    #[error("backend {0} was changed, disabled or removed while the work was under way")]
    EpochChanged(i64),
    /// Two changes at once.
    #[error("backend {0} was changed by somebody else at the same time")]
    Conflict(String),
    /// Bindings, jobs or cursors still refer to it.
    #[error("backend {0} is in use: its bindings refer to it")]
    InUse(String),
    /// The check of the connection failed.
    #[error("backend {name} can't connect: {message}")]
    Connection {
        /// The backend.
        name: String,
        /// What the error means.
        class: ErrorClass,
        /// What happened.
        message: String,
        /// What to do, where known.
        cure: Option<String>,
        /// When a retry is worth while.
        after: Option<Duration>,
    },
    /// Secrets that can't be read.
    #[error("backend {name}: {error}")]
    Secret {
        /// The backend.
        name: String,
        /// Why.
        error: security::Error,
    },
    /// The connector could not be opened.
    #[error("backend {name}: {}", .fault.message)]
    Plugin {
        /// The backend.
        name: String,
        /// Why.
        fault: Box<Fault>,
    },
    /// A record could not be looked at.
    #[error("{}", .0.message)]
    Record(Box<Fault>),
    /// The store.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl From<record::Error> for Error {
    fn from(error: record::Error) -> Self {
        Self::Record(Box::new(error.into()))
    }
}

impl Error {
    pub(super) fn plugin(name: &str, error: plugin::Error) -> Self {
        Self::Plugin { name: name.to_owned(), fault: Box::new(error.into()) }
    }

    /// A composition is in doubt: the first doubt with its code, all of them in words.
    pub(super) fn in_doubt(name: &str, doubts: Vec<plugin::Error>) -> Self {
        let words: Vec<String> = doubts.iter().map(ToString::to_string).collect();
        let mut faults = doubts.into_iter().map(Fault::from);
        match faults.next() {
            Some(mut fault) => {
                fault.message = words.join("; ");
                Self::Plugin { name: name.to_owned(), fault: Box::new(fault) }
            }
            None => Self::Disabled(name.to_owned()),
        }
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn provided(known: &[String]) -> String {
    if known.is_empty() { "; no plugin is installed".to_owned() } else { format!("; known are {}", known.join(", ")) }
}

fn listed(fields: &[(String, String)]) -> String {
    fields.iter().map(|(field, problem)| format!("{field} {problem}")).collect::<Vec<_>>().join("; ")
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    UNKNOWN,
    NAME_TAKEN,
    BAD_NAME,
    UNKNOWN_TYPE,
    SETTINGS,
    PLUGIN_MISSING,
    DISABLED,
    EPOCH_CHANGED,
    CONFLICT,
    IN_USE,
    CONNECTION_AUTH,
    CONNECTION_LATER,
    CONNECTION_FAILED,
];

const UNKNOWN: Code = Code {
    name: "backend.unknown",
    cause: "No backend has this name.",
    cure: "`bindery backend list` shows the names.",
    retry: Retry::Never,
};
const NAME_TAKEN: Code = Code {
    name: "backend.name_taken",
    cause: "Names of backends are unique.",
    cure: "Choose another name, or change the backend that is there with `bindery backend set`.",
    retry: Retry::Never,
};
const BAD_NAME: Code = Code {
    name: "backend.bad_name",
    cause: "A backend's name stands in commands, URLs and channels.",
    cure: "Use 1 to 63 lower case letters, digits, `-` and `_`, beginning with a letter or a digit.",
    retry: Retry::Never,
};
const UNKNOWN_TYPE: Code = Code {
    name: "backend.unknown_type",
    cause: "The type is misspelt, or the plugin that provides it is not installed or was refused.",
    cure: "`bindery plugin list` shows what is installed and why something was refused; `bindery plugin install FILE` installs.",
    retry: Retry::Never,
};
const SETTINGS: Code = Code {
    name: "backend.settings",
    cause: "The connector's settings schema does not accept the values, or a key is unknown.",
    cure: "Correct each setting that is listed; `bindery plugin show ID` describes them.",
    retry: Retry::Never,
};
const PLUGIN_MISSING: Code = Code {
    name: "backend.plugin_missing",
    cause: "The backend's plugin is not installed, or its file was refused.",
    cure: "`bindery plugin list` says why; install it again. The backend's jobs wait meanwhile.",
    retry: Retry::Never,
};
const DISABLED: Code = Code {
    name: "backend.disabled",
    cause: "An operator disabled the backend; its jobs wait.",
    cure: "`bindery backend enable NAME`.",
    retry: Retry::Never,
};
const EPOCH_CHANGED: Code = Code {
    name: "backend.epoch_changed",
    cause: "The backend's settings, a secret or its state changed while this work was under way; nothing of it was written.",
    cure: "Nothing: the work is done again with what holds now.",
    retry: Retry::Now,
};
const CONFLICT: Code = Code {
    name: "backend.conflict",
    cause: "Two changes of one backend met; this one was not made.",
    cure: "Look at the backend and make the change again.",
    retry: Retry::Now,
};
const IN_USE: Code = Code {
    name: "backend.in_use",
    cause: "Bindings, jobs or cursors of the backend would be left without it.",
    cure: "`bindery backend disable NAME` keeps it from running; unbind its records before removing it.",
    retry: Retry::Never,
};
const CONNECTION_AUTH: Code = Code {
    name: "backend.connection_auth",
    cause: "The outside system refuses the credentials.",
    cure: "Set the right ones (`bindery backend set NAME --secret …`) and see what they are allowed to do there.",
    retry: Retry::Never,
};
const CONNECTION_LATER: Code = Code {
    name: "backend.connection_unavailable",
    cause: "The outside system can't be reached, or asks to wait.",
    cure: "Check the address and whether the system is up, then test again.",
    retry: Retry::Later,
};
const CONNECTION_FAILED: Code = Code {
    name: "backend.connection_failed",
    cause: "The connector could not talk to the outside system.",
    cure: "The message says why; mostly the address or a setting is wrong.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Unknown { .. } => &UNKNOWN,
            Self::NameTaken(_) => &NAME_TAKEN,
            Self::BadName(_) => &BAD_NAME,
            Self::UnknownType { .. } => &UNKNOWN_TYPE,
            Self::Settings { .. } => &SETTINGS,
            Self::PluginMissing { .. } => &PLUGIN_MISSING,
            Self::Disabled(_) => &DISABLED,
            Self::EpochChanged(_) => &EPOCH_CHANGED,
            Self::Conflict(_) => &CONFLICT,
            Self::InUse(_) => &IN_USE,
            Self::Connection { class: ErrorClass::Auth, .. } => &CONNECTION_AUTH,
            Self::Connection { class, .. } if class.is_retryable() => &CONNECTION_LATER,
            Self::Connection { .. } => &CONNECTION_FAILED,
            Self::Secret { error, .. } => error.code(),
            Self::Plugin { fault, .. } | Self::Record(fault) => fault.code,
            Self::Storage(error) => error.code(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Connection { after, .. } => *after,
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Settings { fields, .. } => fields.clone(),
            Self::Plugin { fault, .. } | Self::Record(fault) => fault.fields.clone(),
            _ => Vec::new(),
        }
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::Connection { cure, .. } => cure.clone(),
            Self::Plugin { fault, .. } | Self::Record(fault) => Some(fault.cure.clone()),
            _ => None,
        }
    }
}
