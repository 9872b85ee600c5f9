//! What can go wrong with schedules, with codes.

use crate::{
    base::{Code, Coded, Retry},
    queue, storage,
};

/// An error of a schedule.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The expression can't be read.
    #[error("{expression:?} is no cron expression: {why}")]
    Expression {
        /// As given.
        expression: String,
        /// What the reader says.
        why: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {name:?}{}", near.map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Zone {
        /// As given.
        name: String,
        /// One that is written much alike.
        near: Option<&'static str>,
    },
    /// The expression never comes true.
    #[error("{0:?} never comes true")]
    Never(String),
    /// The jitter makes no sense.
    #[error("a jitter of {0} s makes no sense: it is at least 0 and at most a day")]
    Jitter(i64),
    /// The queue's.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// The store's.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The codes of this room.
pub const CODES: &[Code] = &[EXPRESSION, ZONE, NEVER, JITTER];

const EXPRESSION: Code = Code {
    name: "schedule.expression",
    cause: "A cron expression has five fields: minute, hour, day of the month, month, day of the week.",
    cure: "For example `*/15 * * * *` (every 15 minutes), `30 6 * * 1-5` (at 06:30 on weekdays), `0 3 1 * *` (at 03:00 on \
           the first of each month).",
    retry: Retry::Never,
};
const ZONE: Code = Code {
    name: "schedule.zone",
    cause: "Time zones are named as in the IANA database.",
    cure: "For example `UTC`, `Europe/Berlin`, `America/New_York`.",
    retry: Retry::Never,
};
const NEVER: Code = Code {
    name: "schedule.never",
    cause: "The expression names a day that no month has, such as the 30th of February.",
    cure: "Correct the day or the month.",
    retry: Retry::Never,
};
const JITTER: Code = Code {
    name: "schedule.jitter",
    cause: "The jitter is the number of seconds by which a time is put off at most.",
    cure: "Give a number from 0 to 86400, smaller than the time between two runs.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Expression { .. } => &EXPRESSION,
            Self::Zone { .. } => &ZONE,
            Self::Never(_) => &NEVER,
            Self::Jitter(_) => &JITTER,
            Self::Queue(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }
}
