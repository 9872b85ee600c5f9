//! What can go wrong in a sync, with codes. Errors of one record are kept on its binding; these end a run or refuse it.

use std::time::Duration;

use bindery_contract::ErrorClass;

use crate::{
    base::{Code, Coded, Fault, Retry},
    plugin,
};

/// An error of the sync room.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A room below failed. Its code is this error's code, so that the text does not say it again.
    #[error("{}", .0.message)]
    Below(Fault),
    /// The connector answered with an error.
    #[error("the connector says: {0}")]
    Connector(bindery_contract::Error),
    /// The connector's answer can't be understood.
    #[error("{op}: the connector's answer can't be used: {why}")]
    BadAnswer {
        /// The op.
        op: &'static str,
        /// Why.
        why: String,
    },
    /// The body is not JSON.
    #[error("the page is not JSON: {why}; it starts with {start:?}")]
    NotJson {
        /// What the reader says.
        why: String,
        /// The first characters.
        start: String,
    },
    /// The pointer to the items leads nowhere.
    #[error("the page has no list of items at {pointer:?}; it starts with {start:?}")]
    NoItems {
        /// The pointer.
        pointer: String,
        /// The first characters.
        start: String,
    },
    /// The same cursor was given again.
    #[error("the outside system gave the cursor {cursor:?} again on page {page}")]
    CursorRepeats {
        /// The cursor.
        cursor: String,
        /// The page.
        page: u64,
    },
    /// The same page came again.
    #[error("page {page} has no record that the pages before did not have")]
    PagingIgnored {
        /// The page.
        page: u64,
    },
    /// Too many pages.
    #[error("the list goes on after {pages} pages")]
    TooManyPages {
        /// The limit.
        pages: u64,
    },
    /// Too many records.
    #[error("the list goes on after {records} records")]
    TooManyRecords {
        /// The limit.
        records: u64,
    },
    /// Too many empty pages.
    #[error("{pages} pages in a row were empty, and more are said to follow")]
    EmptyPages {
        /// How many.
        pages: u64,
    },
    /// Records need each other.
    #[error("records need each other before they can be imported: {chain}")]
    CyclicDependency {
        /// Kinds and external ids.
        chain: String,
    },
    /// The backend was changed during the run.
    #[error("the backend was changed or disabled while the run went on")]
    EpochChanged,
    /// Another worker has the job.
    #[error("the job was taken over by another worker")]
    Fenced,
    /// The cursor was set during the run.
    #[error("the cursor was changed while the run went on")]
    CursorChanged,
    /// Stopped on request.
    #[error("the run was cancelled")]
    Cancelled,
    /// The host stops.
    #[error("the host is stopping; the run goes on from its last page")]
    Stopping,
    /// The job's time is over.
    #[error("the job's time is over; it goes on from its last page")]
    Deadline,
    /// The kind can be listed only.
    #[error("{kind} can't be read one by one")]
    NotReadable {
        /// The kind.
        kind: String,
    },
    /// The stored cursor is of a newer build.
    #[error("the cursor of {kind} has state format {found}; the connector that is installed reads up to {known}")]
    NewerState {
        /// The kind.
        kind: String,
        /// The format that is stored.
        found: u32,
        /// The format that the connector knows.
        known: u32,
    },
    /// No such kind.
    #[error("the backend's connector has no kind {kind:?}; it has {known}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: String,
    },
    /// The kind is not imported on its own.
    #[error("{kind} can't be imported on its own")]
    NotImported {
        /// The kind.
        kind: String,
    },
    /// The connector has no way to export the kind.
    #[error("{kind} can't be exported: the connector has no mapper for it")]
    NotExported {
        /// The kind.
        kind: String,
    },
    /// The connector does not do this step.
    #[error("the connector does not support the step {step}")]
    StepUnsupported {
        /// The step.
        step: String,
    },
    /// No such binding, review item, run.
    #[error("there is no {what}")]
    NotFound {
        /// What.
        what: String,
    },
    /// A review item that was settled already, or can't be settled so.
    #[error("{0}")]
    Refused(String),
    /// One record could not be imported.
    #[error("{kind} {id}: {why}")]
    Record {
        /// The kind.
        kind: String,
        /// External id.
        id: String,
        /// What went wrong.
        why: String,
        /// Whether the same may succeed later.
        retry: bool,
    },
    /// One record could not be exported.
    #[error("{kind}: record {record} can't be exported: {why}")]
    Export {
        /// The kind.
        kind: String,
        /// Ours.
        record: i64,
        /// What went wrong.
        why: String,
    },
    /// Another job exports a record that this one needs.
    #[error("{what} is being exported by another job")]
    Busy {
        /// Kind and record.
        what: String,
    },
    /// An invariant of the accounting broke.
    #[error("{0} records of the run are unaccounted for")]
    Unaccounted(i64),
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    CONNECTOR,
    CONNECTOR_LATER,
    BAD_ANSWER,
    NOT_JSON,
    NO_ITEMS,
    CURSOR_REPEATS,
    PAGING_IGNORED,
    ENDLESS,
    CYCLE,
    EPOCH_CHANGED,
    FENCED,
    CURSOR_CHANGED,
    CANCELLED,
    STOPPING,
    DEADLINE,
    NOT_READABLE,
    NEWER_STATE,
    UNKNOWN_KIND,
    NOT_IMPORTED,
    NOT_EXPORTED,
    STEP_UNSUPPORTED,
    NOT_FOUND,
    REFUSED,
    RECORD,
    RECORD_LATER,
    EXPORT,
    BUSY,
    UNKNOWN_CREATE,
    MISSING_REMOTELY,
    CONFLICT,
    BOUNCE,
    UNACCOUNTED,
];

