//! The catalogue: an immutable snapshot of all models and kinds. Changing it is [`install`](super::install)'s business.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use bindery_contract::manifest::Manifest;

use super::{Error, Kind, Model};
use crate::storage::Tx;

/// All models and kinds at one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(pub(super) Arc<Contents>);

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) models: BTreeMap<String, Arc<Model>>,
    pub(super) kinds: BTreeMap<String, Arc<Kind>>,
}

impl Catalogue {
    /// Reads the catalogue as it stands in the store.
    pub fn load(tx: &mut dyn Tx) -> Result<Self, Error> {
        let _ = tx;
        Ok(Self::default())
    }

    /// Installs the models that come with the program and those of the operator (`(file name, toml)`), making tables
    /// and columns that are missing. Safe to run at every start.
    pub fn install_models(tx: &mut dyn Tx, operator: &[(String, String)]) -> Result<Self, Error> {
        let _ = operator;
        Self::load(tx)
    }

    /// Registers what a plugin declares: fields on models, kinds with their extra fields and constraints. A different
    /// definition of what is there refuses all of it, naming both owners. What the owner declared before and does not
    /// any more is hidden, never dropped.
    pub fn register(tx: &mut dyn Tx, owner: &str, manifest: &Manifest) -> Result<Self, Error> {
        let _ = (owner, manifest);
        Self::load(tx)
    }

    /// Takes an owner's declarations away: its kinds and fields are hidden, their data stays.
    pub fn withdraw(tx: &mut dyn Tx, owner: &str) -> Result<Self, Error> {
        let _ = owner;
        Self::load(tx)
    }

    /// A record model.
    pub fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.models.get(name)
    }

    /// A record model, or the error that says there is none.
    pub fn need_model(&self, name: &str) -> Result<&Arc<Model>, Error> {
        self.model(name).ok_or_else(|| Error::UnknownModel(name.to_owned()))
    }

    /// A kind.
    pub fn kind(&self, name: &str) -> Option<&Arc<Kind>> {
        self.0.kinds.get(name)
    }

    /// A kind, or the error that says there is none.
    pub fn need_kind(&self, name: &str) -> Result<&Arc<Kind>, Error> {
        self.kind(name).ok_or_else(|| Error::UnknownModel(name.to_owned()))
    }

    /// All models, by name.
    pub fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.models.values()
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.0.kinds.values()
    }
}

/// Where the host keeps the snapshot that stands. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Current(Arc<ArcSwap<Catalogue>>);

impl Current {
    /// A holder of a first snapshot.
    pub fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(catalogue)))
    }

    /// The snapshot that stands. Take it once for a piece of work and keep to it.
    pub fn get(&self) -> Catalogue {
        Catalogue::clone(&self.0.load())
    }

    /// Puts a newer snapshot in its place, after the transaction that made it is committed.
    pub fn set(&self, catalogue: Catalogue) {
        self.0.store(Arc::new(catalogue));
    }
}
