//! The items of one resource, kept as the JSON text they are answered with. It knows no resource by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

/// One item.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) text: Arc<str>,
    pub(crate) updated: i64,
}

/// Items by id and by time of change.
#[derive(Default)]
pub(crate) struct Collection {
    items: BTreeMap<u64, Item>,
    by_change: BTreeSet<(i64, u64)>,
}

impl Collection {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.items.keys().next_back().copied().unwrap_or(0) + 1
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Item> {
        self.items.get(&id)
    }

    /// The item as a value; its numbers may lose digits that the text has.
    pub(crate) fn value(&self, id: u64) -> Option<Value> {
        self.get(id).and_then(|item| serde_json::from_str(&item.text).ok())
    }

    /// Puts an item in place of what was there.
    pub(crate) fn put(&mut self, id: u64, updated: i64, text: impl Into<Arc<str>>) {
        if let Some(old) = self.items.insert(id, Item { text: text.into(), updated }) {
            self.by_change.remove(&(old.updated, id));
        }
        self.by_change.insert((updated, id));
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(old) = self.items.remove(&id) else { return false };
        self.by_change.remove(&(old.updated, id));
        true
    }

    /// Items after `id`, by id.
    pub(crate) fn after(&self, id: u64) -> impl Iterator<Item = (u64, &Item)> {
        self.items.range(id.saturating_add(1)..).map(|(id, item)| (*id, item))
    }

    /// Items changed after the place (`time`, `id`), oldest change first.
    pub(crate) fn changed_after(&self, time: i64, id: u64) -> impl Iterator<Item = (u64, &Item)> {
        let range = (std::ops::Bound::Excluded((time, id)), std::ops::Bound::Unbounded);
        self.by_change.range(range).filter_map(|(_, id)| self.items.get(id).map(|item| (*id, item)))
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        self.items.keys().copied().collect()
    }
}