const fn code(name: &'static str, cause: &'static str, cure: &'static str, retry: Retry) -> Code {
    Code { name, cause, cure, retry }
}

const CONNECTOR: Code = code(
    "sync.connector",
    "The connector, or the outside system behind it, refused the call for good.",
    "Read the message; check credentials and settings with `bindery backend test NAME`.",
    Retry::Never,
);
const CONNECTOR_LATER: Code = code(
    "sync.connector_later",
    "The outside system is not available or asks to slow down.",
    "Nothing: the job tries again by itself.",
    Retry::Later,
);
const BAD_ANSWER: Code = code(
    "sync.bad_answer",
    "The connector answered something that its contract does not allow.",
    "Report it to the connector's author with the message; a newer version may have it mended.",
    Retry::Never,
);
const NOT_JSON: Code = code(
    "sync.not_json",
    "The outside system answered something else than JSON, often a login or an error page.",
    "Check the address in the backend's settings and open it by hand.",
    Retry::Later,
);
const NO_ITEMS: Code = code(
    "sync.no_items",
    "The connector looks for the list in a place where the answer has none.",
    "Check that the connector supports this version of the outside system.",
    Retry::Never,
);
const CURSOR_REPEATS: Code = code(
    "sync.cursor_repeats",
    "Following the cursor would go round in circles.",
    "Report it to the connector's author. What was read before is stored.",
    Retry::Never,
);
const PAGING_IGNORED: Code = code(
    "sync.paging_ignored",
    "The outside system seems to ignore the page that it is asked for and sends the same one again.",
    "Report it to the connector's author. What was read before is stored.",
    Retry::Never,
);
const ENDLESS: Code = code(
    "sync.endless_list",
    "The list is longer than one run may read.",
    "Narrow it with `--filter`, or raise the backend's limit `max_records`; report it to the connector's author where \
     the list is really endless.",
    Retry::Never,
);
const CYCLE: Code = code(
    "sync.cyclic_dependency",
    "Each of these records asks for another one to be imported first.",
    "The connector has to leave one of the relations out at first; report it to its author.",
    Retry::Never,
);
const EPOCH_CHANGED: Code = code(
    "sync.backend_changed",
    "Settings, secret, plugin or state of the backend changed, so that what was prepared may be wrong.",
    "Nothing: the run starts again with the new settings, or waits until the backend is enabled.",
    Retry::Now,
);
const FENCED: Code = code(
    "sync.fenced",
    "The job was given to another worker, since this one seemed to be gone.",
    "Nothing: the other worker goes on.",
    Retry::Never,
);
const CURSOR_CHANGED: Code = code(
    "sync.cursor_changed",
    "Somebody set or reset the cursor of this kind while the run went on.",
    "Start the sync again: it begins at the new cursor.",
    Retry::Never,
);
const CANCELLED: Code =
    code("sync.cancelled", "Somebody cancelled the job.", "Start it again when it is wanted.", Retry::Never);
