//! What can go wrong on the command line's own side, with codes.

use std::path::PathBuf;

use crate::{
    base::{Code, Coded, Fault, Retry},
    operation::wire::Problem,
};

/// An error of the command line itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not start its own machinery.
    #[error("the program can't start its threads: {0}")]
    Runtime(std::io::Error),
    /// A file can't be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An argument's value can't be used.
    #[error("{argument}: {reason}")]
    Value {
        /// The argument.
        argument: String,
        /// Why not.
        reason: String,
    },
    /// Rows of a file of links can't be used.
    #[error("{}: {}", path.display(), counted(rows))]
    Row {
        /// The file.
        path: PathBuf,
        /// Line, from 1, and what is wrong with it.
        rows: Vec<(u64, String)>,
        /// Links that were made before it was found.
        bound: u64,
    },
    /// The host's socket is there but the dialogue failed.
    #[error("the host does not answer: {0}")]
    Host(String),
    /// The host speaks another dialogue.
    #[error("the host runs version {host}, this command is version {own}")]
    Version {
        /// The host's version.
        host: String,
        /// Ours.
        own: &'static str,
    },
    /// Jobs that were waited for did not all succeed.
    #[error("{0}")]
    Jobs(String),
    /// Nobody knows that code.
    #[error("there is no error code {0:?}{near}", near = .1.map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    UnknownCode(String, Option<&'static str>),
    /// An answer is not what was expected.
    #[error("the host's answer can't be read: {0}")]
    Answer(String),
    /// The wait was ended by a signal.
    #[error("stopped waiting; {}", left(jobs, *served))]
    Interrupted {
        /// What was waited for.
        jobs: Vec<i64>,
        /// Whether a host goes on with them.
        served: bool,
    },
}

/// The codes of this room.
pub const CODES: &[Code] = &[RUNTIME, FILE, VALUE, ROW, HOST, VERSION, JOBS, UNKNOWN_CODE, ANSWER, INTERRUPTED];

const RUNTIME: Code = Code {
    name: "cli.runtime",
    cause: "The system refuses threads or file descriptors.",
    cure: "Raise the limits (`ulimit -u`, `ulimit -n`).",
    retry: Retry::Later,
};
const FILE: Code = Code {
    name: "cli.file",
    cause: "The file does not exist, or may not be read or written.",
    cure: "Check the path and its permissions.",
    retry: Retry::Never,
};
const VALUE: Code = Code {
    name: "cli.value",
    cause: "An argument has a form that the command does not take.",
    cure: "The message says which form it takes.",
    retry: Retry::Never,
};
const ROW: Code = Code {
    name: "cli.row",
    cause: "Rows of a file of links can't be used. Unless the message says otherwise, none of its rows was taken.",
    cure: "Mend the rows and run the import again: links that are there already stay as they are.",
    retry: Retry::Never,
};
const HOST: Code = Code {
    name: "cli.host",
    cause: "The host is starting, stopping, or stuck.",
    cure: "Try again in a moment; look at the host's log.",
    retry: Retry::Later,
};
const VERSION: Code = Code {
    name: "cli.version",
    cause: "The host and this command are of versions that don't understand each other.",
    cure: "Restart the host with this program, or use the program that the host runs.",
    retry: Retry::Never,
};
const JOBS: Code = Code {
    name: "cli.jobs_failed",
    cause: "A job that the command waited for failed, was called off, or waits for somebody.",
    cure: "`bindery job show ID` says why; `bindery job retry ID` runs it again. What was done before stays done.",
    retry: Retry::Never,
};
const UNKNOWN_CODE: Code = Code {
    name: "cli.unknown_code",
    cause: "The code is misspelt, or of another version.",
    cure: "`bindery explain` lists all codes.",
    retry: Retry::Never,
};
const ANSWER: Code = Code {
    name: "cli.answer",
    cause: "The host and this command are of different versions, or there is a defect.",
    cure: "Compare `bindery --version` with `bindery status`; where they are the same, report it.",
    retry: Retry::Never,
};
const INTERRUPTED: Code = Code {
    name: "cli.interrupted",
    cause: "The command was told to stop while it waited. A running host goes on with the jobs; without one they are \
            put back, and run with the next `serve`.",
    cure: "`bindery job wait ID` follows a job again, `bindery job show ID` says how it stands.",
    retry: Retry::Now,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Runtime(_) => &RUNTIME,
            Self::File { .. } => &FILE,
            Self::Value { .. } => &VALUE,
            Self::Row { .. } => &ROW,
            Self::Host(_) => &HOST,
            Self::Version { .. } => &VERSION,
            Self::Jobs(_) => &JOBS,
            Self::UnknownCode(..) => &UNKNOWN_CODE,
            Self::Answer(_) => &ANSWER,
            Self::Interrupted { .. } => &INTERRUPTED,
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        let Self::Row { rows, .. } = self else { return Vec::new() };
        rows.iter().take(SHOWN).map(|(line, reason)| (format!("line {line}"), reason.clone())).collect()
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::Interrupted { jobs, .. } => {
                let ids = ids(jobs);
                Some(format!(
                    "`bindery job wait {ids}` follows it again, `bindery job show` says how it stands, `bindery job \
                     cancel` calls it off."
                ))
            }
            Self::Row { bound, .. } if *bound > 0 => Some(format!("{bound} links were made before it. {}", ROW.cure)),
            _ => None,
        }
    }
}

fn ids(jobs: &[i64]) -> String {
    jobs.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

fn left(jobs: &[i64], served: bool) -> String {
    let ids = ids(jobs);
    match served {
        true => format!("the host goes on with job {ids}"),
        false => format!("job {ids} is put back and goes on with the next `serve`, or when it is waited for"),
    }
}

/// Rows that an error names; a file of the wrong kind has thousands.
const SHOWN: usize = 20;

fn counted(rows: &[(u64, String)]) -> String {
    match rows.len() {
        1 => "1 row can't be used".to_owned(),
        many if many > SHOWN => format!("{many} rows can't be used; these are the first"),
        many => format!("{many} rows can't be used"),
    }
}

impl From<Error> for Box<Problem> {
    fn from(error: Error) -> Self {
        Fault::from(error).into()
    }
}

impl Error {
    /// For `map_err` on an argument.
    pub fn value(argument: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Value { argument: argument.into(), reason: reason.to_string() }
    }
}
