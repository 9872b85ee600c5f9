//! The backends of this host: kept in memory, changed one at a time, and stored before they are shown.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Backend, Business, Change, Connection, Error, New, Shown, change,
    opened::{self, Slot},
    schema::Schema,
};
use crate::{
    base::{Clock, Secret, name::nearest},
    egress::Egress,
    plugin::{self, Generation},
    record::{self, Query},
    security::Keyring,
    storage::{self, Durability, Store, Tx},
};

/// What backends are made of.
#[derive(Clone)]
pub struct Parts {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// The keys.
    pub keyring: Keyring,
    /// The way out.
    pub egress: Egress,
    /// The plugins.
    pub plugins: Arc<plugin::Registry>,
    /// What plugins may ask of the host.
    pub services: Arc<plugin::Services>,
    /// The models, for settings that name records.
    pub catalogue: record::Current,
}

/// All backends of a host.
pub struct Backends {
    pub(super) parts: Parts,
    entries: ArcSwap<BTreeMap<i64, Arc<Backend>>>,
    slots: Mutex<HashMap<i64, Arc<Slot>>>,
    /// Compiled schemas by plugin, each of one generation.
    schemas: Mutex<HashMap<String, (u64, Arc<Schema>)>>,
    changing: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Backends {
    /// Reads the backends. Secrets that can't be read are named in the log; the rest runs.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, Error> {
        let backends = Self {
            parts,
            entries: ArcSwap::default(),
            slots: Mutex::default(),
            schemas: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changes: watch::channel(0).0,
        };
        backends.reload().await?;
        for backend in backends.list() {
            let secrets = backend.unreadable_secrets();
            if !secrets.is_empty() {
                tracing::error!(
                    backend = backend.name,
                    secrets = secrets.join(", "),
                    "secrets can't be read: the key that sealed them is not here; this backend's jobs wait"
                );
            }
        }
        Ok(Arc::new(backends))
    }

    /// All backends, by id.
    pub fn list(&self) -> Vec<Arc<Backend>> {
        self.entries.load().values().cloned().collect()
    }

    /// A backend by its id.
    pub fn get(&self, id: i64) -> Result<Arc<Backend>, Error> {
        let found = self.entries.load().get(&id).cloned();
        found.ok_or_else(|| Error::Unknown { name: id.to_string(), nearest: None })
    }

