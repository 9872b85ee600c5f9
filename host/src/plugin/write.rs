//! Writes that calls asked for, kept until they are committed with the outcome of their job.
//!
//! No plugin code runs inside a transaction: a service only adds to this list, and whoever ends the work commits it.

use bindery_contract::service::Task;
use serde_json::Value;

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Creates a record. Later writes of the same scope may name it by its temporary id.
    Create {
        /// Model or kind.
        model: String,
        /// Negative, valid within the scope.
        temporary: i64,
        /// JSON object.
        values: Value,
    },
    /// Changes a record.
    Change {
        /// Model or kind.
        model: String,
        /// Its id, or a temporary one.
        id: i64,
        /// JSON object.
        values: Value,
    },
    /// Removes a record.
    Unlink {
        /// Model or kind.
        model: String,
        /// Its id, or a temporary one.
        id: i64,
    },
    /// Links a record and an external id.
    Bind {
        /// The kind.
        kind: String,
        /// External id.
        external_id: String,
        /// The record's id, or a temporary one.
        record: i64,
        /// JSON object or null.
        extra: Value,
    },
    /// Marks a binding as succeeded (`None`) or failed.
    Mark {
        /// The binding.
        binding: i64,
        /// Why it failed.
        failed: Option<String>,
    },
    /// Enqueues a job.
    Enqueue {
        /// What to do.
        task: Task,
        /// 0 first.
        priority: Option<u32>,
        /// Seconds from the commit.
        eta_seconds: Option<u64>,
        /// Attempts allowed.
        max_retries: Option<u32>,
        /// Folds equal jobs.
        identity: Option<String>,
        /// For people.
        description: String,
    },
    /// Sets the cursor of a kind; null removes it.
    Cursor {
        /// The kind.
        kind: String,
        /// The value.
        value: Value,
    },
    /// Sets a value of the connector's own; null removes it.
    Stored {
        /// Its key.
        key: String,
        /// The value.
        value: Value,
    },
}
