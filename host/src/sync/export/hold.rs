//! One export of a record at a time: whoever comes second waits, then finds what the first has left to do.
//!
//! One host works in a data directory, so a lock in its memory is enough; what a host that died had under way is told by
//! the intent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

type Key = (i64, String, i64);
type Gate = tokio::sync::Mutex<()>;

/// The records that are being exported.
#[derive(Debug, Default)]
pub struct Holds(Mutex<HashMap<Key, Weak<Gate>>>);

impl Holds {
    /// Takes hold of a record for a backend and kind, waiting for whoever has it.
    pub async fn take(&self, backend: i64, kind: &str, record: i64) -> OwnedMutexGuard<()> {
        let gate = self.gate((backend, kind.to_owned(), record));
        gate.lock_owned().await
    }

    fn gate(&self, key: Key) -> Arc<Gate> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = all.get(&key).and_then(Weak::upgrade) {
            return gate;
        }
        if all.len() > 1_000 {
            all.retain(|_, gate| gate.strong_count() > 0);
        }
        let gate = Arc::new(Gate::default());
        all.insert(key, Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_others_do_not() {
        let holds = Holds::default();
        let first = holds.take(1, "acme.product", 7).await;
        let _other = holds.take(1, "acme.product", 8).await;
        let second = holds.take(1, "acme.product", 7);
        tokio::pin!(second);
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        drop(first);
        second.await;
    }
}
