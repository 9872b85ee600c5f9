//! Gates: hold the next matching request until it is released, and tell that it arrived, so that a race can be tested
//! without sleeping.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::sync::watch;

use crate::pattern::Pattern;

/// Where a request is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Before anything is read or changed.
    #[default]
    Before,
    /// After the change, before the answer: a client killed now knows nothing of what it did.
    After,
}

/// One gate. Dropping it lets the request go.
pub struct Gate {
    pub(crate) inner: Arc<Inner>,
    pub(crate) runtime: tokio::runtime::Handle,
}

pub(crate) struct Inner {
    pub(crate) on: Pattern,
    pub(crate) point: Point,
    /// Requests to let pass first, and whether the one after them came.
    taken: Mutex<(u32, bool)>,
    arrived: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Inner {
    pub(crate) fn new(on: &str, point: Point, skip: u32) -> Self {
        let (arrived, open) = (watch::channel(false).0, watch::channel(false).0);
        Self { on: Pattern::parse(on), point, taken: Mutex::new((skip, false)), arrived, open }
    }

    /// Whether this request is the one to hold; true once.
    pub(crate) fn takes(&self, method: &str, path: &str) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (skip, is_taken) = &mut *taken;
        if *is_taken || *self.open.borrow() || !self.on.matches(method, path) {
            return false;
        }
        *is_taken = *skip == 0;
        *skip = skip.saturating_sub(1);
        *is_taken
    }

    pub(crate) async fn hold(&self) {
        self.arrived.send_replace(true);
        // The sender lives as long as `self`, so waiting can't fail.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    pub(crate) async fn arrived(&self) {
        let _ = self.arrived.subscribe().wait_for(|arrived| *arrived).await;
    }

    pub(crate) fn release(&self) {
        self.open.send_replace(true);
    }
}

impl Gate {
    /// Waits until a request stands at the gate.
    pub async fn arrived(&self) {
        self.inner.arrived().await;
    }

    /// The same for callers without a runtime of their own.
    pub fn wait_arrived(&self) {
        self.runtime.block_on(self.inner.arrived());
    }

    /// Lets the request go; a gate that nobody reached stays open.
    pub fn release(&self) {
        self.inner.release();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.inner.release();
    }
}