const STOPPING: Code =
    code("sync.stopping", "The host is stopping.", "Nothing: the run goes on after the next start.", Retry::Now);
const DEADLINE: Code = code(
    "sync.deadline",
    "The job ran longer than it may.",
    "Nothing: it goes on from its last page. Where that happens each time, give it more time or smaller pages.",
    Retry::Later,
);
const NOT_READABLE: Code = code(
    "sync.not_readable",
    "The connector lists records of this kind and can't read one alone.",
    "Sync the kind as a whole: the record comes with the others.",
    Retry::Never,
);
const NEWER_STATE: Code = code(
    "sync.newer_state",
    "A newer build of the connector has moved the cursor, and this one can't know what it means.",
    "Install the newer build again; or `bindery cursor reset NAME KIND`, which reads the kind from the beginning.",
    Retry::Never,
);
const UNKNOWN_KIND: Code = code(
    "sync.unknown_kind",
    "The connector of this backend has no such kind.",
    "Use one of the kinds that the message lists.",
    Retry::Never,
);
const NOT_IMPORTED: Code = code(
    "sync.not_imported",
    "Records of this kind come with their parents, or are only exported.",
    "Import the kind of the parent.",
    Retry::Never,
);
const NOT_EXPORTED: Code = code(
    "sync.not_exported",
    "The connector only imports records of this kind.",
    "Use a kind that it exports; `bindery plugin show ID` lists them.",
    Retry::Never,
);
const STEP_UNSUPPORTED: Code = code(
    "sync.step_unsupported",
    "The connector does not do this step.",
    "Leave it out; `plugin show ID` lists what the connector does.",
    Retry::Never,
);
const NOT_FOUND: Code =
    code("sync.not_found", "Nothing has this id or name.", "List what there is, then try again.", Retry::Never);
const REFUSED: Code =
    code("sync.refused", "The thing is not in a state that allows this.", "The message says why.", Retry::Never);
