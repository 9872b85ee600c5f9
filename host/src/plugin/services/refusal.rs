//! What a service refuses, with codes; and errors of the rooms below as a connector gets them.

use bindery_contract::{Error, ErrorClass};

use crate::{
    base::{Code, Coded, Fault, Retry},
    plugin::{commit, write},
    queue, record, storage,
};

/// Why a service refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not among the connector's kinds and models, and not granted.
    #[error("{model} is not granted to backend {backend:?}")]
    NotGranted {
        /// Model or kind.
        model: String,
        /// The backend.
        backend: String,
    },
    /// Too much is waiting to be committed.
    #[error(
        "more than {} writes, or {} MB of them, wait to be committed",
        write::MOST,
        write::MOST_BYTES >> 20
    )]
    TooMany,
    /// A newer connector has stored it.
    #[error("{what} has format {found}, and this version of the connector knows {known}")]
    NewerState {
        /// The cursor or key.
        what: String,
        /// Its format.
        found: u32,
        /// What the connector knows.
        known: u32,
    },
    /// A request that makes no sense.
    #[error("{0}")]
    Wrong(String),
}

/// The codes of this file.
pub const CODES: &[Code] = &[NOT_GRANTED, TOO_MANY, NEWER_STATE, WRONG];

const NOT_GRANTED: Code = Code {
    name: "plugin.model_not_granted",
    cause: "The connector asked for records of a model that is neither bound by its kinds nor granted to the backend.",
    cure: "If you trust the connector with them: `bindery backend set NAME --set models=MODEL,MODEL`.",
    retry: Retry::Never,
};
const TOO_MANY: Code = Code {
    name: "plugin.too_many_writes",
    cause: "The connector wrote a lot without a checkpoint; all of it would be one transaction.",
    cure: "Tell the connector's author: call `checkpoint()` every some hundred writes.",
    retry: Retry::Never,
};
const NEWER_STATE: Code = Code {
    name: "plugin.newer_state",
    cause: "A newer version of the connector has stored a cursor or value that this one can't read.",
    cure: "Install the newer version again, or reset the cursor with `bindery cursor reset`.",
    retry: Retry::Never,
};
const WRONG: Code = Code {
    name: "plugin.wrong_request",
    cause: "The connector asked the host for something that makes no sense.",
    cure: "Tell the connector's author what the message says.",
    retry: Retry::Never,
};

impl Coded for Refusal {
    fn code(&self) -> &'static Code {
        match self {
            Self::NotGranted { .. } => &NOT_GRANTED,
            Self::TooMany => &TOO_MANY,
            Self::NewerState { .. } => &NEWER_STATE,
            Self::Wrong(_) => &WRONG,
        }
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::NotGranted { model, backend } => Some(format!(
                "if you trust the connector with it, add it: `bindery backend set {backend} --set models={model}` \
                 (with those that are granted already)"
            )),
            _ => None,
        }
    }
}

/// Any room's error, on its way to a connector.
#[derive(Debug)]
pub(super) struct Told(pub(super) Error);

impl From<Told> for Error {
    fn from(told: Told) -> Self {
        told.0
    }
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

fn told(fault: Fault, class: ErrorClass) -> Told {
    let mut error = Error::new(class, fault.message);
    error.detail.code = Some(fault.code.name.to_owned());
    error.detail.cure = Some(fault.cure);
    error.detail.field = fault.fields.into_iter().next().map(|(field, _)| field).filter(|field| !field.is_empty());
    error.detail.after_ms = fault.retry_after.and_then(|after| u64::try_from(after.as_millis()).ok());
    Told(error)
}

fn class(fault: &Fault) -> ErrorClass {
    match fault.code.retry {
        Retry::Never => ErrorClass::Invalid,
        Retry::Later | Retry::Now => ErrorClass::Retryable,
    }
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        let class = match refusal {
            Refusal::NotGranted { .. } => ErrorClass::Denied,
            Refusal::NewerState { .. } => ErrorClass::Failed,
            Refusal::TooMany | Refusal::Wrong(_) => ErrorClass::Invalid,
        };
        told(refusal.into(), class)
    }
}

impl From<record::Error> for Told {
    fn from(error: record::Error) -> Self {
        let gone = matches!(error, record::Error::Missing { .. } | record::Error::NoBinding(_));
        let fault = Fault::from(error);
        let class = if gone { ErrorClass::Gone } else { class(&fault) };
        told(fault, class)
    }
}

impl From<queue::Error> for Told {
    fn from(error: queue::Error) -> Self {
        let fault = Fault::from(error);
        let class = class(&fault);
        told(fault, class)
    }
}

impl From<storage::Error> for Told {
    fn from(error: storage::Error) -> Self {
        let fault = Fault::from(error);
        let class = class(&fault);
        told(fault, class)
    }
}

impl From<commit::Error> for Told {
    fn from(error: commit::Error) -> Self {
        // Whoever lost its job has nothing to try again.
        let lost = matches!(error, commit::Error::Fenced(_));
        let gone = matches!(&error, commit::Error::Refused { fault, .. }
            if matches!(fault.code.name, "record.missing" | "record.no_binding"));
        let fault = Fault::from(error);
        let class = match (lost, gone) {
            (true, _) => ErrorClass::Cancelled,
            (_, true) => ErrorClass::Gone,
            _ => class(&fault),
        };
        told(fault, class)
    }
}
