//! A rule of another plugin, opened for one backend: it works in the backend's context, under grants of its own.

use std::{collections::HashMap, sync::Arc};

use bindery_contract::{Error as CallError, manifest, op};
use serde_json::{Map, Value};

use super::{Backend, Backends, Error, compose::Placed, way::Way};
use crate::{
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
}

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

    /// Runs an op.
    pub async fn call(&self, scope: Arc<Scope>, op: &str, payload: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.instance.call(scope, op, payload).await
    }

    /// Stands for its code: another build is another digest.
    pub fn digest(&self) -> String {
        let generation = self.instance.generation();
        format!("{} {} {}", generation.plugin(), self.declared.name, generation.sha256)
    }
}

impl Backends {
    /// Opens the plugins of a composition for a backend, each once.
    pub(super) async fn open_extensions(
        &self,
        backend: &Arc<Backend>,
        placed: Vec<Placed>,
    ) -> Result<Vec<Arc<Extension>>, Error> {
        let mut open: HashMap<String, (Arc<Instance>, Arc<Way>)> = HashMap::new();
        let mut extensions = Vec::with_capacity(placed.len());
        for Placed { generation, declared } in placed {
            let plugin = generation.plugin().to_owned();
            let (instance, way) = match open.get(&plugin) {
                Some(known) => known.clone(),
                None => open.entry(plugin).or_insert(self.open_extender(backend, generation).await?).clone(),
            };
            extensions.push(Arc::new(Extension { declared, instance, way, backend: backend.clone() }));
        }
        Ok(extensions)
    }

    async fn open_extender(
        &self,
        backend: &Arc<Backend>,
        generation: Arc<Generation>,
    ) -> Result<(Arc<Instance>, Arc<Way>), Error> {
        let schema = self.schema(&generation)?;
        // Nobody sets anything for it yet: it runs with its defaults.
        let settings = schema.with_defaults(&Map::new());
        let fields = schema.problems(&settings, &[]);
        if !fields.is_empty() {
            return Err(Error::Settings { name: format!("{} ({})", backend.name, generation.plugin()), fields });
        }
        let mut grant = Grant::new(backend.id, backend.name.clone());
        for pattern in &generation.manifest.hosts {
            // What is no host pattern was refused when the plugin was loaded.
            grant = grant.clone().allow_host(pattern).unwrap_or(grant);
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
        Ok((instance, Arc::new(Way { egress: self.parts.egress.clone(), grant: Arc::new(grant), timeout_ms })))
    }
}
