//! What can go wrong when the program starts or stops, with codes.

use std::path::PathBuf;

use crate::base::{Code, Coded, Fault, Retry};

/// An error of starting or stopping.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory can't be used.
    #[error("the data directory {path} can't be used: {reason}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The data directory belongs to somebody else.
    #[error("the data directory {path} belongs to user {owner}, and this is user {own}")]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Ours.
        own: u32,
    },
    /// Somebody works in the data directory.
    #[error("the data directory {path} is in use by {}", if .holder.is_empty() { "another process" } else { .holder })]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who.
        holder: String,
    },
    /// The socket can't be opened.
    #[error("the socket {path} can't be opened: {reason}")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A model file of the operator can't be read.
    #[error("the model file {path} can't be read: {reason}")]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Outgoing calls are impossible.
    #[error("outgoing calls are impossible: {0}")]
    Egress(String),
    /// A room's.
    #[error("{}", .0.message)]
    Room(Fault),
}

/// The codes of this room.
pub const CODES: &[Code] = &[DIRECTORY, FOREIGN_OWNER, IN_USE, SOCKET, MODEL_FILE, EGRESS];

const DIRECTORY: Code = Code {
    name: "app.data_directory",
    cause: "The directory can't be made, opened or written.",
    cure: "Check the path (`--data`, `BINDERY_DATA`), its permissions and the space left.",
    retry: Retry::Never,
};
const FOREIGN_OWNER: Code = Code {
    name: "app.foreign_owner",
    cause: "Files made there by this user would be closed to the directory's owner.",
    cure: "Run the command as the owner, for example with `sudo -u`.",
    retry: Retry::Never,
};
const IN_USE: Code = Code {
    name: crate::operation::wire::IN_USE,
    cause: "One process at a time works in a data directory; a host that runs is reached through its socket, and this \
            one does not answer there.",
    cure: "Wait until the other process has ended, or stop it.",
    retry: Retry::Later,
};
const SOCKET: Code = Code {
    name: "app.socket",
    cause: "The data directory lies on a file system without sockets, or may not be written.",
    cure: "Put the data directory on a local file system.",
    retry: Retry::Never,
};
const MODEL_FILE: Code = Code {
    name: "app.model_file",
    cause: "A file in `models/` of the data directory can't be read.",
    cure: "Check its permissions, or move it away.",
    retry: Retry::Never,
};
const EGRESS: Code = Code {
    name: "app.egress",
    cause: "The machinery of outgoing HTTPS can't start, most often since the machine's root certificates can't be read.",
    cure: "Install the machine's root certificates (Debian: `ca-certificates`).",
    retry: Retry::Later,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Directory { .. } => &DIRECTORY,
            Self::ForeignOwner { .. } => &FOREIGN_OWNER,
            Self::InUse { .. } => &IN_USE,
            Self::Socket { .. } => &SOCKET,
            Self::ModelFile { .. } => &MODEL_FILE,
            Self::Egress(_) => &EGRESS,
            Self::Room(fault) => fault.code,
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Room(fault) => fault.fields.clone(),
            _ => Vec::new(),
        }
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::Room(fault) => Some(fault.cure.clone()),
            _ => None,
        }
    }
}
