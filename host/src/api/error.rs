//! What can go wrong between a caller and the operations, with codes.

use crate::{
    base::{Code, Coded, Retry},
    operation::wire::VERSION,
};

/// An error of the socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller speaks another dialogue.
    #[error("the host runs version {VERSION}, the caller is version {0}")]
    Version(String),
    /// The caller is not the owner of the data directory.
    #[error("user {0} may not use this socket")]
    Stranger(u32),
    /// The request can't be read.
    #[error("the request can't be read: {0}")]
    Body(String),
    /// The operation hit a defect.
    #[error("the operation broke off: {0}")]
    Panicked(String),
    /// No such path.
    #[error("there is nothing at {0}")]
    Path(String),
}

/// The codes of this room.
pub const CODES: &[Code] = &[PROTOCOL, STRANGER, BODY, PANICKED, PATH];

const PROTOCOL: Code = Code {
    name: "api.version",
    cause: "The host and the caller are of versions that don't understand each other.",
    cure: "Restart the host with the newer program, or use the program that the host runs.",
    retry: Retry::Never,
};
const STRANGER: Code = Code {
    name: "api.stranger",
    cause: "The socket of a data directory is its owner's, as everything else in it.",
    cure: "Run the command as the owner, for example with `sudo -u`.",
    retry: Retry::Never,
};
const BODY: Code = Code {
    name: "api.body",
    cause: "The request is longer than 16 MB, is not UTF-8, or was cut off.",
    cure: "Send less at a time.",
    retry: Retry::Never,
};
const PANICKED: Code = Code {
    name: "api.panicked",
    cause: "The host has a defect. What the operation had not committed is undone.",
    cure: "Report it with the host's log.",
    retry: Retry::Never,
};
const PATH: Code = Code {
    name: "api.path",
    cause: "The socket has `GET /healthz`, `GET /readyz` and `POST /op/NAME`.",
    cure: "Correct the path.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Version(_) => &PROTOCOL,
            Self::Stranger(_) => &STRANGER,
            Self::Body(_) => &BODY,
            Self::Panicked(_) => &PANICKED,
            Self::Path(_) => &PATH,
        }
    }
}
