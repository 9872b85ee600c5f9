//! What can go wrong in the queue, with codes.

use crate::{
    base::{Code, Coded, Retry},
    storage,
};

/// An error of the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The worker no longer owns the job: another attempt, or another host, does.
    #[error("job {job}: attempt {attempt} no longer owns it")]
    Stale {
        /// The job.
        job: i64,
        /// The attempt that is over.
        attempt: i64,
    },
    /// There is no such job.
    #[error("there is no job {0}")]
    Missing(i64),
    /// The job is in a state that does not allow this.
    #[error("job {job} is {state}; {wanted}")]
    State {
        /// The job.
        job: i64,
        /// What it is.
        state: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// A channel's name or setting makes no sense.
    #[error("channel {name:?}: {why}")]
    Channel {
        /// As given.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A value of a job makes no sense.
    #[error("a job of kind {kind:?}: {why}")]
    Invalid {
        /// Its kind.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// The runner was stopped while somebody waited.
    #[error("the queue is stopping")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The codes of this room.
pub const CODES: &[Code] = &[
    STALE,
    MISSING,
    STATE,
    CHANNEL,
    INVALID,
    STOPPED,
    LOST,
    TIMEOUT,
    PANICKED,
    NOT_FINISHED,
    MERGED,
    DEPENDENCY,
    TRIAL,
];

const STALE: Code = Code {
    name: "queue.stale_attempt",
    cause: "The attempt was given up (deadline, restart, cancel) and another one owns the job; its late answer is refused.",
    cure: "Nothing to do: the attempt that owns the job decides.",
    retry: Retry::Never,
};
const MISSING: Code = Code {
    name: "queue.no_such_job",
    cause: "The job never existed, or was removed after its retention.",
    cure: "`bindery job list` shows the jobs that are there.",
    retry: Retry::Never,
};
const STATE: Code = Code {
    name: "queue.wrong_state",
    cause: "The job is in a state that does not allow what was asked.",
    cure: "`bindery job show ID` says where it stands.",
    retry: Retry::Never,
};
const CHANNEL: Code = Code {
    name: "queue.bad_channel",
    cause: "A channel has a name of dotted parts, a capacity of at least 0 and an interval of at least 0.",
    cure: "Correct the value.",
    retry: Retry::Never,
};
const INVALID: Code = Code {
    name: "queue.invalid_job",
    cause: "A value of the job is out of range.",
    cure: "Correct the value that the message names.",
    retry: Retry::Never,
};
const STOPPED: Code =
    Code { name: "queue.stopped", cause: "The host is stopping.", cure: "Start it again.", retry: Retry::Later };
/// The host died while the job ran.
pub(super) const LOST: Code = Code {
    name: "queue.host_died",
    cause: "The process that ran the job ended in the middle of it: a crash, a kill or a loss of power.",
    cure: "It is tried again by itself. Where it happens each time, the job itself brings the host down: look at its log.",
    retry: Retry::Now,
};
/// The attempt took too long.
pub(super) const TIMEOUT: Code = Code {
    name: "queue.deadline",
    cause: "The attempt took longer than the job's timeout.",
    cure: "See what it waits for (`bindery job log ID`), raise the timeout, or make the work smaller.",
    retry: Retry::Later,
};
/// The handler panicked.
pub(super) const PANICKED: Code = Code {
    name: "queue.panicked",
    cause: "The code that ran the job has a bug.",
    cure: "Report it with the job's log.",
    retry: Retry::Never,
};
/// The handler said that it had finished the job, but had not.
pub(super) const NOT_FINISHED: Code = Code {
    name: "queue.not_finished",
    cause: "The code that ran the job claims to have stored its outcome, but did not.",
    cure: "Report it: this is a bug of the host.",
    retry: Retry::Never,
};
/// An equal job took over.
pub(super) const MERGED: Code = Code {
    name: "queue.merged",
    cause: "The job was to be tried again while an equal one was waiting.",
    cure: "Nothing to do: the equal job does the work.",
    retry: Retry::Never,
};
/// A job that it depended on ended otherwise.
pub(super) const DEPENDENCY: Code = Code {
    name: "queue.dependency",
    cause: "A job that this one waited for ended in a way that rules it out.",
    cure: "Retry that job: this one comes back with it.",
    retry: Retry::Never,
};

/// A test job was to fail.
pub(super) const TRIAL: Code = Code {
    name: "queue.test_failure",
    cause: "`bindery job create-test --failure-rate` makes jobs whose attempts fail so often.",
    cure: "Nothing to do: it is tried again.",
    retry: Retry::Later,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Stale { .. } => &STALE,
            Self::Missing(_) => &MISSING,
            Self::State { .. } => &STATE,
            Self::Channel { .. } => &CHANNEL,
            Self::Invalid { .. } => &INVALID,
            Self::Stopped => &STOPPED,
            Self::Storage(error) => error.code(),
        }
    }
}

/// A fault of a job, made from one of the codes above.
pub(super) fn fault(code: &'static Code, message: impl Into<String>) -> crate::base::Fault {
    crate::base::Fault {
        code,
        message: message.into(),
        cure: code.cure.to_owned(),
        retry_after: None,
        fields: Vec::new(),
    }
}