const RECORD: Code = code(
    "sync.record",
    "One record can't be imported as it is. Its payload is kept on the binding.",
    "Correct it there, or the connector; then `bindery binding retry`.",
    Retry::Never,
);
const RECORD_LATER: Code = code(
    "sync.record_later",
    "One record could not be imported just now. Its payload is kept on the binding.",
    "Nothing: it is tried again by itself.",
    Retry::Later,
);
const EXPORT: Code = code(
    "sync.export",
    "One record can't be exported as it is. Its changes wait, and its binding tells why.",
    "Correct it here, or the connector; the change is sent then, or `bindery binding retry` sends it.",
    Retry::Never,
);
const BUSY: Code = code(
    "sync.busy",
    "Two exports need each other's record at the same time.",
    "Nothing: the job tries again by itself.",
    Retry::Later,
);
const UNKNOWN_CREATE: Code = code(
    "sync.unknown_create",
    "A record was sent to be created, no answer came, and the connector can neither repeat that safely nor search for it.",
    "Look for it there; `bindery review list` shows it. Where it is: `bindery review resolve ID --external-id THEIRS`. Where it \
     is not: `--send`. Where it is not wanted there: `--skip`.",
    Retry::Never,
);
const MISSING_REMOTELY: Code = code(
    "sync.missing_remotely",
    "The record that a change was to be sent to does not exist there any more.",
    "Remove the binding, or set `missing_remotely` of the backend or kind to `recreate` or `unbind`.",
    Retry::Never,
);
const CONFLICT: Code = code(
    "sync.conflict",
    "A record was changed here and there, in the same fields, and the policy is that a person decides.",
    "`bindery conflict list` shows both values; `bindery conflict resolve ID --ours` or `--theirs` settles it. To have it \
     decided by rule: `bindery backend set NAME --set conflict=remote` (or `local`, `newest`).",
    Retry::Never,
);
const BOUNCE: Code = code(
    "sync.bounce",
    "Two outside systems each make something else of the same value, so that what is sent to one comes back changed, and the \
     other makes it again what it was. After a few rounds the record is not sent any more; all others go on.",
    "`bindery review list` shows it. Give it a value that both keep (here, or in one of the systems), and it goes on by \
     itself; or `bindery review resolve ID --send` sends it once more, and `--skip` leaves it out of exports to this backend.",
    Retry::Never,
);
const UNACCOUNTED: Code = code(
    "sync.unaccounted",
    "A defect of the host: records were offered and nothing tells what became of them.",
    "Report it; run `bindery verify NAME --repair`.",
    Retry::Never,
);

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Below(fault) => fault.code,
            Self::Connector(error) => match error.detail.code.as_deref().and_then(plugin::known_code) {
                // The host refused it in a service, and the connector passed that on.
                Some(code) => code,
                None if error.class.is_retryable() => &CONNECTOR_LATER,
                None => &CONNECTOR,
            },
            Self::BadAnswer { .. } => &BAD_ANSWER,
            Self::NotJson { .. } => &NOT_JSON,
            Self::NoItems { .. } => &NO_ITEMS,
            Self::CursorRepeats { .. } => &CURSOR_REPEATS,
            Self::PagingIgnored { .. } => &PAGING_IGNORED,
            Self::TooManyPages { .. } | Self::TooManyRecords { .. } | Self::EmptyPages { .. } => &ENDLESS,
            Self::CyclicDependency { .. } => &CYCLE,
            Self::EpochChanged => &EPOCH_CHANGED,
            Self::Fenced => &FENCED,
            Self::CursorChanged => &CURSOR_CHANGED,
            Self::Cancelled => &CANCELLED,
            Self::Stopping => &STOPPING,
            Self::Deadline => &DEADLINE,
            Self::NotReadable { .. } => &NOT_READABLE,
            Self::NewerState { .. } => &NEWER_STATE,
            Self::UnknownKind { .. } => &UNKNOWN_KIND,
            Self::NotImported { .. } => &NOT_IMPORTED,
            Self::NotExported { .. } => &NOT_EXPORTED,
            Self::StepUnsupported { .. } => &STEP_UNSUPPORTED,
            Self::NotFound { .. } => &NOT_FOUND,
            Self::Refused(_) => &REFUSED,
            Self::Record { retry: true, .. } => &RECORD_LATER,
            Self::Record { .. } => &RECORD,
            Self::Export { .. } => &EXPORT,
            Self::Busy { .. } => &BUSY,
            Self::Unaccounted(_) => &UNACCOUNTED,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Below(fault) => fault.retry_after,
            Self::Connector(error) => error.detail.after_ms.map(Duration::from_millis),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Below(fault) => fault.fields.clone(),
            Self::Connector(error) => {
                let names = [&error.detail.field, &error.detail.path];
                names.into_iter().flatten().map(|name| (name.clone(), error.message.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::Below(fault) => Some(fault.cure.clone()),
            Self::Connector(error) => error.detail.cure.clone(),
            _ => None,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Below(fault)
    }
}

impl From<crate::storage::Error> for Error {
    fn from(error: crate::storage::Error) -> Self {
        Self::Below(error.into())
    }
}

impl Error {
    /// Whether the connector says that the thing does not exist there any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Connector(error) if error.class == ErrorClass::Gone)
    }

    /// Whether the connector says that it does no such thing.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Connector(error) if error.class == ErrorClass::Unsupported)
    }
}
