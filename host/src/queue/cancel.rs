//! Asking a running job to stop. It forces nothing: the handler looks, or waits, and ends by itself.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a job should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// Somebody called it off.
    Requested,
    /// Its time is over.
    Deadline,
    /// The host stops; unfinished work goes back to the queue.
    Stopping,
}

/// A running job's ear for "stop". Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<Option<CancelReason>>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Cancel {
    /// Whether it should stop, and why.
    pub fn reason(&self) -> Option<CancelReason> {
        *self.0.borrow()
    }

    /// Whether it should stop.
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Waits until it should stop.
    pub async fn cancelled(&self) -> CancelReason {
        let mut receiver = self.0.subscribe();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            // The sender lives as long as `self`, so this never fails.
            let _ = receiver.changed().await;
        }
    }

    /// Tells it to stop. The first reason stays.
    pub fn cancel(&self, reason: CancelReason) {
        self.0.send_if_modified(|now| {
            let first = now.is_none();
            if first {
                *now = Some(reason);
            }
            first
        });
    }
}
