//! What each backend's calls came to, since the host started. It keeps no history.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bindery_contract::ErrorClass;
use serde::Serialize;

/// The counts of one backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls asked for by connectors.
    pub calls: u64,
    /// Requests sent, repetitions and redirects included.
    pub requests: u64,
    /// Calls that failed, by class.
    pub failures: BTreeMap<String, u64>,
    /// Times that a call waited for the rate budget or after being told to slow down.
    pub throttled: u64,
    /// Milliseconds waited for that.
    pub throttled_ms: u64,
    /// Bytes of request bodies.
    pub bytes_out: u64,
    /// Bytes of response bodies, decompressed.
    pub bytes_in: u64,
}

/// Counts while calls run.
#[derive(Default)]
pub(super) struct Tally {
    calls: AtomicU64,
    requests: AtomicU64,
    throttled: AtomicU64,
    throttled_us: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    pub(super) fn call(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    pub(super) fn request(&self, bytes: u64) {
        self.requests.fetch_add(1, Relaxed);
        self.bytes_out.fetch_add(bytes, Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Relaxed);
    }

    pub(super) fn throttled(&self, time: Duration) {
        self.throttled.fetch_add(1, Relaxed);
        self.throttled_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn failed(&self, class: ErrorClass) {
        let name = serde_json::to_value(class).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    pub(super) fn read(&self) -> Counters {
        Counters {
            calls: self.calls.load(Relaxed),
            requests: self.requests.load(Relaxed),
            failures: self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            throttled: self.throttled.load(Relaxed),
            throttled_ms: self.throttled_us.load(Relaxed) / 1000,
            bytes_out: self.bytes_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
        }
    }
}
