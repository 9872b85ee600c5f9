//! The plugins of this host: what is installed, which generation of each is current, and why one is not.
//!
//! A plugin that is bad, missing or changed is listed with its error and never stops the host. It knows no backends.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use bindery_contract::Manifest;
use serde::Serialize;

use super::{
    call::Counts,
    error::Error,
    generation::{Generation, Isolation},
    load,
};
use crate::{
    base::{Clock, Fault, Timestamp},
    storage::{self, Store, plugin::Row},
};

/// How plugins are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the private copies go.
    pub directory: PathBuf,
    /// The program whose `plugin-worker` command runs plugins in a process of their own.
    pub worker_program: PathBuf,
    /// Where a plugin runs when nobody says otherwise.
    pub isolation: Isolation,
}

impl Options {
    /// Copies under a directory, this very program as the worker, in process.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            worker_program: PathBuf::from("/proc/self/exe"),
            isolation: Isolation::InProcess,
        }
    }
}

/// Whether a plugin can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its current generation serves.
    Ready,
    /// A generation serves, but the last build was refused.
    Stale,
    /// Nothing serves.
    Refused,
}

/// A plugin as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Version that serves, or that was installed.
    pub version: String,
    /// Whether it can be used.
    pub state: State,
    /// Why not, or why the last build was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Where its code runs.
    pub isolation: Isolation,
    /// Digest of the installed file.
    pub sha256: String,
    /// The file it was installed from.
    pub file: String,
    /// When.
    pub installed_at: Timestamp,
    /// Number of the generation that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What it says about itself.
    #[serde(serialize_with = "shared")]
    pub manifest: Arc<Manifest>,
    /// What happened since it was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

fn shared<S: serde::Serializer>(manifest: &Arc<Manifest>, serializer: S) -> Result<S::Ok, S::Error> {
    Manifest::serialize(manifest, serializer)
}

/// All plugins of a host.
pub struct Registry {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) options: Options,
    pub(super) plugins: ArcSwap<BTreeMap<String, Plugin>>,
    /// Numbers of generations by plugin. Held while a load is under way, so that loads come one after another.
    pub(super) loading: Arc<tokio::sync::Mutex<BTreeMap<String, u64>>>,
}

/// One plugin of the map. The map is replaced as a whole, so that a reader sees one moment.
#[derive(Clone)]
pub(super) struct Plugin {
    pub(super) row: Arc<Row>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) current: Option<Arc<Generation>>,
    pub(super) error: Option<Fault>,
}

/// A plugin that extends another one.
#[derive(Debug, Clone)]
pub struct Extender {
    /// What it declares.
    pub manifest: Arc<Manifest>,
    /// The generation that serves; absent where none does.
    pub generation: Option<Arc<Generation>>,
}

impl Registry {
    /// Opens the registry and loads what is installed. A plugin that can't be loaded is listed with its error.
    pub async fn open(store: Store, clock: Clock, options: Options) -> Result<Arc<Self>, Error> {
        let rows = store.read(|tx| storage::plugin::all(tx)).await?;
        let registry = Arc::new(Self { store, clock, options, plugins: ArcSwap::default(), loading: Arc::default() });
        let kept: Vec<String> = rows.iter().map(|row| row.sha256.clone()).collect();
        load::sweep(&registry.options.directory, &kept);
        for row in rows {
            registry.load_stored(row).await;
        }
        Ok(registry)
    }

    /// All plugins, by id.
    pub fn list(&self) -> Vec<Listed> {
        self.plugins.load().values().map(Plugin::listed).collect()
    }

    /// One plugin.
    pub fn show(&self, id: &str) -> Option<Listed> {
        self.plugins.load().get(id).map(Plugin::listed)
    }

    /// The current generation of a plugin.
    pub fn generation(&self, id: &str) -> Option<Arc<Generation>> {
        self.plugins.load().get(id)?.current.clone()
    }

    /// The current generation of the plugin that provides a backend type.
    pub fn by_backend_type(&self, backend_type: &str) -> Option<Arc<Generation>> {
        let plugins = self.plugins.load();
        let provides =
            |generation: &&Arc<Generation>| generation.manifest.backend_types.iter().any(|t| t == backend_type);
        plugins.values().filter_map(|plugin| plugin.current.as_ref()).find(provides).cloned()
    }

    /// Plugins that extend a connector, by id.
    pub fn extending(&self, connector: &str) -> Vec<Extender> {
        let plugins = self.plugins.load();
        let extends =
            |plugin: &&Plugin| plugin.manifest.extensions.iter().any(|extension| extension.connector == connector);
        let extender =
            |plugin: &Plugin| Extender { manifest: plugin.manifest.clone(), generation: plugin.current.clone() };
        plugins.values().filter(extends).map(extender).collect()
    }

    pub(super) fn put(&self, plugin: Plugin) {
        self.plugins.rcu(|plugins| {
            let mut plugins = BTreeMap::clone(plugins);
            plugins.insert(plugin.row.id.clone(), plugin.clone());
            plugins
        });
    }
}

impl Plugin {
    pub(super) fn listed(&self) -> Listed {
        Listed {
            id: self.row.id.clone(),
            version: self.row.version.clone(),
            state: match (&self.current, &self.error) {
                (Some(_), None) => State::Ready,
                (Some(_), Some(_)) => State::Stale,
                (None, _) => State::Refused,
            },
            error: self.error.clone(),
            isolation: Isolation::parse(&self.row.isolation).unwrap_or_default(),
            sha256: self.row.sha256.clone(),
            file: self.row.file.clone(),
            installed_at: self.row.installed_at,
            generation: self.current.as_ref().map(|generation| generation.number),
            manifest: self.manifest.clone(),
            counts: self.current.as_ref().map(|generation| generation.counts()),
        }
    }
}
