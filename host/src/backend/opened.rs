//! A backend ready to be called: its connector opened with settings and secrets filled in, and what it may use.
//!
//! One for each epoch and generation. Whoever holds one keeps working with exactly these.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bindery_contract::{Error as CallError, Manifest, op};
use serde_json::{Map, Value};

use super::{
    Backend, Backends, Error, Extension, change,
    compose::{self, Placed},
    schema::Schema,
    way::Way,
};
use crate::{
    base::{Fault, Secret, redact},
    egress::Grant,
    plugin::{self, Context, Extender, Generation, Grants, Instance, Scope},
    security::Sealed,
    storage,
};

/// An open backend.
pub struct Opened {
    /// The backend as it was when it was opened.
    pub backend: Arc<Backend>,
    /// Its epoch then: every write of work done with this compares it.
    pub epoch: i64,
    /// The connector.
    pub instance: Arc<Instance>,
    /// What it may call, and the secrets that must not leak.
    pub grant: Arc<Grant>,
    /// Rules of other plugins over its connector's mapping, in the order in which they run.
    pub extensions: Vec<Arc<Extension>>,
    serves: Serves,
    way: Arc<Way>,
    mapping: Map<String, Value>,
}

/// What serves a backend: its settings and the code. Work done with one is never mixed with that of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serves {
    /// The backend's epoch.
    pub epoch: i64,
    /// The connector and each plugin that extends it, with the number of the generation; 0: none.
    pub generations: Vec<(String, u64)>,
}

impl Opened {
    /// The scope of some work for it: grants, way out and origin are filled in; job, deadline, progress and the ask to
    /// stop are the caller's.
    pub fn context(&self) -> Context {
        Context {
            grants: Grants { hosts: self.grant.hosts(), models: self.backend.business.models.clone() },
            epoch: Some(self.epoch),
            egress: Some(self.way.clone()),
            ..Context::new(self.backend.id, self.backend.name.clone())
        }
    }

    /// Runs an op. Secrets are taken out of what an error says.
    pub async fn call(&self, scope: Arc<Scope>, op: &str, payload: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.instance.call(scope, op, payload).await.map_err(|error| self.clean(error))
    }

    /// What the connector says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.instance.generation().manifest
    }

    /// What it was opened with.
    pub fn serves(&self) -> &Serves {
        &self.serves
    }

    /// The settings that change how records are mapped, with their defaults.
    pub fn mapping_settings(&self) -> &Map<String, Value> {
        &self.mapping
    }

    /// An error of the connector without this backend's secrets.
    pub fn clean(&self, error: CallError) -> CallError {
        without_secrets(error, &self.grant)
    }
}

/// An error of a plugin without the secrets of the backend that it worked for.
pub(super) fn without_secrets(mut error: CallError, grant: &Grant) -> CallError {
    let clean = |text: &mut String| *text = grant.redact(text).into_owned();
    clean(&mut error.message);
    let detail = &mut *error.detail;
    for text in [&mut detail.path, &mut detail.field, &mut detail.cure, &mut detail.place].into_iter().flatten() {
        clean(text);
    }
    error
}

/// The place of one backend's open connector.
#[derive(Default)]
pub(super) struct Slot {
    current: ArcSwapOption<Opened>,
    opening: tokio::sync::Mutex<()>,
    refused: ArcSwapOption<Refused>,
}

/// Code that does not take the settings of this epoch, or that can't be put together.
struct Refused {
    serves: Serves,
    error: Error,
}

impl Slot {
    fn open(&self, wanted: &Serves) -> Option<Arc<Opened>> {
        self.current.load_full().filter(|open| open.serves == *wanted)
    }

    /// Whether something serves the settings of this epoch, be it older code.
    fn has_any(&self, epoch: i64) -> bool {
        self.current.load().as_ref().is_some_and(|open| open.epoch == epoch)
    }

    /// What keeps a backend from running with the newest generation, and whether an older one serves meanwhile.
    fn trouble(&self, wanted: &Serves) -> Option<(String, bool)> {
        let refused = self.refused.load_full().filter(|refused| refused.serves == *wanted)?;
        Some((refused.error.to_string(), self.has_any(wanted.epoch)))
    }
}

impl Backends {
    /// The backend, ready to be called. Opened once for each epoch and generation of its plugin.
    ///
    /// A generation that refuses the backend's settings, or can't be opened, leaves the one before serving.
    pub async fn opened(&self, id: i64) -> Result<Arc<Opened>, Error> {
        let backend = self.get(id)?;
        if !backend.enabled {
            return Err(Error::Disabled(backend.name.clone()));
        }
        self.open_connector(backend).await
    }

