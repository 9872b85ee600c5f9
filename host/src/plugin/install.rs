//! How a plugin gets into the registry: at start, by an operator, and again when its file changes.
//!
//! Loads come one after another. A refusal never touches what serves.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use bindery_contract::Manifest;

use super::{Error, Generation, Isolation, Listed, Registry, call, load, manifest, registry::Plugin, worker};
use crate::{
    base::Fault,
    storage::{self, Durability, plugin::Row},
};

impl Registry {
    /// Installs a file: checks, copies, loads, and makes it the current generation of its plugin.
    ///
    /// `isolation` says where it runs from now on; absent: where it ran before, or the host's default. Where the file
    /// is refused, what served before goes on serving, and the plugin shows the error. A file equal to the one that
    /// serves changes nothing.
    pub async fn install(&self, file: &Path, isolation: Option<Isolation>) -> Result<Listed, Error> {
        let mut numbers = self.loading.lock().await;
        let checked = read(file).await?;
        if let Some(same) = self.serving(&checked.sha256, isolation) {
            return Ok(same);
        }
        let stored = load::store(&checked, &self.options.directory)?;
        let generation = self.load(&stored, &checked.sha256, isolation, &mut numbers).await;
        let generation = match generation {
            Ok(generation) => Arc::new(generation),
            Err(Refused { id, error }) => {
                if let Some(id) = id {
                    self.refuse(&id, &error).await?;
                }
                return Err(error);
            }
        };
        let row = Row {
            id: generation.plugin().to_owned(),
            version: generation.manifest.version.clone(),
            sha256: generation.sha256.clone(),
            file: std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string(),
            isolation: generation.isolation.as_str().to_owned(),
            state: "ready".to_owned(),
            error: None,
            manifest: serde_json::to_string(&generation.manifest).expect("a manifest is JSON"),
            installed_at: self.clock.now(),
        };
        let written = row.clone();
        self.store.write(Durability::Durable, move |tx| storage::plugin::put(tx, &written)).await?;
        tracing::info!(plugin = row.id, version = row.version, generation = generation.number, "plugin installed");
        load::sweep(&self.options.directory, &self.kept(&row));
        let plugin = Plugin {
            manifest: Arc::new(generation.manifest.clone()),
            row: Arc::new(row),
            current: Some(generation),
            error: None,
        };
        let listed = plugin.listed();
        self.publish(plugin);
        Ok(listed)
    }

    /// Reads the file that a plugin was installed from again. An equal file changes nothing.
    pub async fn reload(&self, id: &str) -> Result<Listed, Error> {
        let file = self.show(id).ok_or_else(|| Error::Unknown(id.to_owned()))?.file;
        let result = self.install(Path::new(&file), None).await;
        if let Err(error) = &result {
            self.refuse(id, error).await?;
        }
        result
    }

    /// Loads what was installed before, from its private copy. What can't be loaded is listed with the error.
    pub(super) async fn load_stored(&self, row: Row) {
        let mut numbers = self.loading.lock().await;
        let isolation = Isolation::parse(&row.isolation);
        let stored = load::stored(&row.sha256, &self.options.directory);
        let loaded = match read(&stored).await {
            Ok(checked) if checked.sha256 != row.sha256 => {
                Err(Error::Changed { plugin: row.id.clone(), found: checked.sha256, pinned: row.sha256.clone() })
            }
            Ok(checked) => self.load(&stored, &checked.sha256, isolation, &mut numbers).await.map_err(|r| r.error),
            Err(error) => Err(error),
        };
        let manifest = match &loaded {
            Ok(generation) => generation.manifest.clone(),
            Err(_) => serde_json::from_str::<Manifest>(&row.manifest).unwrap_or_default(),
        };
        if let Err(error) = &loaded {
            tracing::error!(plugin = row.id, %error, "an installed plugin can't be loaded");
        }
        let (current, error) = match loaded {
            Ok(generation) => (Some(Arc::new(generation)), None),
            Err(error) => (None, Some(Fault::from(error))),
        };
        self.publish(Plugin { row: Arc::new(row), manifest: Arc::new(manifest), current, error });
    }

