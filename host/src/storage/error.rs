//! What can go wrong in the store, with codes.

use crate::base::{Code, Coded, Retry};

/// An error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The disk is full.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// The file system takes no more of the file, or the disk fails.
    #[error("the database could not be written: {0}")]
    NotWritten(String),
    /// Somebody else holds the database.
    #[error("the database is locked by another process: {0}")]
    Locked(String),
    /// The database was written by a newer version.
    #[error("the data directory has schema version {found}, this program knows {known}")]
    Newer {
        /// Version found.
        found: i64,
        /// Highest version known here.
        known: i64,
    },
    /// The database was written by an older version, and may not be migrated now.
    #[error("the data directory has schema version {found}, this program needs {known}")]
    Older {
        /// Version found.
        found: i64,
        /// Version needed.
        known: i64,
    },
    /// The file is a database of some other program.
    #[error("{0} is not a database of this program")]
    Foreign(String),
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The file can't be written, or not even opened.
    #[error("the database can't be opened for writing: {0}")]
    NotWritable(String),
    /// A text holds the character NUL.
    #[error("a text holds the character NUL (U+0000)")]
    Nul,
    /// A closure panicked.
    #[error("the code that works on the store panicked")]
    Panicked,
    /// The engine gave up the transaction.
    #[error("the database engine gave up the transaction")]
    Broken,
    /// A migration that ran is not the one we have.
    #[error("migration {version} ({name}) was changed after it ran")]
    MigrationChanged {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The address of a database makes no sense.
    #[error("the address of the database can't be used: {0}")]
    Address(String),
    /// The server can't be reached, or stops.
    #[error("the database server can't be reached: {0}")]
    Unreachable(String),
    /// The server lets us not in, or not do what we must.
    #[error("the database server refuses us: {0}")]
    Refused(String),
    /// The database is not one that we can work in.
    #[error("the database can't be used: {0}")]
    Unsuitable(String),
    /// The connection was lost while a transaction was committed.
    #[error("nobody knows whether the change was stored: {0}")]
    Uncertain(String),
    /// A unique index refused a row.
    #[error("a row with the same key exists: {0}")]
    Unique(String),
    /// A foreign key refused a change.
    #[error("the row is referred to, or refers to nothing: {0}")]
    ForeignKey(String),
    /// A check constraint refused a row.
    #[error("a value breaks a rule of the store: {0}")]
    Check(String),
    /// A row did not have the shape that the code expects.
    #[error("a stored value has an unexpected shape: {0}")]
    Shape(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A read took too long.
    #[error("the read took longer than its limit")]
    Timeout,
    /// Anything else the engine says.
    #[error("the store failed: {0}")]
    Engine(String),
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    DISK_FULL,
    NOT_WRITTEN,
    LOCKED,
    NEWER,
    OLDER,
    FOREIGN,
    DAMAGED,
    NOT_WRITABLE,
    NUL,
    PANICKED,
    MIGRATION_CHANGED,
    ADDRESS,
    UNREACHABLE,
    REFUSED,
    UNSUITABLE,
    UNCERTAIN,
    UNIQUE,
    FOREIGN_KEY,
    CHECK,
    SHAPE,
    CLOSED,
    TIMEOUT,
    ENGINE,
];

const DISK_FULL: Code = Code {
    name: "storage.disk_full",
    cause: "The file system of the data directory has no room left; nothing of the change was stored.",
    cure: "Free space or move the data directory, then run the command again. Jobs go on by themselves.",
    retry: Retry::Later,
};
const NOT_WRITTEN: Code = Code {
    name: "storage.not_written",
    cause: "The file system refused a write: a quota or a limit of file sizes is reached, or the disk fails. Nothing of the change was stored.",
    cure: "Look at `quota`, at `ulimit -f` of the process and at the kernel's log, and make room. Jobs go on by themselves.",
    retry: Retry::Later,
};
const LOCKED: Code = Code {
    name: "storage.locked",
    cause: "Another process owns the data directory, or the PostgreSQL database.",
    cure: "Stop the other process, or let the command talk to it (it does where the socket answers).",
    retry: Retry::Later,
};
const NEWER: Code = Code {
    name: "storage.newer_version",
    cause: "A newer version of the program has migrated this data directory.",
    cure: "Use that version or a newer one, or restore a backup from before the upgrade.",
    retry: Retry::Never,
};
const OLDER: Code = Code {
    name: "storage.older_version",
    cause: "The data directory was made by an older version, and this command does not change it.",
    cure: "Run `bindery migrate` or `bindery serve` once: both bring it up to date.",
    retry: Retry::Never,
};
const FOREIGN: Code = Code {
    name: "storage.not_ours",
    cause: "The file, or the PostgreSQL schema, was made by some other program.",
    cure: "Point `--data` to another directory, or `--store` to another database or schema.",
    retry: Retry::Never,
};
const DAMAGED: Code = Code {
    name: "storage.damaged",
    cause: "The database file is not as the engine wrote it: a failing disk, or a copy made while it was in use.",
    cure: "Restore a backup; `sqlite3 bindery.db .recover` may save what came after it.",
    retry: Retry::Never,
};
const NOT_WRITABLE: Code = Code {
    name: "storage.not_writable",
    cause: "The data directory is missing, read-only, or belongs to somebody else.",
    cure: "Give the user of this process the right to write into the data directory.",
    retry: Retry::Later,
};
const NUL: Code = Code {
    name: "storage.nul_in_text",
    cause: "The character NUL can't be stored in a text, since not every engine has it.",
    cure: "Remove it from the value.",
    retry: Retry::Never,
};
const PANICKED: Code = Code {
    name: "storage.panicked",
    cause: "A bug of the host. Nothing of the change was stored.",
    cure: "Report it with the log.",
    retry: Retry::Never,
};
const MIGRATION_CHANGED: Code = Code {
    name: "storage.migration_changed",
    cause: "The database was migrated by a build whose migrations differ from this one's.",
    cure: "Use the build that made it; report a released version that does this.",
    retry: Retry::Never,
};
const ADDRESS: Code = Code {
    name: "storage.address",
    cause: "What `--store` or `BINDERY_STORE` says is no address of a PostgreSQL database.",
    cure: "Write `postgres://user:password@host:5432/database`; characters that an address can't hold are written as `%` and two digits.",
    retry: Retry::Never,
};
const UNREACHABLE: Code = Code {
    name: "storage.unreachable",
    cause: "The database server does not answer, stops, or takes no more connections. Nothing of the change was stored.",
    cure: "Look at the server and at the network between; the host connects again by itself.",
    retry: Retry::Later,
};
const REFUSED: Code = Code {
    name: "storage.refused",
    cause: "The user, the password or the database is not known to the server, or the user may not do what the store needs.",
    cure: "Correct the address; let the user own the database: `create database bindery owner bindery`.",
    retry: Retry::Later,
};
const UNSUITABLE: Code = Code {
    name: "storage.unsuitable",
    cause: "The database lacks what the store needs: the encoding UTF8, a server with ICU, a schema on its search path.",
    cure: "Make another one: `create database bindery owner bindery encoding 'UTF8' template template0`.",
    retry: Retry::Never,
};
const UNCERTAIN: Code = Code {
    name: "storage.uncertain",
    cause: "The connection to the database server was lost while it stored the change, and it could not be asked since.",
    cure: "Look whether the change is there, then do it again where it is not. Jobs find out by themselves.",
    retry: Retry::Later,
};
const UNIQUE: Code = Code {
    name: "storage.unique",
    cause: "A value that must be unique is there already.",
    cure: "Use the record that is there, or change the value.",
    retry: Retry::Never,
};
const FOREIGN_KEY: Code = Code {
    name: "storage.foreign_key",
    cause: "A record that others refer to can't be removed, and one that does not exist can't be referred to.",
    cure: "Change the records that refer to it first.",
    retry: Retry::Never,
};
const CHECK: Code = Code {
    name: "storage.check",
    cause: "A value breaks a rule of the schema.",
    cure: "Correct the value.",
    retry: Retry::Never,
};
const SHAPE: Code = Code {
    name: "storage.shape",
    cause: "The database holds a value that this version does not expect.",
    cure: "Run `bindery verify`; restore a backup where the file is damaged.",
    retry: Retry::Never,
};
const CLOSED: Code =
    Code { name: "storage.closed", cause: "The host is stopping.", cure: "Start it again.", retry: Retry::Later };
const TIMEOUT: Code = Code {
    name: "storage.timeout",
    cause: "A read went on longer than reads may, since long reads let the log file grow.",
    cure: "Ask for less at a time (`--limit`), or narrow the search.",
    retry: Retry::Later,
};
const ENGINE: Code = Code {
    name: "storage.engine",
    cause: "The database engine refused the operation.",
    cure: "The message says why. Nothing of the change was stored.",
    retry: Retry::Later,
};

/// Whether a fault comes of a file system that takes no more: whatever work met it is as good as before.
pub fn is_lack_of_room(code: &Code) -> bool {
    code.name == DISK_FULL.name || code.name == NOT_WRITTEN.name
}

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::DiskFull(_) => &DISK_FULL,
            Self::NotWritten(_) => &NOT_WRITTEN,
            Self::Locked(_) => &LOCKED,
            Self::Newer { .. } => &NEWER,
            Self::Older { .. } => &OLDER,
            Self::Foreign(_) => &FOREIGN,
            Self::Damaged(_) => &DAMAGED,
            Self::NotWritable(_) => &NOT_WRITABLE,
            Self::Nul => &NUL,
            Self::Panicked => &PANICKED,
            Self::MigrationChanged { .. } => &MIGRATION_CHANGED,
            Self::Address(_) => &ADDRESS,
            Self::Unreachable(_) => &UNREACHABLE,
            Self::Refused(_) => &REFUSED,
            Self::Unsuitable(_) => &UNSUITABLE,
            Self::Uncertain(_) => &UNCERTAIN,
            Self::Unique(_) => &UNIQUE,
            Self::ForeignKey(_) => &FOREIGN_KEY,
            Self::Check(_) => &CHECK,
            Self::Shape(_) => &SHAPE,
            Self::Closed => &CLOSED,
            Self::Timeout => &TIMEOUT,
            Self::Engine(_) | Self::Broken => &ENGINE,
        }
    }
}
