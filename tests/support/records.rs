//! A store with all models and nothing else: what tests of records need. Calls block, so that tests read as lists.

use bindery::{
    base::Timestamp,
    record::{self, Binding, Catalogue, Change, Error, Kind, Query, binding, decode, encode, outbox, store::Written},
    storage::{Durability, Options, Store, Tx, backend},
};
use bindery_contract::manifest::Manifest;
use serde_json::{Map, Value as Json};

/// The moment of every write, unless a test says otherwise.
pub const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

/// A store of its own with the models that come with the program.
pub struct Records {
    _directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    /// The store.
    pub store: Store,
    /// The catalogue as it stands.
    pub catalogue: Catalogue,
}

impl Default for Records {
    fn default() -> Self {
        Self::new()
    }
}

impl Records {
    /// A fresh one.
    pub fn new() -> Self {
        Self::with_models(&[])
    }

    /// A fresh one with an operator's model files.
    pub fn with_models(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let store = Store::open(&Options::new(directory.path().join("test.db"))).expect("a store");
        let mut records = Self { _directory: directory, runtime, store, catalogue: Catalogue::default() };
        records.install(files).expect("the models are installed");
        records
    }

    /// Installs the models again with an operator's files, as a start does.
    pub fn install(&mut self, files: &[(&str, &str)]) -> Result<(), Error> {
        let files: Vec<(String, String)> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        self.catalogue = self.run(move |tx| Catalogue::install_models(tx, &files))?;
        Ok(())
    }

    /// Registers a manifest.
    pub fn register(&mut self, owner: &str, manifest: Manifest) -> Result<(), Error> {
        let owner = owner.to_owned();
        self.catalogue = self.run(move |tx| Catalogue::register(tx, &owner, &manifest))?;
        Ok(())
    }

    /// Runs a closure in a write transaction.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.runtime.block_on(self.store.write(Durability::Relaxed, work))
    }

    /// Makes a backend; answers its id.
    pub fn backend(&self, name: &str) -> i64 {
        let row = backend_row(name, "acme");
        self.run(move |tx| Ok(backend::insert(tx, &row)?)).expect("a backend")
    }

    /// A kind.
    pub fn kind(&self, name: &str) -> std::sync::Arc<Kind> {
        self.catalogue.need_kind(name).expect("the kind").clone()
    }

    /// Makes a record as a person does.
    pub fn create(&self, model: &str, values: Json) -> Result<i64, Error> {
        self.create_as(model, values, Change::local("test", NOW))
    }

    /// Makes a record on somebody's behalf.
    pub fn create_as(&self, model: &str, values: Json, change: Change) -> Result<i64, Error> {
        let (catalogue, model) = (self.catalogue.clone(), self.catalogue.need_model(model)?.clone());
        let values = decode::values(&catalogue, &model, &values.to_string())?;
        self.run(move |tx| record::create(tx, &catalogue, &model, &values, &change))
    }

    /// Changes a record as a person does.
    pub fn write(&self, model: &str, id: i64, values: Json) -> Result<Written, Error> {
        let (catalogue, model) = (self.catalogue.clone(), self.catalogue.need_model(model)?.clone());
        let values = decode::values(&catalogue, &model, &values.to_string())?;
        let change = Change::local("test", NOW.plus_seconds(1));
        self.run(move |tx| record::write(tx, &catalogue, &model, id, &values, &change))
    }

    /// Removes a record as a person does.
    pub fn unlink(&self, model: &str, id: i64) -> Result<(), Error> {
        let (catalogue, model) = (self.catalogue.clone(), self.catalogue.need_model(model)?.clone());
        let change = Change::local("test", NOW.plus_seconds(2));
        self.run(move |tx| record::unlink(tx, &catalogue, &model, &[id], &change))
    }

    /// Finds records.
    pub fn search(&self, model: &str, domain: Json) -> Result<Vec<i64>, Error> {
        self.query(model, Query { domain, ..Query::default() })
    }

    /// Finds records by a whole query.
    pub fn query(&self, model: &str, query: Query) -> Result<Vec<i64>, Error> {
        let (catalogue, model) = (self.catalogue.clone(), self.catalogue.need_model(model)?.clone());
        self.run(move |tx| record::search(tx, &catalogue, &model, &query))
    }

    /// Reads fields of a record as JSON.
    pub fn read(&self, model: &str, id: i64, fields: &[&str]) -> Map<String, Json> {
        let (catalogue, model) = (self.catalogue.clone(), self.catalogue.need_model(model).expect("the model").clone());
        let fields: Vec<usize> = fields.iter().map(|name| model.field(name).expect("the field").index).collect();
        let row = self.run(move |tx| {
            let rows = record::read(tx, &catalogue, &model, &[id], &fields)?;
            Ok(rows.first().map(|row| encode::row(&model, row)))
        });
        row.expect("is read").expect("is there")
    }

    /// One field of a record as JSON.
    pub fn get(&self, model: &str, id: i64, field: &str) -> Json {
        self.read(model, id, &[field]).remove(field).expect("the field")
    }

    /// The changes since a place in the outbox.
    pub fn events(&self, after: i64) -> Vec<outbox::Event> {
        let catalogue = self.catalogue.clone();
        self.run(move |tx| outbox::after(tx, &catalogue, after, 10_000)).expect("the outbox")
    }

    /// Links a record and an external id.
    pub fn bind(
        &self,
        backend: i64,
        kind: &str,
        external_id: Option<&str>,
        record: Option<i64>,
        extra: Json,
    ) -> Result<Binding, Error> {
        let kind = self.kind(kind);
        let external_id = external_id.map(str::to_owned);
        let extra = decode::extra(&kind, &extra.to_string())?;
        self.run(move |tx| {
            let change = Change::from_backend(backend, NOW);
            binding::bind(tx, backend, &kind, external_id.as_deref(), record, Some(&extra), &change)
        })
    }
}

/// A backend as it is stored, of a plugin with the name of its type, with no setting.
pub fn backend_row(name: &str, backend_type: &str) -> backend::Row {
    backend::Row {
        id: 0,
        name: name.to_owned(),
        backend_type: backend_type.to_owned(),
        plugin: backend_type.to_owned(),
        enabled: true,
        epoch: 1,
        settings: "{}".to_owned(),
        business: "{}".to_owned(),
        connection_status: "unknown".to_owned(),
        connection_message: None,
        checked_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}
