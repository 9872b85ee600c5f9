//! What can go wrong before an operation reaches its room, with codes.

use crate::base::{Code, Coded, Retry};

/// An error of the use cases themselves.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No operation has that name.
    #[error("there is no operation {0:?}")]
    Unknown(String),
    /// The request is not what the operation expects.
    #[error("the request for {operation} can't be read: {reason}")]
    Request {
        /// The operation.
        operation: &'static str,
        /// What the reader says.
        reason: String,
    },
    /// What was named is not there.
    #[error("there is no {noun} {name}")]
    NotFound {
        /// `backend`, `job`, …
        noun: &'static str,
        /// What was asked for.
        name: String,
    },
    /// A value of the request makes no sense.
    #[error("{0}")]
    Value(String),
    /// The host broke a promise of its own.
    #[error("the answer of {operation} can't be written: {reason}")]
    Answer {
        /// The operation.
        operation: &'static str,
        /// What the writer says.
        reason: String,
    },
}

/// The codes of this room.
pub const CODES: &[Code] = &[UNKNOWN, REQUEST, NOT_FOUND, VALUE, ANSWER];

const UNKNOWN: Code = Code {
    name: "operation.unknown",
    cause: "The command line and the host are of different versions, or the name is misspelt.",
    cure: "Use the program that the host runs; `bindery status` shows its version.",
    retry: Retry::Never,
};
const REQUEST: Code = Code {
    name: "operation.request",
    cause: "A part of the request has the wrong type, or one that is needed is missing.",
    cure: "The message names the part. `--help` shows what the command takes.",
    retry: Retry::Never,
};
const NOT_FOUND: Code = Code {
    name: "operation.not_found",
    cause: "Nothing has that name or id, or it was removed meanwhile.",
    cure: "The `list` command beside this one shows what there is.",
    retry: Retry::Never,
};
const VALUE: Code = Code {
    name: "operation.value",
    cause: "A value of the request makes no sense here.",
    cure: "The message says which, and what it may be.",
    retry: Retry::Never,
};
const ANSWER: Code = Code {
    name: "operation.answer",
    cause: "The host has a defect.",
    cure: "Report it with the message.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Unknown(_) => &UNKNOWN,
            Self::Request { .. } => &REQUEST,
            Self::NotFound { .. } => &NOT_FOUND,
            Self::Value(_) => &VALUE,
            Self::Answer { .. } => &ANSWER,
        }
    }
}
