//! Bindings as data: what of ours is what of theirs, and how its last sync went. Storing them is the record room's.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// How the last sync of a binding went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not synced since it was made or changed.
    Pending,
    /// A job for this one record holds it.
    InProgress,
    /// In step.
    Success,
    /// The last attempt failed.
    Failed,
    /// Left out: `must_skip` or `no_export`.
    Skipped,
}

/// Attempts allowed where nobody says otherwise.
pub const MAX_RETRIES: i64 = 5;

impl Status {
    /// All of them, in the order of their numbers in the store.
    pub const ALL: [Self; 5] = [Self::Pending, Self::InProgress, Self::Success, Self::Failed, Self::Skipped];

    /// The word for it, as the command line and the wire have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The status of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A binding.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind, by its id in the catalogue.
    pub kind: i64,
    /// Their id; absent until the first export.
    pub external_id: Option<String>,
    /// Our record; absent while quarantined before its first import.
    pub record: Option<i64>,
    /// Time of the last successful sync.
    pub sync_date: Option<Timestamp>,
    /// How it went.
    pub sync_status: Status,
    /// When the status was set.
    pub status_at: Timestamp,
    /// Failed attempts since the last success.
    pub retry_count: i64,
    /// Attempts allowed.
    pub max_retries: i64,
    /// When the sweep may try again.
    pub retry_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Never exported.
    pub no_export: bool,
    /// Digest of the payload at the last import.
    pub payload_hash: Option<[u8; 16]>,
    /// Digest of everything else that decides what a payload is mapped to.
    pub map_fingerprint: Option<i64>,
    /// Digests of the sources named in `changed_by`, as the connector made them.
    pub changed_by: Option<String>,
    /// The record's version after the last sync.
    pub record_version: Option<i64>,
    /// The record's version now; read with the binding, absent where there is no record.
    pub current_version: Option<i64>,
    /// Digest of the payload in list shape at the last export.
    pub export_hash: Option<[u8; 16]>,
    /// The remote's date of the last change, as the connector gave it.
    pub external_updated_at: Option<String>,
    /// Extra fields as stored; `encode::extra` shows them.
    pub extra: Option<String>,
}

impl Binding {
    /// Whether another attempt is allowed.
    pub fn can_retry_sync(&self) -> bool {
        self.retry_count < self.max_retries
    }
}

/// When a binding that failed is tried again, by the attempts before: after a minute, then ever longer, at most a day.
pub fn retry_at(now: Timestamp, attempts: i64) -> Timestamp {
    let doublings = u32::try_from(attempts.clamp(0, 11)).unwrap_or(11);
    now.plus_seconds((60_i64 << doublings).min(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_ever_longer_but_never_more_than_a_day() {
        let waits: Vec<i64> = [0, 1, 2, 10, 11, 99].map(|n| retry_at(Timestamp(0), n).0 / 1_000_000).into();
        assert_eq!(waits, [60, 120, 240, 61_440, 86_400, 86_400]);
    }
}
