//! How a plugin gets into the registry: at start, by an operator, and again when its file changes. A file is staged
//! (read, checked, loaded), the host is made ready for it in one transaction, and only then it is published.
//!
//! Loads come one after another. A refusal never touches what serves.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use bindery_contract::Manifest;
use tokio::sync::OwnedMutexGuard;

use super::{Error, Generation, Isolation, Listed, Registry, call, load, manifest, registry::Plugin, worker};
use crate::{
    base::Fault,
    storage::{self, Durability, Tx, plugin::Row},
};

/// What became of a file that is to be installed.
pub enum Stage {
    /// It is the one that serves: nothing is to do.
    Unchanged(Box<Listed>),
    /// It is fine, and serves nobody until it is published.
    New(Staged),
}

/// A checked and loaded plugin that serves nobody yet. Loads wait until it is published or dropped.
pub struct Staged {
    plugin: Plugin,
    _loading: OwnedMutexGuard<BTreeMap<String, u64>>,
}

impl Staged {
    /// Identifier of the plugin.
    pub fn id(&self) -> &str {
        &self.plugin.row.id
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.plugin.manifest
    }

    /// Writes that it is installed. It belongs into the transaction that makes the host ready for it.
    pub fn writing(&self) -> impl Fn(&mut dyn Tx) -> Result<(), storage::Error> + Send + 'static {
        let row = self.plugin.row.clone();
        move |tx| storage::plugin::put(tx, &row)
    }
}

impl Registry {
    /// Checks, copies and loads a file, as the next generation of its plugin.
    ///
    /// `isolation` says where it runs from now on; absent: where it ran before, or the host's default. Where the file
    /// is refused, what served before goes on serving, and the plugin shows the error.
    pub async fn stage(&self, file: &Path, isolation: Option<Isolation>) -> Result<Stage, Error> {
        let mut numbers = self.loading.clone().lock_owned().await;
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        match self.stage_next(&file, isolation, &mut numbers).await {
            Ok(Next::Unchanged(listed)) => Ok(Stage::Unchanged(listed)),
            Ok(Next::New(plugin)) => Ok(Stage::New(Staged { plugin: *plugin, _loading: numbers })),
            Err(Refused { id, error }) => {
                if let Some(id) = id.or_else(|| self.installed_from(&file).map(|plugin| plugin.id)) {
                    self.refuse(&id, Fault::from(error.clone())).await?;
                }
                Err(error)
            }
        }
    }

    async fn stage_next(
        &self,
        file: &Path,
        isolation: Option<Isolation>,
        numbers: &mut BTreeMap<String, u64>,
    ) -> Result<Next, Refused> {
        let checked = read(file).await.map_err(Refused::unknown)?;
        if let Some(same) = self.serving(&checked.sha256, isolation) {
            return Ok(Next::Unchanged(Box::new(same)));
        }
        let stored = load::store(&checked, &self.options.directory).map_err(Refused::unknown)?;
        let isolation = isolation.or_else(|| self.installed_from(file).map(|plugin| plugin.isolation));
        let generation = Arc::new(self.load(&stored, &checked.sha256, isolation, numbers).await?);
        let row = Row {
            id: generation.plugin().to_owned(),
            version: generation.manifest.version.clone(),
            sha256: generation.sha256.clone(),
            file: file.display().to_string(),
            isolation: generation.isolation.as_str().to_owned(),
            state: "ready".to_owned(),
            error: None,
            manifest: serde_json::to_string(&generation.manifest).expect("a manifest is JSON"),
            installed_at: self.clock.now(),
        };
        Ok(Next::New(Box::new(Plugin {
            manifest: Arc::new(generation.manifest.clone()),
            row: Arc::new(row),
            current: Some(generation),
            error: None,
        })))
    }

    /// Lets a staged plugin serve. New calls take it; those under way end on the generation they began with.
    pub fn publish(&self, staged: Staged) -> Listed {
        let Staged { plugin, _loading } = staged;
        let listed = plugin.listed();
        tracing::info!(
            plugin = listed.id,
            version = listed.version,
            generation = listed.generation,
            "plugin installed"
        );
        load::sweep(&self.options.directory, &self.kept(&plugin.row));
        self.put(plugin);
        listed
    }

    /// Stages a file, writes that it is installed, and lets it serve. For a host without models: where there are some,
    /// they learn of the plugin in the same transaction, see [`Staged::writing`].
    pub async fn install(&self, file: &Path, isolation: Option<Isolation>) -> Result<Listed, Error> {
        match self.stage(file, isolation).await? {
            Stage::Unchanged(listed) => Ok(*listed),
            Stage::New(staged) => {
                self.store.write(Durability::Durable, staged.writing()).await?;
                Ok(self.publish(staged))
            }
        }
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
        self.put(Plugin { row: Arc::new(row), manifest: Arc::new(manifest), current, error });
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
        let asked = match isolation.or_else(|| self.isolation_of(sha256)) {
            Some(isolation) => isolation,
            None => self.isolation_of_unknown(&private).await.map_err(Refused::unknown)?,
        };
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

    /// Where a file runs of which nothing is known. Which plugin it is, only its manifest tells; that of an isolated one
    /// is not read in this process, so where there are any, it is read in a worker first.
    async fn isolation_of_unknown(&self, private: &load::Private) -> Result<Isolation, Error> {
        if self.options.isolation == Isolation::Worker
            || self.list().iter().all(|plugin| plugin.isolation == Isolation::InProcess)
        {
            return Ok(self.options.isolation);
        }
        let (manifest, _) = worker::describe(&self.options.worker_program, private.path()).await?;
        Ok(self.show(&manifest.id).map_or(self.options.isolation, |plugin| plugin.isolation))
    }

    /// Notes why the newest file of a plugin is refused. What serves goes on serving; a plugin that is not there is
    /// not listed for it.
    pub async fn refuse(&self, id: &str, fault: Fault) -> Result<(), Error> {
        let Some(mut plugin) = self.plugins.load().get(id).cloned() else { return Ok(()) };
        tracing::error!(plugin = id, error = %fault.message, "a build was refused; what served goes on serving");
        plugin.error = Some(fault.clone());
        let (id, state) = (id.to_owned(), if plugin.current.is_some() { "stale" } else { "refused" });
        self.put(plugin);
        let text = serde_json::to_string(&fault).unwrap_or_default();
        Ok(self.store.write(Durability::Durable, move |tx| storage::plugin::mark(tx, &id, state, Some(&text))).await?)
    }

    fn installed_from(&self, file: &Path) -> Option<Listed> {
        self.list().into_iter().find(|plugin| Path::new(&plugin.file) == file)
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

enum Next {
    Unchanged(Box<Listed>),
    New(Box<Plugin>),
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
