//! Why a plugin's file is refused, or why one that was accepted can't be used: each with its cause and its cure.
//!
//! Errors of single calls are `bindery_contract::Error` and travel to the jobs; these here travel to operators.

use crate::{
    base::{Code, Coded, Retry},
    storage,
};

/// An error of this room.
#[derive(Debug, Clone, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Error {
    /// The file can't be read or copied.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is no shared library, or exports no connector.
    #[error("{file} is not a plugin: {reason}")]
    NotAPlugin {
        /// The file.
        file: String,
        /// What is missing.
        reason: String,
    },
    /// The file ends before its own tables say it does.
    #[error("{file} is truncated: it has {found} bytes and needs at least {needed}")]
    Truncated {
        /// The file.
        file: String,
        /// Bytes there.
        found: u64,
        /// Bytes that its headers promise.
        needed: u64,
    },
    /// The file is built for other machines.
    #[error("{file} is built for {found}, this host runs on {wanted}")]
    WrongArchitecture {
        /// The file.
        file: String,
        /// What it is built for.
        found: String,
        /// What we are.
        wanted: String,
    },
    /// The system's loader refused it.
    #[error("{file} can't be loaded: {reason}")]
    NotLoadable {
        /// The file.
        file: String,
        /// What the loader says.
        reason: String,
    },
    /// It speaks another major version of the interface.
    #[error("the plugin speaks interface {found}, this host speaks {wanted}")]
    OtherMajor {
        /// The plugin's version.
        found: String,
        /// The host's version.
        wanted: String,
        /// Whether the plugin is the newer one.
        newer: bool,
    },
    /// Its types are laid out differently although the version fits.
    #[error("the plugin's interface is laid out differently: {reason}")]
    WrongLayout {
        /// The lines that matter.
        reason: String,
    },
    /// Its panics end the process.
    #[error("the plugin is built with panic = \"abort\"")]
    PanicAbort,
    /// It speaks a contract that this host can't serve.
    #[error("the plugin speaks contract {found}, this host serves up to {wanted}")]
    NewerContract {
        /// The plugin's.
        found: u32,
        /// The host's.
        wanted: u32,
    },
    /// Its manifest breaks rules.
    #[error("the manifest is invalid: {}", list(.0))]
    InvalidManifest(Vec<(String, String)>),
    /// Another plugin provides the same backend type.
    #[error("backend type {backend_type} is already provided by plugin {other}")]
    DuplicateBackendType {
        /// The type.
        backend_type: String,
        /// The plugin that has it.
        other: String,
    },
    /// An extension's parent is not there.
    #[error("extension {extension} of {plugin} needs {parent}, which is not there")]
    ParentMissing {
        /// Plugin that extends.
        plugin: String,
        /// Name of the extension.
        extension: String,
        /// Plugin, component or rule that is missing.
        parent: String,
    },
    /// An extension's parent has another version than it was written for.
    #[error("extension {extension} of {plugin} needs {connector} {requirement}, installed is {found}")]
    RequirementUnmet {
        /// Plugin that extends.
        plugin: String,
        /// Name of the extension.
        extension: String,
        /// Plugin that is extended.
        connector: String,
        /// What it asks for.
        requirement: String,
        /// What is there.
        found: String,
    },
    /// An extension is installed, and no build of it serves.
    #[error("{plugin} extends {connector} and can't be loaded")]
    ExtensionMissing {
        /// Plugin that extends.
        plugin: String,
        /// Plugin that is extended.
        connector: String,
    },
    /// Two extensions want the same place.
    #[error("{what} is claimed by {}", .candidates.join(" and "))]
    Ambiguous {
        /// What is claimed.
        what: String,
        /// Who claims it.
        candidates: Vec<String>,
    },
    /// The pinned file is not the one that was installed.
    #[error("the stored file of {plugin} was changed: its digest is {found}, pinned is {pinned}")]
    Changed {
        /// The plugin.
        plugin: String,
        /// Digest found.
        found: String,
        /// Digest pinned at installation.
        pinned: String,
    },
    /// A folder of plugins can't be watched.
    #[error("the plugin folder {folder} can't be watched: {reason}")]
    Unwatchable {
        /// The folder.
        folder: String,
        /// What the system says.
        reason: String,
    },
    /// No plugin of that id.
    #[error("there is no plugin {0}")]
    Unknown(String),
    /// The connector refused to be opened.
    #[error("the connector could not be opened: {0}")]
    OpenFailed(String),
    /// The worker process could not be started or ended.
    #[error("the worker process failed: {0}")]
    Worker(String),
    /// The store failed.
    #[error(transparent)]
    #[serde(skip)]
    Storage(#[from] storage::Error),
}

