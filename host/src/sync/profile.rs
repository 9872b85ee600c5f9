//! Where the time of a run goes, stage by stage. It decides nothing.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Time spent in one stage.
#[derive(Debug, Default)]
pub struct Timer(AtomicU64);

impl Timer {
    /// Adds the time that a future takes, waiting included.
    pub async fn time_async<F: Future>(&self, work: F) -> F::Output {
        let begun = Instant::now();
        let output = work.await;
        self.add(begun);
        output
    }

    /// Adds the time that some work takes.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let output = work();
        self.add(begun);
        output
    }

    /// Adds the time since a moment.
    pub fn add(&self, begun: Instant) {
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// Time spent in each stage of a run. Stages overlap, so their sum is no wall time.
#[derive(Debug, Default)]
pub struct Profile {
    /// Waiting for `list`: the connector and the outside system.
    pub fetch: Timer,
    /// Slicing and hashing pages.
    pub slice: Timer,
    /// Looking bindings up.
    pub look_up: Timer,
    /// `prepare`: the connector's mapping, and decoding its answer.
    pub prepare: Timer,
    /// Matching and resolving references.
    pub resolve: Timer,
    /// Importing dependencies.
    pub dependencies: Timer,
    /// `apply`, inside the writer's transaction.
    pub apply: Timer,
    /// Waiting for the writer, its commit included.
    pub commit: Timer,
}

impl Profile {
    /// Stages and their seconds.
    pub fn stages(&self) -> [(&'static str, f64); 8] {
        [
            ("fetch", self.fetch.seconds()),
            ("slice", self.slice.seconds()),
            ("look_up", self.look_up.seconds()),
            ("prepare", self.prepare.seconds()),
            ("resolve", self.resolve.seconds()),
            ("dependencies", self.dependencies.seconds()),
            ("apply", self.apply.seconds()),
            ("commit", self.commit.seconds()),
        ]
    }
}
