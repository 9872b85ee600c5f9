//! Backends over the raw connector: a store, a registry and keys in a temporary directory, without a whole host.

use std::{path::PathBuf, sync::Arc};

use bindery::{
    backend::{Backends, Change, New, Parts},
    base::{Clock, Secret, Timestamp},
    egress::{self, Egress},
    plugin::{self, Registry, Services},
    record,
    security::{Key, Keyring},
    storage::{self, Store},
    sync::task,
};
use serde_json::{Value, json};

use crate::raw;

/// What backends need, and can be opened again as after a restart.
pub struct Ground {
    /// Everything lies here.
    pub directory: tempfile::TempDir,
    /// The store.
    pub store: Store,
    /// Stands still until it is moved.
    pub clock: Clock,
    /// The plugins.
    pub plugins: Arc<Registry>,
    /// The key that seals.
    pub key: Key,
}

/// The settings of the raw connector in these tests.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["api_url", "api_key"],
        "properties": {
            "api_url": {"type": "string", "host": true},
            "api_key": {"type": "string", "secret": true, "minLength": 3},
            "page_size": {"type": "integer", "minimum": 1, "maximum": 250, "default": 100, "mapping": true},
            "refuse": {"type": "boolean"},
            "shelf": {"type": "integer", "record": "stock.location"},
        },
    })
}

impl Ground {
    /// A new data directory with the raw connector installed.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&storage::Options::new(directory.path().join("bindery.db"))).expect("a new store");
        let clock = Clock::manual(Timestamp::parse_rfc3339("2026-11-24T04:00:00Z").expect("a time"));
        let options = plugin::Options::new(directory.path().join("plugins"));
        let plugins = Registry::open(store.clone(), clock.clone(), options).await.expect("it opens");
        let ground = Self { directory, store, clock, plugins, key: Key::generate() };
        ground.install("1.0.0", schema()).await;
        ground
    }

    /// Installs a build of the raw connector.
    pub async fn install(&self, version: &str, schema: Value) {
        let manifest = raw::changed(json!({"version": version, "settings_schema": schema}));
        let file = raw::with_manifest(self.directory.path(), "raw.so", &manifest);
        self.plugins.install(&file, None).await.expect("it is fine");
    }

    /// The backends, as they are after a start with the key.
    pub async fn backends(&self) -> Arc<Backends> {
        self.backends_with(Keyring::of(self.key.clone(), Vec::new())).await
    }

    /// The backends, as they are after a start with other keys.
    pub async fn backends_with(&self, keyring: Keyring) -> Arc<Backends> {
        let parts = Parts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            keyring,
            egress: Egress::new(self.clock.clone(), egress::Options::default()).expect("it starts"),
            plugins: self.plugins.clone(),
            services: Services::new(
                self.store.clone(),
                self.clock.clone(),
                record::Current::default(),
                task::of_connector,
            ),
            catalogue: record::Current::default(),
        };
        Backends::open(parts).await.expect("they open")
    }

    /// The files of the database.
    pub fn database_files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.directory.path()).expect("readable").map(|entry| entry.expect("one").path());
        files
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("bindery.db")))
            .collect()
    }
}

/// Settings as texts and secrets.
pub fn change(texts: &[(&str, &str)], secrets: &[(&str, &str)]) -> Change {
    Change {
        texts: texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        secrets: secrets.iter().map(|(name, text)| ((*name).to_owned(), Some(Secret::new(*text)))).collect(),
        ..Change::default()
    }
}

/// A backend `shop` that is complete.
pub fn shop(url: &str) -> New {
    New {
        name: "shop".to_owned(),
        backend_type: "raw".to_owned(),
        enabled: true,
        change: change(&[("api_url", url)], &[("api_key", "the-key-of-the-shop")]),
    }
}
