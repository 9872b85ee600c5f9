//! How a face that is another process reaches the operations: paths, headers, and the form of a fault. No transport.

use serde::{Deserialize, Serialize};

use crate::base::Fault;

/// Version of the dialogue between a command line and a host. Raised when an older one would be misunderstood.
pub const PROTOCOL: u32 = 1;
/// Header of both directions that carries [`PROTOCOL`].
pub const PROTOCOL_HEADER: &str = "bindery-protocol";
/// Header of both directions that carries the program's version, for people.
pub const VERSION_HEADER: &str = "bindery-version";
/// The program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// `POST` here with the operation's name after it.
pub const OPERATION_PATH: &str = "/op/";
/// Code of the fault by which the data directory's lock is refused: a host may be about to open its socket.
pub const IN_USE: &str = "app.in_use";

/// A fault as faces show it. Unlike [`Fault`] it can be read back, also one of a newer host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened, in one sentence.
    pub message: String,
    /// The code.
    pub code: String,
    /// Why it happens.
    #[serde(default)]
    pub cause: String,
    /// What to do.
    #[serde(default)]
    pub cure: String,
    /// `never`, `later` or `now`.
    #[serde(default)]
    pub retry: String,
    /// Seconds to wait, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// Values at fault: name, and what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self {
            message: fault.message,
            code: fault.code.name.to_owned(),
            cause: fault.code.cause.to_owned(),
            cure: fault.cure,
            retry: format!("{:?}", fault.code.retry).to_lowercase(),
            retry_after: fault.retry_after.map(|wait| wait.as_secs_f64()),
            fields: fault.fields,
        }
    }
}

impl From<Fault> for Box<Problem> {
    fn from(fault: Fault) -> Self {
        Self::new(fault.into())
    }
}

/// The request of an operation that needs nothing.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