fn list(problems: &[(String, String)]) -> String {
    problems.iter().map(|(place, problem)| format!("{place}: {problem}")).collect::<Vec<_>>().join("; ")
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    UNREADABLE,
    NOT_A_PLUGIN,
    TRUNCATED,
    WRONG_ARCHITECTURE,
    NOT_LOADABLE,
    NEWER_MAJOR,
    OLDER_MAJOR,
    WRONG_LAYOUT,
    PANIC_ABORT,
    NEWER_CONTRACT,
    INVALID_MANIFEST,
    DUPLICATE_BACKEND_TYPE,
    PARENT_MISSING,
    REQUIREMENT_UNMET,
    EXTENSION_MISSING,
    AMBIGUOUS,
    CHANGED,
    UNWATCHABLE,
    UNKNOWN,
    OPEN_FAILED,
    WORKER,
];

const UNREADABLE: Code = Code {
    name: "plugin.unreadable",
    cause: "The file is not there, or may not be read, or its private copy could not be written.",
    cure: "Check the path, its permissions and the room on the disk.",
    retry: Retry::Later,
};
const NOT_A_PLUGIN: Code = Code {
    name: "plugin.not_a_plugin",
    cause: "The file is no shared library of this system, or exports no connector.",
    cure: "Give the path of the built `.so` (`target/release/lib<name>.so`); its crate needs `crate-type = [\"cdylib\"]` and `export_connector!`.",
    retry: Retry::Never,
};
const TRUNCATED: Code = Code {
    name: "plugin.truncated",
    cause: "The file was copied or written only in part.",
    cure: "Copy it again and compare the digests; wait until a running build or download is done.",
    retry: Retry::Later,
};
const WRONG_ARCHITECTURE: Code = Code {
    name: "plugin.wrong_architecture",
    cause: "A shared library runs only on the processor it was built for.",
    cure: "Build it for this machine, or take the file of this target from the package.",
    retry: Retry::Never,
};
const NOT_LOADABLE: Code = Code {
    name: "plugin.not_loadable",
    cause: "The system's loader refused the file: most often a library or a symbol version that it needs is missing here.",
    cure: "Install what the message names, or build the plugin on a system as old as this one.",
    retry: Retry::Never,
};
const NEWER_MAJOR: Code = Code {
    name: "plugin.newer_major",
    cause: "The plugin was built with an SDK of a newer major version of the interface.",
    cure: "Update the host, or build the plugin with an SDK of this host's major version.",
    retry: Retry::Never,
};
const OLDER_MAJOR: Code = Code {
    name: "plugin.older_major",
    cause: "The plugin was built with an SDK of an older major version of the interface.",
    cure: "Build the plugin anew with a current SDK.",
    retry: Retry::Never,
};
const WRONG_LAYOUT: Code = Code {
    name: "plugin.wrong_layout",
    cause: "The plugin's interface crate was changed, or was built with another version of abi_stable.",
    cure: "Build the plugin with the published SDK, unchanged, and with its lock file's `abi_stable`.",
    retry: Retry::Never,
};
const PANIC_ABORT: Code = Code {
    name: "plugin.panic_abort",
    cause: "A panic in such a build ends the whole host, and nothing can stop it.",
    cure: "Remove `panic = \"abort\"` from the profile that the plugin is built with.",
    retry: Retry::Never,
};
const NEWER_CONTRACT: Code = Code {
    name: "plugin.newer_contract",
    cause: "The plugin was built with a newer SDK, and says that it can't do without what is new there.",
    cure: "Update the host, or build the plugin with an older SDK.",
    retry: Retry::Never,
};
const INVALID_MANIFEST: Code = Code {
    name: "plugin.invalid_manifest",
    cause: "What the plugin says about itself breaks the rules that the host relies on.",
    cure: "Correct each of the listed declarations in the connector and build it again.",
    retry: Retry::Never,
};
const DUPLICATE_BACKEND_TYPE: Code = Code {
    name: "plugin.duplicate_backend_type",
    cause: "Two plugins say that they provide the same backend type, so that the host could not tell whose backends are whose.",
    cure: "Remove the other plugin, or rename the backend type in this one.",
    retry: Retry::Never,
};
const PARENT_MISSING: Code = Code {
    name: "plugin.parent_missing",
    cause: "The extension names a plugin, a component or a rule that is not installed, or not there any more.",
    cure: "Install the plugin that is extended, or an extension written for its present version.",
    retry: Retry::Never,
};
const REQUIREMENT_UNMET: Code = Code {
    name: "plugin.requirement_unmet",
    cause: "The extension was written for other versions of the plugin it extends.",
    cure: "Install a version of either that fits the other, or leave the extension out of the backend with \
           `bindery backend set NAME --set without_extensions=ID`.",
    retry: Retry::Never,
};
const EXTENSION_MISSING: Code = Code {
    name: "plugin.extension_missing",
    cause: "Records would be mapped without a rule that an installed plugin adds, so they are not mapped at all.",
    cure: "Install a build of it that loads (`bindery plugin show ID` says what is wrong), or leave it out of the backend \
           with `bindery backend set NAME --set without_extensions=ID`.",
    retry: Retry::Never,
};
const AMBIGUOUS: Code = Code {
    name: "plugin.ambiguous",
    cause: "Two candidates are equally specific, and the host never guesses.",
    cure: "Leave one of the named plugins out of the backend (`bindery backend set NAME --set without_extensions=ID`), \
           or make one more specific.",
    retry: Retry::Never,
};
const CHANGED: Code = Code {
    name: "plugin.changed",
    cause: "The private copy in the data directory is not the file that was installed.",
    cure: "Install the plugin again from a trusted file, and find out who changed the copy.",
    retry: Retry::Never,
};
const UNWATCHABLE: Code = Code {
    name: "plugin.unwatchable",
    cause: "The folder given with `serve --plugins` is not there or may not be read, or the system's limit of watches is reached.",
    cure: "Check the path and its permissions; where the limit is named, raise `fs.inotify.max_user_watches`.",
    retry: Retry::Never,
};
const UNKNOWN: Code = Code {
    name: "plugin.unknown",
    cause: "No plugin of that id is installed.",
    cure: "See `bindery plugin list`; install it with `bindery plugin install FILE`.",
    retry: Retry::Never,
};
const OPEN_FAILED: Code = Code {
    name: "plugin.open_failed",
    cause: "The connector refused its settings, or failed while it was opened.",
    cure: "The message says why; correct the backend's settings.",
    retry: Retry::Never,
};
const WORKER: Code = Code {
    name: "plugin.worker",
    cause: "The process that runs the plugin could not be started, or died.",
    cure: "The host starts it again with the next call; the log says how it ended.",
    retry: Retry::Later,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Unreadable { .. } => &UNREADABLE,
            Self::NotAPlugin { .. } => &NOT_A_PLUGIN,
            Self::Truncated { .. } => &TRUNCATED,
            Self::WrongArchitecture { .. } => &WRONG_ARCHITECTURE,
            Self::NotLoadable { .. } => &NOT_LOADABLE,
            Self::OtherMajor { newer: true, .. } => &NEWER_MAJOR,
            Self::OtherMajor { newer: false, .. } => &OLDER_MAJOR,
            Self::WrongLayout { .. } => &WRONG_LAYOUT,
            Self::PanicAbort => &PANIC_ABORT,
            Self::NewerContract { .. } => &NEWER_CONTRACT,
            Self::InvalidManifest(_) => &INVALID_MANIFEST,
            Self::DuplicateBackendType { .. } => &DUPLICATE_BACKEND_TYPE,
            Self::ParentMissing { .. } => &PARENT_MISSING,
            Self::RequirementUnmet { .. } => &REQUIREMENT_UNMET,
            Self::ExtensionMissing { .. } => &EXTENSION_MISSING,
            Self::Ambiguous { .. } => &AMBIGUOUS,
            Self::Changed { .. } => &CHANGED,
            Self::Unwatchable { .. } => &UNWATCHABLE,
            Self::Unknown(_) => &UNKNOWN,
            Self::OpenFailed(_) => &OPEN_FAILED,
            Self::Worker(_) => &WORKER,
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::InvalidManifest(problems) => problems.clone(),
            _ => Vec::new(),
        }
    }
}