    /// A backend by its name.
    pub fn by_name(&self, name: &str) -> Result<Arc<Backend>, Error> {
        let entries = self.entries.load();
        let found = entries.values().find(|backend| backend.name == name).cloned();
        found.ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, entries.values().map(|backend| backend.name.as_str())).map(str::to_owned),
        })
    }

    /// The name of an id, where the backend is still there.
    pub fn name_of(&self, id: i64) -> Option<String> {
        self.entries.load().get(&id).map(|backend| backend.name.clone())
    }

    /// A backend as people see it.
    pub fn shown(&self, backend: &Backend) -> Shown {
        let generation = self.generation_of(backend).ok();
        let schema = generation.as_ref().and_then(|generation| self.schema(generation).ok());
        let secrets = schema.iter().flat_map(|schema| schema.properties());
        let secrets = secrets.filter(|(_, property)| property.secret).map(|(name, _)| name.to_owned());
        let hosts = match (&schema, &generation) {
            (Some(schema), Some(generation)) => opened::grant(backend, schema, &generation.manifest).hosts(),
            _ => Vec::new(),
        };
        Shown {
            id: backend.id,
            name: backend.name.clone(),
            backend_type: backend.backend_type.clone(),
            plugin: backend.plugin.clone(),
            enabled: backend.enabled,
            epoch: backend.epoch,
            secrets: backend.masked(secrets),
            settings: schema.map_or_else(|| backend.settings.clone(), |schema| schema.with_defaults(&backend.settings)),
            business: backend.business.clone(),
            connection: backend.connection.clone(),
            hosts,
            trouble: self.trouble(backend).map(|(reason, _)| reason),
            created_at: backend.created_at,
            updated_at: backend.updated_at,
        }
    }

    /// Ticks when a verdict of the gate may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A plugin was installed, reloaded or refused.
    pub fn plugins_changed(&self) {
        self.verdicts_changed();
    }

    /// Adds a backend.
    pub async fn add(&self, new: New) -> Result<Arc<Backend>, Error> {
        if !is_name(&new.name) {
            return Err(Error::BadName(new.name));
        }
        let _changing = self.changing.lock().await;
        if self.by_name(&new.name).is_ok() {
            return Err(Error::NameTaken(new.name));
        }
        let generation = self
            .parts
            .plugins
            .by_backend_type(&new.backend_type)
            .ok_or_else(|| Error::UnknownType { name: new.backend_type.clone(), known: self.known_types() })?;
        let schema = self.schema(&generation)?;
        let refuse = |fields| Error::Settings { name: new.name.clone(), fields };
        let resolved = change::resolve(&schema, None, new.change).map_err(refuse)?;
        self.check_records(&new.name, &resolved.records).await?;
        let now = self.parts.clock.now();
        let backend = Backend {
            id: 0,
            name: new.name.clone(),
            backend_type: new.backend_type,
            plugin: generation.plugin().to_owned(),
            enabled: new.enabled,
            epoch: 1,
            settings: resolved.settings,
            secrets: BTreeMap::new(),
            business: Business::from_values(&resolved.business),
            business_values: resolved.business,
            connection: Connection::default(),
            created_at: now,
            updated_at: now,
        };
        let (row, keyring, secrets) = (backend.to_row(), self.parts.keyring.clone(), resolved.secrets);
        let insert = move |tx: &mut dyn Tx| {
            let id = storage::backend::insert(tx, &row)?;
            put_secrets(tx, &keyring, id, &secrets, now)?;
            Ok(id)
        };
        let id = self.parts.store.write(Durability::Durable, insert).await.map_err(|error| match error {
            storage::Error::Unique(_) => Error::NameTaken(new.name.clone()),
            other => other.into(),
        })?;
        self.reload().await?;
        self.get(id)
    }

    /// Changes settings and secrets. The epoch rises where anything is different.
    pub async fn set(&self, name: &str, change: Change) -> Result<Arc<Backend>, Error> {
        let _changing = self.changing.lock().await;
        let backend = self.by_name(name)?;
        let generation = self.generation_of(&backend)?;
        let schema = self.schema(&generation)?;
        let refuse = |fields| Error::Settings { name: name.to_owned(), fields };
        let resolved = match (change.kind.clone(), change.extension.clone()) {
            (None, None) => change::resolve(&schema, Some(&backend), change).map_err(refuse)?,
            (Some(_), Some(_)) => {
                let problem = "can't be given together with a kind".to_owned();
                return Err(refuse(vec![("extension".to_owned(), problem)]));
            }
            (None, Some(plugin)) => {
                let schema = self.extension_schema(&backend, &plugin)?;
                change::resolve_extension(&plugin, &schema, &backend, change).map_err(refuse)?
            }
            (Some(kind), None) => {
                if generation.manifest.kind(&kind).is_none() {
                    let known: Vec<&str> = generation.manifest.kinds.iter().map(|kind| kind.name.as_str()).collect();
                    let problem = format!("{kind} is unknown; known are {}", known.join(", "));
                    return Err(refuse(vec![("kind".to_owned(), problem)]));
                }
                let business = change::resolve_kind(&kind, &backend.business_values, change).map_err(refuse)?;
                let problem = self.domain_problem(&kind, &Business::from_values(&business)).await?;
                if let Some(problem) = problem {
                    return Err(refuse(vec![("export_domain".to_owned(), problem)]));
                }
                change::Resolved::of_business(&backend, business)
            }
        };
        self.check_records(name, &resolved.records).await?;
        let same = resolved.settings == backend.settings && resolved.business == backend.business_values;
        if same && resolved.secrets.is_empty() {
            return Ok(backend);
        }
        let changed =
            Backend { settings: resolved.settings, business_values: resolved.business, ..Backend::clone(&backend) };
        self.store_change(changed, true, resolved.secrets).await
    }

    /// Lets a backend's jobs run.
    pub async fn enable(&self, name: &str) -> Result<Arc<Backend>, Error> {
        self.switch(name, true).await
    }

    /// Keeps a backend's jobs from running. Work under way is not written any more.
    pub async fn disable(&self, name: &str) -> Result<Arc<Backend>, Error> {
        self.switch(name, false).await
    }

    /// Removes a backend that nothing refers to, and its secrets.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let id = self.by_name(name)?.id;
        let removed = self.parts.store.write(Durability::Durable, move |tx| storage::backend::remove(tx, id)).await;
        removed.map_err(|error| match error {
            storage::Error::ForeignKey(_) => Error::InUse(name.to_owned()),
            other => other.into(),
        })?;
        self.lock_slots().remove(&id);
        self.reload().await
    }

    async fn switch(&self, name: &str, enabled: bool) -> Result<Arc<Backend>, Error> {
        let _changing = self.changing.lock().await;
        let backend = self.by_name(name)?;
        if backend.enabled == enabled {
            return Ok(backend);
        }
        let changed = Backend { enabled, ..Backend::clone(&backend) };
        self.store_change(changed, !enabled, BTreeMap::new()).await
    }

    async fn store_change(
        &self,
        changed: Backend,
        raise: bool,
        secrets: BTreeMap<String, Option<Secret>>,
    ) -> Result<Arc<Backend>, Error> {
        let now = self.parts.clock.now();
        let row = storage::backend::Row { updated_at: now, ..changed.to_row() };
        let (id, keyring) = (changed.id, self.parts.keyring.clone());
        let update = move |tx: &mut dyn Tx| {
            if !storage::backend::update(tx, &row, raise)? {
                return Ok(false);
            }
            put_secrets(tx, &keyring, id, &secrets, now)?;
            Ok::<_, storage::Error>(true)
        };
        let done = self.parts.store.write(Durability::Durable, update).await?;
        self.reload().await?;
        if done { self.get(id) } else { Err(Error::Conflict(changed.name)) }
    }

    /// Reads everything anew and tells whoever waits for a change.
    pub(super) async fn reload(&self) -> Result<(), Error> {
        let read = |tx: &mut dyn Tx| Ok::<_, Error>((storage::backend::all(tx)?, storage::secret::all(tx)?));
        let (rows, secrets) = self.parts.store.read(read).await?;
        let mut entries = BTreeMap::new();
        for row in rows {
            entries.insert(row.id, Arc::new(Backend::read(row, &secrets, &self.parts.keyring)?));
        }
        self.entries.store(Arc::new(entries));
        self.verdicts_changed();
        Ok(())
    }

    pub(super) fn verdicts_changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn slot(&self, id: i64) -> Arc<Slot> {
        self.lock_slots().entry(id).or_default().clone()
    }

    fn lock_slots(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn schema(&self, generation: &Generation) -> Result<Arc<Schema>, Error> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let known = schemas.get(generation.plugin()).filter(|(number, _)| *number == generation.number);
        if let Some((_, schema)) = known {
            return Ok(schema.clone());
        }
        let schema = Schema::new(&generation.manifest.settings_schema).map_err(|why| Error::Settings {
            name: generation.plugin().to_owned(),
            fields: vec![("settings_schema".to_owned(), format!("is no schema: {why}"))],
        })?;
        let schema = Arc::new(schema);
        schemas.insert(generation.plugin().to_owned(), (generation.number, schema.clone()));
        Ok(schema)
    }

    fn known_types(&self) -> Vec<String> {
        let ready = self.parts.plugins.list().into_iter().filter(|listed| listed.generation.is_some());
        ready.flat_map(|listed| listed.manifest.backend_types.clone()).collect()
    }

    /// What is wrong with the domain of the new records of a kind that are exported.
    async fn domain_problem(&self, kind: &str, business: &Business) -> Result<Option<String>, Error> {
        let domain = business.export_domain(kind).to_vec();
        let catalogue = self.parts.catalogue.get();
        let Some(model) = catalogue.kind(kind).map(|kind| kind.model.clone()).filter(|_| !domain.is_empty()) else {
            return Ok(None);
        };
        let query = Query { domain: Value::Array(domain), ..Query::default() };
        let counted = move |tx: &mut dyn Tx| match record::count(tx, &catalogue, &model, &query) {
            Ok(_) => Ok(None),
            Err(record::Error::Storage(error)) => Err(Error::from(error)),
            Err(error) => Ok(Some(error.to_string())),
        };
        self.parts.store.read(counted).await
    }

    /// Settings that name records name records that are there.
    async fn check_records(&self, name: &str, records: &[(String, String, i64)]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        let (catalogue, records) = (self.parts.catalogue.get(), records.to_vec());
        let look = move |tx: &mut dyn Tx| {
            let mut problems = Vec::new();
            for (field, model, id) in records {
                let Some(found) = catalogue.model(&model) else {
                    problems.push((field, format!("names a record of {model}, and this host has no such model")));
                    continue;
                };
                if record::read(tx, &catalogue, found, &[id], &[])?.is_empty() {
                    problems.push((field, format!("there is no {model} with id {id}")));
                }
            }
            Ok::<_, Error>(problems)
        };
        let fields = self.parts.store.read(look).await?;
        if fields.is_empty() { Ok(()) } else { Err(Error::Settings { name: name.to_owned(), fields }) }
    }
}

fn put_secrets(
    tx: &mut dyn Tx,
    keyring: &Keyring,
    backend: i64,
    secrets: &BTreeMap<String, Option<Secret>>,
    now: crate::base::Timestamp,
) -> Result<(), storage::Error> {
    for (field, secret) in secrets {
        match secret {
            None => {
                storage::secret::remove(tx, backend, field)?;
            }
            Some(secret) => {
                let sealed = keyring.seal(backend, field, secret);
                let row = storage::secret::Row {
                    backend,
                    field: field.clone(),
                    key_id: sealed.key_id,
                    sealed: sealed.bytes,
                    updated_at: now,
                };
                storage::secret::put(tx, &row)?;
            }
        }
    }
    Ok(())
}

/// 1 to 63 lower case letters, digits, `-` and `_`, beginning with a letter or a digit.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 63
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_commands_and_urls() {
        for good in ["shop", "shop-2", "0", "a_b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-shop", "Shop", "a b", "a/b", "é", &"x".repeat(64)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
