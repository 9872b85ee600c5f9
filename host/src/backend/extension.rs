//! A rule of another plugin, opened for one backend: it works in the backend's context, under grants of its own.

use std::{collections::HashMap, sync::Arc};

use bindery_contract::{Error as CallError, manifest, op};
use serde_json::Value;

use super::{Backend, Backends, Error, change, compose::Placed, opened::without_secrets, schema::Schema, way::Way};
use crate::{
    base::Secret,
    egress::Grant,
    plugin::{Context, Generation, Grants, Instance, Scope},
};

/// An open extension.
pub struct Extension {
    /// What it declares.
    pub declared: manifest::Extension,
    instance: Arc<Instance>,
    way: Arc<Way>,
    backend: Arc<Backend>,
    /// What was set for it, as text.
    settings: Arc<str>,
}

/// A plugin that is open for a backend, the way out it has there, and what was set for it.
type Open = (Arc<Instance>, Arc<Way>, Arc<str>);

impl Extension {
    /// The scope of some work: the backend's, with what this plugin was granted and nothing of what its connector was.
    pub fn context(&self) -> Context {
        Context {
            grants: Grants { hosts: self.way.grant.hosts(), models: self.models() },
            epoch: Some(self.backend.epoch),
            egress: Some(self.way.clone()),
            ..Context::new(self.backend.id, self.backend.name.clone())
        }
    }

    /// Record models that it asks for and the operator has granted to code in this backend.
    fn models(&self) -> Vec<String> {
        let asked = self.instance.generation().manifest.models.iter();
        asked.filter(|model| self.backend.business.models.contains(model)).cloned().collect()
    }

    /// Runs an op. Secrets of the backend and of the plugin are taken out of what an error says.
    pub async fn call(&self, scope: Arc<Scope>, op: &str, payload: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.instance.call(scope, op, payload).await.map_err(|error| without_secrets(error, &self.way.grant))
    }

    /// Stands for its code and for what was set for it: another build, or another setting, is another digest.
    pub fn digest(&self) -> String {
        let generation = self.instance.generation();
        format!("{} {} {} {}", generation.plugin(), self.declared.name, generation.sha256, self.settings)
    }
}

impl Backends {
    /// Opens the plugins of a composition for a backend, each once.
    pub(super) async fn open_extensions(
        &self,
        backend: &Arc<Backend>,
        placed: Vec<Placed>,
        secrets: &[(String, Secret)],
    ) -> Result<Vec<Arc<Extension>>, Error> {
        let mut open: HashMap<String, Open> = HashMap::new();
        let mut extensions = Vec::with_capacity(placed.len());
        for Placed { generation, declared } in placed {
            let plugin = generation.plugin().to_owned();
            let (instance, way, settings) = match open.get(&plugin) {
                Some(known) => known.clone(),
                None => open.entry(plugin).or_insert(self.open_extender(backend, generation, secrets).await?).clone(),
            };
            extensions.push(Arc::new(Extension { declared, instance, way, backend: backend.clone(), settings }));
        }
        Ok(extensions)
    }

    async fn open_extender(
        &self,
        backend: &Arc<Backend>,
        generation: Arc<Generation>,
        secrets: &[(String, Secret)],
    ) -> Result<Open, Error> {
        let (schema, plugin) = (self.schema(&generation)?, generation.plugin());
        let mut settings = schema.with_defaults(&backend.business.extensions.get(plugin).cloned().unwrap_or_default());
        settings.retain(|name, _| schema.property(name).is_some());
        let said = Arc::from(Value::Object(settings.clone()).to_string());
        let mut grant = Grant::new(backend.id, backend.name.clone());
        for pattern in &generation.manifest.hosts {
            // What is no host pattern was refused when the plugin was loaded.
            grant = grant.clone().allow_host(pattern).unwrap_or(grant);
        }
        for (_, url) in change::hosts(&schema, &settings) {
            // What is no URL was refused when it was set.
            grant = grant.clone().allow_url(&url).unwrap_or(grant);
        }
        for (name, secret) in secrets {
            grant = grant.hide(secret);
            let field = name.strip_prefix(&change::secret_name(plugin, ""));
            if let Some((field, property)) = field.and_then(|field| Some((field, schema.property(field)?))) {
                settings.insert(field.to_owned(), property.read_secret(secret.expose()));
            }
        }
        let fields = schema.problems(&settings, &[]);
        if !fields.is_empty() {
            return Err(Error::Settings { name: format!("{} ({plugin})", backend.name), fields });
        }
        let request = op::Open {
            backend: backend.name.clone(),
            backend_id: backend.id,
            backend_type: backend.backend_type.clone(),
            settings: Value::Object(settings),
            contract: bindery_contract::CONTRACT,
        };
        let opened = Instance::open(generation, request, self.parts.services.clone()).await;
        let instance = opened.map_err(|error| Error::plugin(&backend.name, error))?;
        let timeout_ms = backend.business.timeout_ms;
        let way = Way { egress: self.parts.egress.clone(), grant: Arc::new(grant), timeout_ms };
        Ok((instance, Arc::new(way), said))
    }

    /// The schema of what can be set for a plugin that extends the connector of a backend.
    pub(super) fn extension_schema(&self, backend: &Backend, plugin: &str) -> Result<Arc<Schema>, Error> {
        let extending = self.parts.plugins.extending(&backend.plugin);
        let found = extending.iter().find(|extender| extender.manifest.id == plugin);
        if let Some(generation) = found.and_then(|extender| extender.generation.as_ref()) {
            return self.schema(generation);
        }
        let known: Vec<&str> = extending.iter().map(|extender| extender.manifest.id.as_str()).collect();
        let problem = match (found, known.is_empty()) {
            (Some(_), _) => format!("{plugin} can't be loaded, so that nothing can be set for it"),
            (None, true) => format!("{plugin} is unknown; no plugin extends {}", backend.plugin),
            (None, false) => format!("{plugin} does not extend {}; known are {}", backend.plugin, known.join(", ")),
        };
        Err(Error::Settings { name: backend.name.clone(), fields: vec![("extension".to_owned(), problem)] })
    }
}
