//! What the server's refusals mean in the store's terms, by their SQLSTATE. Messages never hold values of rows.

use postgres::error::{DbError, SqlState};

use super::super::Error;

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            // Everything else is about the connection: it can't be made, or it was lost. The source says why.
            let reason = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            return Self::Unreachable(format!("{}{reason}", told(&error)));
        };
        let text = refusal.message().to_owned();
        let class = refusal.code().code().get(..2).unwrap_or_default();
        match *refusal.code() {
            SqlState::DISK_FULL => Self::DiskFull(text),
            SqlState::IO_ERROR => Self::NotWritten(text),
            SqlState::UNIQUE_VIOLATION => Self::Unique(keys(refusal)),
            SqlState::FOREIGN_KEY_VIOLATION => Self::ForeignKey(text),
            SqlState::QUERY_CANCELED => Self::Timeout,
            SqlState::LOCK_NOT_AVAILABLE => Self::Locked(text),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            SqlState::UNDEFINED_DATABASE | SqlState::INSUFFICIENT_PRIVILEGE | SqlState::INVALID_SCHEMA_NAME => {
                Self::Refused(text)
            }
            _ => match class {
                "23" => Self::Check(text),
                "28" => Self::Refused(text),
                // The server stops, starts, has no connection left, or the connection is lost.
                "08" | "57" | "53" => Self::Unreachable(text),
                _ => Self::Engine(format!("{text} ({})", refusal.code().code())),
            },
        }
    }
}

fn told(error: &postgres::Error) -> String {
    let text = error.to_string();
    // The client names the step first, and its reason once more behind it.
    text.split(": ").next().unwrap_or_default().to_owned()
}

/// What is taken: the index, and its columns with their table where they are plain ones.
fn keys(refusal: &DbError) -> String {
    let index = refusal.constraint().unwrap_or_default();
    let table = refusal.table().unwrap_or_default();
    let listed = refusal.detail().and_then(|detail| Some(detail.split_once('(')?.1.split_once(")=(")?.0));
    match listed {
        Some(columns) if columns.chars().all(|c| c.is_alphanumeric() || "_, \"".contains(c)) => {
            let columns: Vec<String> =
                columns.split(", ").map(|column| format!("{table}.{}", column.trim_matches('"'))).collect();
            format!("index {index}: {}", columns.join(", "))
        }
        _ => format!("index '{index}'"),
    }
}