    /// As [`Backends::opened`], of a disabled backend too: its connection can be tested.
    pub(super) async fn open_connector(&self, backend: Arc<Backend>) -> Result<Arc<Opened>, Error> {
        let generation = self.generation_of(&backend)?;
        let (wanted, extenders) = self.wanted(&backend, &generation);
        let slot = self.slot(backend.id);
        if let Some(open) = slot.open(&wanted) {
            return Ok(open);
        }
        let _opening = slot.opening.lock().await;
        if let Some(open) = slot.open(&wanted) {
            return Ok(open);
        }
        let again = slot.refused.load_full().filter(|refused| refused.serves == wanted);
        let older = slot.current.load_full().filter(|open| open.epoch == backend.epoch);
        if let (Some(_), Some(older)) = (&again, &older) {
            return Ok(older.clone());
        }
        let placed =
            compose::compose(&generation.manifest, &extenders).map_err(|doubts| Error::in_doubt(&backend.name, doubts));
        let opened = match placed {
            Ok(placed) => self.open_new(&backend, generation.clone(), placed, wanted.clone()).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(open) => {
                slot.refused.store(None);
                slot.current.store(Some(open.clone()));
                Ok(open)
            }
            Err(error) => {
                let refused = Refused { serves: wanted, error: error.clone() };
                slot.refused.store(Some(Arc::new(refused)));
                self.verdicts_changed();
                let Some(older) = older else { return Err(error) };
                tracing::warn!(
                    backend = backend.name,
                    plugin = backend.plugin,
                    generation = generation.number,
                    serving = older.instance.generation().number,
                    %error,
                    "the new build can't serve this backend; the one before goes on"
                );
                Ok(older)
            }
        }
    }

    /// What serves a backend, if it can be opened, and the plugins that extend its connector.
    fn wanted(&self, backend: &Backend, generation: &Generation) -> (Serves, Vec<Extender>) {
        let mut extenders = self.parts.plugins.extending(generation.plugin());
        let left_out = &backend.business.without_extensions;
        extenders.retain(|extender| !left_out.contains(&extender.manifest.id));
        let extending = extenders.iter().map(|extender| {
            (extender.manifest.id.clone(), extender.generation.as_ref().map_or(0, |generation| generation.number))
        });
        let connector = (generation.plugin().to_owned(), generation.number);
        let generations = std::iter::once(connector).chain(extending).collect();
        (Serves { epoch: backend.epoch, generations }, extenders)
    }

    /// What keeps a backend from running with the newest code, and whether older code serves meanwhile.
    pub(super) fn code_trouble(&self, backend: &Backend, generation: &Generation) -> Option<(String, bool)> {
        let (wanted, extenders) = self.wanted(backend, generation);
        let slot = self.slot(backend.id);
        slot.trouble(&wanted).or_else(|| {
            let doubts = compose::compose(&generation.manifest, &extenders).err()?;
            Some((Error::in_doubt(&backend.name, doubts).to_string(), slot.has_any(backend.epoch)))
        })
    }

    /// What is wrong with each rule that a plugin adds to others; in the order of its declaration.
    pub fn extension_faults(&self, manifest: &Manifest) -> Vec<Option<Fault>> {
        let fault = |extension: &bindery_contract::manifest::Extension| match self
            .parts
            .plugins
            .generation(&extension.connector)
        {
            Some(connector) => compose::check(&connector.manifest, &manifest.id, extension),
            None => Some(plugin::Error::ParentMissing {
                plugin: manifest.id.clone(),
                extension: extension.name.clone(),
                parent: format!("plugin {}", extension.connector),
            }),
        };
        manifest.extensions.iter().map(|extension| fault(extension).map(Fault::from)).collect()
    }

    async fn open_new(
        &self,
        backend: &Arc<Backend>,
        generation: Arc<Generation>,
        placed: Vec<Placed>,
        serves: Serves,
    ) -> Result<Arc<Opened>, Error> {
        let schema = self.schema(&generation)?;
        let mut settings = schema.with_defaults(&backend.settings);
        settings.retain(|name, _| schema.property(name).is_some());
        let mapping = settings.clone();
        let secrets = self.unseal(backend).await?;
        for (field, secret) in &secrets {
            if let Some(property) = schema.property(field) {
                settings.insert(field.clone(), property.read_secret(secret.expose()));
            }
        }
        let fields = schema.problems(&settings, &[]);
        if !fields.is_empty() {
            return Err(Error::Settings { name: backend.name.clone(), fields });
        }
        let mut grant = grant(backend, &schema, &generation.manifest);
        for (_, secret) in &secrets {
            grant = grant.hide(secret);
            redact::hide_in_log(secret);
        }
        let grant = Arc::new(grant);
        let request = op::Open {
            backend: backend.name.clone(),
            backend_id: backend.id,
            backend_type: backend.backend_type.clone(),
            settings: Value::Object(settings),
            contract: bindery_contract::CONTRACT,
        };
        let opened = Instance::open(generation, request, self.parts.services.clone()).await;
        let instance = opened.map_err(|error| cleaned(Error::plugin(&backend.name, error), &grant))?;
        let extensions = self.open_extensions(backend, placed, &secrets).await?;
        let way =
            Way { egress: self.parts.egress.clone(), grant: grant.clone(), timeout_ms: backend.business.timeout_ms };
        let is_mapping = |name: &String| schema.property(name).is_some_and(|property| property.mapping);
        Ok(Arc::new(Opened {
            backend: backend.clone(),
            epoch: backend.epoch,
            instance,
            grant,
            extensions,
            serves,
            way: Arc::new(way),
            mapping: mapping.into_iter().filter(|(name, _)| is_mapping(name)).collect(),
        }))
    }

