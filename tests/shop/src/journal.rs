//! What was asked of the shop: the last requests, the bodies of writes, and counts of all. It keeps no
//! credentials.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests kept; the counts go on.
const KEPT: usize = 10_000;
/// Bodies of writes kept.
const KEPT_WRITES: usize = 40_000;

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// The query, still encoded.
    pub query: String,
    /// The answer's status; 0 while it is not answered.
    pub status: u16,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
}

/// Log and counters.
#[derive(Default)]
pub(crate) struct Journal {
    last: u64,
    entries: VecDeque<Entry>,
    counts: BTreeMap<String, u64>,
    bodies: VecDeque<(String, Vec<u8>)>,
}

impl Journal {
    pub(crate) fn arrived(&mut self, mut entry: Entry) -> u64 {
        self.last += 1;
        entry.number = self.last;
        *self.counts.entry(format!("{} {}", entry.method, entry.path)).or_default() += 1;
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        self.last
    }

    /// Keeps what came with a write (`PUT /products/1`).
    pub(crate) fn wrote(&mut self, request: String, body: &[u8]) {
        self.bodies.push_back((request, body.to_vec()));
        if self.bodies.len() > KEPT_WRITES {
            self.bodies.pop_front();
        }
    }

    /// All writes that are kept: what they asked for, and what came with them.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.bodies.iter().map(|(request, body)| (request.as_str(), body.as_slice()))
    }

    pub(crate) fn bodies(&self, request: &str) -> Vec<Vec<u8>> {
        self.bodies.iter().filter(|(known, _)| known == request).map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn answered(&mut self, number: u64, status: u16) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = status;
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.counts.clear();
        self.bodies.clear();
    }
}
