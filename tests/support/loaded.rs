//! Plugin files loaded without a whole host: a registry over a store of its own, and instances of what it serves.

use std::sync::Arc;

use bindery::{
    base::Clock,
    plugin::{Error, Instance, Options, Registry, Services},
    record::Current,
    storage::{self, Store},
    sync::task,
};
use bindery_contract::op;
use serde_json::Value;

/// A registry in a directory of its own.
pub struct Loaded {
    /// Removed with it.
    pub directory: tempfile::TempDir,
    /// What is installed.
    pub registry: Arc<Registry>,
    /// What calls may ask of the host.
    pub services: Arc<Services>,
}

impl Loaded {
    /// Nothing is installed yet. Workers are the program that was built for the tests.
    ///
    /// # Panics
    /// Where a new store can't be made.
    pub async fn nothing() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&storage::Options::new(directory.path().join("bindery.db"))).expect("a new store");
        let mut options = Options::new(directory.path().join("plugins"));
        options.worker_program = crate::artifact("bindery");
        let registry = Registry::open(store.clone(), Clock::system(), options).await.expect("it opens");
        let services = Services::new(store, Clock::system(), Current::default(), task::of_connector);
        Self { directory, registry, services }
    }

    /// Opens what is installed for a backend `shop`; plugin and backend type have the same name.
    ///
    /// # Errors
    /// What the plugin says.
    ///
    /// # Panics
    /// Where the plugin is not installed.
    pub async fn open(&self, plugin: &str, settings: Value) -> Result<Arc<Instance>, Error> {
        let generation = self.registry.generation(plugin).expect("it is installed");
        let request =
            op::Open { backend: "shop".into(), backend_id: 1, backend_type: plugin.into(), settings, contract: 1 };
        Instance::open(generation, request, self.services.clone()).await
    }
}
