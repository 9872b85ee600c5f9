//! A file from which a shop that was killed comes back: every change is a line of it before the change is answered.
//!
//! It holds what changed after the shop was seeded, in order. A last line that was cut off is no change.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

/// One change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// An item stands there as this text.
    Put { resource: String, id: u64, updated: i64, text: String },
    /// An item was taken away.
    Removed { resource: String, id: u64 },
    /// A keyed request was answered.
    Answered { resource: String, key: String, body: String, text: String },
    /// Ids given to lines, addresses and variants so far.
    Nested { last: u64 },
}

/// The file, and the lines that are not in it yet.
pub(crate) struct Keep {
    file: File,
    waiting: Vec<u8>,
}

impl Keep {
    /// Opens the file, and answers what it holds.
    ///
    /// # Panics
    /// Where the file can't be read or written.
    pub(crate) fn open(path: &Path) -> (Self, Vec<Change>) {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let changes = text[..whole].lines().map(|line| serde_json::from_str(line).expect("a line of ours")).collect();
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the shop's file can be written");
        file.set_len(whole as u64).expect("a line that was cut off can be taken away");
        (Self { file, waiting: Vec::new() }, changes)
    }

    pub(crate) fn note(&mut self, change: &Change) {
        serde_json::to_writer(&mut self.waiting, change).expect("a change is JSON");
        self.waiting.push(b'\n');
    }

    /// Writes what waits. A process that is killed after this has lost nothing.
    ///
    /// # Panics
    /// Where the file can't be written.
    pub(crate) fn write(&mut self) {
        self.file.write_all(&std::mem::take(&mut self.waiting)).expect("the shop's file can be written");
    }
}
