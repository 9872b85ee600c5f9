//! Error codes: what an operator reads when something goes wrong, and what the host may do about it.
//!
//! Each module keeps the list of its own codes beside its error type (`pub const CODES: &[Code]`); `app` gathers them
//! for `bindery explain` and for the reference page. It never decides what a fault means for a job.

use std::time::Duration;

use serde::Serialize;

/// Whether doing the same again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It will fail again until somebody changes something.
    Never,
    /// It may succeed after a while.
    Later,
    /// It may succeed at once.
    Now,
}

/// One kind of fault that an operator can see.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// `module.what_happened`: stable, and listed in `docs/errors.md`.
    pub name: &'static str,
    /// Why it happens.
    pub cause: &'static str,
    /// What to do about it.
    pub cure: &'static str,
    /// Whether a retry helps.
    pub retry: Retry,
}

/// An error with a code. Each module's error type implements it.
pub trait Coded: std::error::Error {
    /// The code of this error.
    fn code(&self) -> &'static Code;

    /// How long to wait before a retry is worth while, where the cause said so.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// One line for each value at fault: its name, and what is wrong with it.
    fn fields(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The cure for this very case, where it is more than the code's.
    fn cure(&self) -> Option<String> {
        None
    }
}

/// Any module's error, as it travels to the faces: code, message, and nothing secret.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// The code.
    #[serde(flatten, serialize_with = "only_name")]
    pub code: &'static Code,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do.
    pub cure: String,
    /// Seconds to wait, where known.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub retry_after: Option<Duration>,
    /// Values at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

fn only_name<S: serde::Serializer>(code: &&'static Code, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("code", code.name)?;
    map.serialize_entry("retry", &code.retry)?;
    map.end()
}

fn seconds<S: serde::Serializer>(after: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(after.unwrap_or_default().as_secs_f64())
}

impl<E: Coded> From<E> for Fault {
    fn from(error: E) -> Self {
        let code = error.code();
        Self {
            code,
            message: error.to_string(),
            cure: error.cure().unwrap_or_else(|| code.cure.to_owned()),
            retry_after: error.retry_after(),
            fields: error.fields(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.message, self.code.name)
    }
}
