//! Errors that cross the boundary: a class that decides what happens next, a message, and details.
//!
//! The class is what the host acts upon (retry, wait, ask for new credentials, quarantine the record); the message is
//! for people. It never carries secrets: whoever makes an error keeps them out of the message.

use serde::{Deserialize, Serialize};

/// What an error means for the call that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Something passing: the same call may succeed later.
    Retryable,
    /// The remote asks to slow down; retried after `after_ms`.
    RateLimited,
    /// The remote refuses our credentials; retrying without a change is useless.
    Auth,
    /// The remote, or a rule, refuses this record or this value.
    Invalid,
    /// What was asked for does not exist there (any more).
    Gone,
    /// The connector does not do this.
    Unsupported,
    /// The call failed for good.
    Failed,
    /// The connector's code panicked.
    Panic,
    /// A payload could not be read: the two sides do not understand each other.
    BadPayload,
    /// The host asked the call to stop.
    Cancelled,
    /// The operator has not granted what the call asked for (a host name, a model).
    Denied,
    /// A class of a newer contract; treated as [`ErrorClass::Failed`].
    #[serde(other)]
    Unknown,
}

impl ErrorClass {
    /// The number under which the class crosses in `AbiError::code`.
    pub const fn code(self) -> u32 {
        match self {
            Self::Panic => 1,
            Self::Unsupported => 2,
            Self::BadPayload => 3,
            Self::Retryable => 10,
            Self::Failed => 11,
            Self::RateLimited => 12,
            Self::Auth => 13,
            Self::Invalid => 14,
            Self::Gone => 15,
            Self::Cancelled => 16,
            Self::Denied => 17,
            Self::Unknown => 99,
        }
    }

    /// The class of a number; numbers of a newer contract are [`ErrorClass::Unknown`].
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Panic,
            2 => Self::Unsupported,
            3 => Self::BadPayload,
            10 => Self::Retryable,
            11 => Self::Failed,
            12 => Self::RateLimited,
            13 => Self::Auth,
            14 => Self::Invalid,
            15 => Self::Gone,
            16 => Self::Cancelled,
            17 => Self::Denied,
            _ => Self::Unknown,
        }
    }

    /// What an HTTP status outside 2xx means for the call.
    ///
    /// A remote that says "not now" is retryable whatever its reason; other server errors too, since nothing says that
    /// they will stay; a refusal of this one request is not.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 | 407 => Self::Auth,
            404 | 410 => Self::Gone,
            429 => Self::RateLimited,
            400 | 409 | 412 | 413 | 414 | 415 | 422 => Self::Invalid,
            405 => Self::Unsupported,
            408 | 425 | 500.. => Self::Retryable,
            _ => Self::Failed,
        }
    }

    /// Whether the same call may succeed later without anybody doing something.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Retryable | Self::RateLimited)
    }
}

/// An error as it crosses the boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// What it means for the call.
    pub class: ErrorClass,
    /// What happened, for people, in one sentence.
    pub message: String,
    /// What the class needs.
    #[serde(default)]
    pub detail: Box<Detail>,
}

/// The machine-readable part of an error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Stable code of the host's own errors, as its page of errors lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Milliseconds to wait before the call is worth repeating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// HTTP status of the answer that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// JSON pointer into the source, where a source value is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Field of our record, where a field is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the reader can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// Source location of a panic, or the start of an unexpected answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Error {
    /// An error of a class with a message.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), detail: Box::default() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if let Some(path) = &self.detail.path {
            write!(f, " (at {path})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_survives_its_number() {
        for code in 0..120 {
            let class = ErrorClass::from_code(code);
            assert!(class == ErrorClass::Unknown || class.code() == code);
        }
    }

    #[test]
    fn a_class_of_a_newer_contract_is_unknown() {
        let class: ErrorClass = serde_json::from_str("\"on_strike\"").expect("other");
        assert_eq!(class, ErrorClass::Unknown);
    }
}