    /// Loads a stored copy as the next generation of whatever plugin it is.
    async fn load(
        &self,
        stored: &Path,
        sha256: &str,
        isolation: Option<Isolation>,
        numbers: &mut BTreeMap<String, u64>,
    ) -> Result<Generation, Refused> {
        let private = load::Private::of(stored, sha256).map_err(Refused::unknown)?;
        // Which isolation it has is known only once its manifest is; the manifest of an isolated plugin must not be
        // read in this process. So an isolated host default reads every manifest in a worker.
        let asked = isolation.or_else(|| self.isolation_of(sha256)).unwrap_or(self.options.isolation);
        let (module, manifest, sandbox) = match asked {
            Isolation::InProcess => {
                let file = private.path().to_owned();
                let opened = tokio::task::spawn_blocking(move || load::open(&file)).await;
                let opened = opened.unwrap_or_else(|_| Err(Error::OpenFailed("loading it panicked".to_owned())));
                opened.map(|(module, manifest)| (Some(module), manifest, None)).map_err(Refused::unknown)?
            }
            Isolation::Worker => {
                let described = worker::describe(&self.options.worker_program, private.path()).await;
                let (manifest, sandbox) = described.map_err(Refused::unknown)?;
                (None, manifest, Some(sandbox))
            }
        };
        self.check(&manifest).map_err(|error| Refused { id: Some(manifest.id.clone()), error })?;
        let number = numbers.entry(manifest.id.clone()).or_default();
        *number += 1;
        Ok(Generation {
            number: *number,
            sha256: sha256.to_owned(),
            file: private.keep(),
            manifest,
            isolation: asked,
            sandbox,
            module,
            worker_program: self.options.worker_program.clone(),
            calls: Arc::new(call::Calls::default()),
            counters: Arc::default(),
        })
    }

    fn check(&self, manifest: &Manifest) -> Result<(), Error> {
        let problems = manifest::problems(manifest);
        if !problems.is_empty() {
            return Err(Error::InvalidManifest(problems));
        }
        for other in self.list().into_iter().filter(|other| other.id != manifest.id) {
            if let Some(both) = other.manifest.backend_types.iter().find(|t| manifest.backend_types.contains(t)) {
                return Err(Error::DuplicateBackendType { backend_type: both.clone(), other: other.id });
            }
        }
        Ok(())
    }

    async fn refuse(&self, id: &str, error: &Error) -> Result<(), Error> {
        let Some(mut plugin) = self.plugins.load().get(id).cloned() else { return Ok(()) };
        let fault = Fault::from(error.clone());
        tracing::error!(plugin = id, %error, "a build was refused; what served goes on serving");
        plugin.error = Some(fault.clone());
        let (id, state) = (id.to_owned(), if plugin.current.is_some() { "stale" } else { "refused" });
        self.publish(plugin);
        let text = serde_json::to_string(&fault).unwrap_or_default();
        Ok(self.store.write(Durability::Durable, move |tx| storage::plugin::mark(tx, &id, state, Some(&text))).await?)
    }

    /// Digests whose files stay, once `row` is written.
    fn kept(&self, row: &Row) -> Vec<String> {
        let others = self.list().into_iter().filter(|plugin| plugin.id != row.id).map(|plugin| plugin.sha256);
        others.chain([row.sha256.clone()]).collect()
    }

    fn serving(&self, sha256: &str, isolation: Option<Isolation>) -> Option<Listed> {
        self.list().into_iter().find(|plugin| {
            plugin.sha256 == sha256
                && plugin.error.is_none()
                && plugin.generation.is_some()
                && isolation.is_none_or(|wanted| wanted == plugin.isolation)
        })
    }

    fn isolation_of(&self, sha256: &str) -> Option<Isolation> {
        self.list().into_iter().find(|plugin| plugin.sha256 == sha256).map(|plugin| plugin.isolation)
    }
}

/// A refusal, and the plugin it is about where that is known.
struct Refused {
    id: Option<String>,
    error: Error,
}

impl Refused {
    fn unknown(error: Error) -> Self {
        Self { id: None, error }
    }
}

async fn read(file: &Path) -> Result<load::Checked, Error> {
    let path = file.to_owned();
    tokio::task::spawn_blocking(move || load::read(&path))
        .await
        .unwrap_or_else(|error| Err(load::unreadable(file, &std::io::Error::other(error))))
}
