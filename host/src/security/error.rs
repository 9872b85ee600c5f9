//! What can go wrong with keys, secrets and rights, with codes.

use crate::{
    base::{Code, Coded, Retry},
    storage,
};

/// An error of this room. None of them holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A key is not a key.
    #[error("the key in {place} is not one: {why}")]
    BadKey {
        /// Where it came from.
        place: String,
        /// What is wrong with it; never a part of it.
        why: String,
    },
    /// A key's file can't be read or written.
    #[error("the key file {path}: {why}")]
    KeyFile {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// No place outside the data directory to keep a generated key in.
    #[error("there is no place to keep a generated key in: {0}")]
    NoPlace(String),
    /// A secret was sealed with a key that we don't have.
    #[error("the secret {field} was sealed with key {key_id}, which this host does not have")]
    KeyLost {
        /// The setting.
        field: String,
        /// The key's id.
        key_id: String,
    },
    /// A secret does not open with the key that is said to have sealed it.
    #[error("the secret {field} can't be opened: the stored bytes were changed, or belong elsewhere")]
    Tampered {
        /// The setting.
        field: String,
    },
    /// Somebody may not do something.
    #[error("{group} may not {permission} {model}")]
    Denied {
        /// The highest group that asked.
        group: String,
        /// `read`, `write`, `create` or `unlink`.
        permission: &'static str,
        /// What on.
        model: String,
    },
    /// A table of access rules can't be read.
    #[error("access rules, line {line}: {why}")]
    BadRule {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The codes of this room.
pub const CODES: &[Code] = &[BAD_KEY, KEY_FILE, NO_PLACE, KEY_LOST, TAMPERED, DENIED, BAD_RULE];

const BAD_KEY: Code = Code {
    name: "security.bad_key",
    cause: "The text given as the master key is not 32 bytes in hexadecimal or base64.",
    cure: "Give the key as it was kept; `head -c32 /dev/urandom | base64` makes a new one for new data.",
    retry: Retry::Never,
};
const KEY_FILE: Code = Code {
    name: "security.key_file",
    cause: "The file with the master key can't be read or written.",
    cure: "Check the path and the rights; the file belongs to the host's user with mode 600.",
    retry: Retry::Never,
};
const NO_PLACE: Code = Code {
    name: "security.no_place_for_key",
    cause: "No master key is given, and a generated one must lie outside the data directory.",
    cure: "Set BINDERY_KEY_FILE to a file with the key, or XDG_CONFIG_HOME (or HOME) to where one may be kept.",
    retry: Retry::Never,
};
const KEY_LOST: Code = Code {
    name: "security.key_lost",
    cause: "The master key that sealed this secret is not among the keys that the host was started with.",
    cure: "Start the host with the old key as well (BINDERY_KEY_FILE takes several, one a line), or set the secret anew.",
    retry: Retry::Never,
};
const TAMPERED: Code = Code {
    name: "security.secret_tampered",
    cause: "The sealed bytes don't belong to this backend and setting, or were damaged.",
    cure: "Set the secret anew.",
    retry: Retry::Never,
};
const DENIED: Code = Code {
    name: "security.denied",
    cause: "The access rules give none of the asker's groups this permission.",
    cure: "Ask an administrator for the group, or for a rule.",
    retry: Retry::Never,
};
const BAD_RULE: Code = Code {
    name: "security.bad_rule",
    cause: "A line of an access table does not have the form id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink.",
    cure: "Correct the line.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::BadKey { .. } => &BAD_KEY,
            Self::KeyFile { .. } => &KEY_FILE,
            Self::NoPlace(_) => &NO_PLACE,
            Self::KeyLost { .. } => &KEY_LOST,
            Self::Tampered { .. } => &TAMPERED,
            Self::Denied { .. } => &DENIED,
            Self::BadRule { .. } => &BAD_RULE,
            Self::Storage(error) => error.code(),
        }
    }
}