    async fn unseal(&self, backend: &Backend) -> Result<Vec<(String, Secret)>, Error> {
        let id = backend.id;
        let rows = self.parts.store.read(move |tx| storage::secret::of(tx, id)).await?;
        let open = |row: storage::secret::Row| {
            let sealed = Sealed { key_id: row.key_id, bytes: row.sealed };
            let secret = self.parts.keyring.unseal(id, &row.field, &sealed);
            secret
                .map(|secret| (row.field, secret))
                .map_err(|error| Error::Secret { name: backend.name.clone(), error })
        };
        rows.into_iter().map(open).collect()
    }

    /// Whether another plugin has rules over the export of a kind in a backend.
    pub fn is_export_extended(
        &self,
        backend: &Backend,
        connector: &Manifest,
        kind: &bindery_contract::manifest::Kind,
    ) -> bool {
        let is_mapper = |component: &bindery_contract::manifest::Component| {
            let on = &component.apply_on;
            component.usage == "export.mapper"
                && (on.is_empty() || on.iter().any(|on| *on == kind.name || *on == kind.model))
        };
        let mappers: Vec<&str> =
            connector.components.iter().filter(|one| is_mapper(one)).map(|one| one.name.as_str()).collect();
        let left_out = &backend.business.without_extensions;
        self.parts.plugins.extending(&backend.plugin).iter().filter(|one| !left_out.contains(&one.manifest.id)).any(
            |one| {
                let all = one.manifest.extensions.iter().filter(|extension| extension.connector == backend.plugin);
                all.into_iter().any(|extension| mappers.contains(&extension.component.as_str()))
            },
        )
    }

    /// What the connector of a backend declares, by the build that serves now; none where its plugin is missing.
    pub fn generation(&self, backend: &Backend) -> Option<Arc<Generation>> {
        self.generation_of(backend).ok()
    }

    pub(super) fn generation_of(&self, backend: &Backend) -> Result<Arc<Generation>, Error> {
        self.parts.plugins.generation(&backend.plugin).ok_or_else(|| Error::PluginMissing {
            name: backend.name.clone(),
            plugin: backend.plugin.clone(),
            why: match self.parts.plugins.show(&backend.plugin) {
                None => "missing".to_owned(),
                Some(listed) => {
                    let why = listed.error.map(|fault| fault.message).unwrap_or_default();
                    format!("refused ({why})")
                }
            },
        })
    }
}

/// What a backend may call: the hosts of the manifest, and those that the operator typed.
pub(super) fn grant(backend: &Backend, schema: &Schema, manifest: &Manifest) -> Grant {
    let mut grant = Grant::new(backend.id, backend.name.clone());
    for pattern in &manifest.hosts {
        grant = match grant.clone().allow_host(pattern) {
            Ok(wider) => wider,
            Err(error) => {
                tracing::warn!(plugin = manifest.id, %error, "a host of the manifest is left out");
                grant
            }
        };
    }
    for (_, url) in change::hosts(schema, &backend.settings) {
        // What is no URL was refused when it was set; a schema that marks another setting since then grants nothing.
        grant = grant.clone().allow_url(&url).unwrap_or(grant);
    }
    match backend.business.max_body_bytes {
        Some(bytes) => grant.max_body(bytes),
        None => grant,
    }
}

fn cleaned(error: Error, grant: &Grant) -> Error {
    match error {
        Error::Plugin { name, mut fault } => {
            fault.message = grant.redact(&fault.message).into_owned();
            Error::Plugin { name, fault }
        }
        other => other,
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (epoch {}) with {:?}", self.backend.name, self.epoch, self.instance.generation())
    }
}

/// The connector's answer to a call, in the form of the plugin room.
pub(super) fn scope(context: Context) -> Arc<Scope> {
    plugin::Scope::new(context)
}
