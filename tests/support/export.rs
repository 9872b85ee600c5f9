//! What tests of exports ask of a host again and again: that everything it was told has arrived, and what was sent.

use std::time::Duration;

use bindery::{
    model::job::{Filter, State},
    queue::control,
    record::{Change, named, outbox},
    storage::{Durability, Error, Signal},
};
use bindery_shop::Shop;
use serde_json::{Value, json};

use crate::TestHost;

/// How long everything may take to arrive before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked where nothing is told: a change that concerns no backend makes no job.
const LOOK: Duration = Duration::from_millis(20);

impl TestHost {
    /// A host over a shop whose customers, categories, taxes and products are here.
    pub async fn in_step(shop: &Shop) -> Self {
        let host = Self::over(shop).await;
        for kind in ["demo.customer", "demo.category", "demo.tax", "demo.product"] {
            host.import(kind).await;
        }
        host.exported().await;
        shop.clear_requests();
        host
    }

    /// A host over several shops (`shop0`, `shop1`, …) that exports all records of a kind to each; what the first one has
    /// is in all of them.
    pub async fn hub(shops: &[&Shop], kind: &str) -> Self {
        let host = Self::new().await;
        host.install("demo").await;
        for (at, shop) in shops.iter().enumerate() {
            let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
            let name = format!("shop{at}");
            let backend = json!({ "name": name, "backend_type": "demo", "settings": settings, "secrets": secrets });
            host.call("backend.add", backend).await;
            host.set_policy(&name, kind, json!({ "export": "all" })).await;
        }
        host.sync("shop0", json!({ "kind": kind })).await;
        host.exported().await;
        host
    }

    /// Adds the backend `other` of the connector for tests of exports, over a shop.
    pub async fn connect_exporter(&self, shop: &Shop) {
        self.install("exporter").await;
        let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
        let backend = json!({ "name": "other", "backend_type": "exporter", "settings": settings, "secrets": secrets });
        self.call("backend.add", backend).await;
    }

    /// Sets what a backend does with records of a kind.
    pub async fn set_policy(&self, backend: &str, kind: &str, settings: Value) {
        self.call("backend.set", json!({ "name": backend, "kind": kind, "settings": settings })).await;
    }

    /// Makes a record, as an application does.
    pub async fn make(&self, model: &str, values: Value) -> i64 {
        let made = self.call("record.create", json!({ "model": model, "values": values })).await;
        made["ids"][0].as_i64().unwrap_or_else(|| panic!("an id: {made}"))
    }

    /// Writes the same values to several records of a model or kind at once, as an application does that changes many.
    ///
    /// # Panics
    /// Where a value is refused.
    pub async fn write_all(&self, model: &str, ids: Vec<i64>, values: Value) {
        let (catalogue, model, now) = (self.host().catalogue.get(), model.to_owned(), self.clock().now());
        let written = self.store().write(Durability::Durable, move |tx| {
            for id in &ids {
                let change = Change::local("test", now);
                named::write(tx, &catalogue, &model, *id, &values.to_string(), &change).map_err(|_| Error::Panicked)?;
            }
            Ok::<_, Error>(())
        });
        written.await.expect("the values are taken");
    }

    /// The binding of a record of ours.
    pub async fn binding_of(&self, backend: &str, kind: &str, record: i64) -> Option<Value> {
        let found = self.bindings(backend, kind, "").await;
        found.into_iter().find(|binding| binding["record"] == record)
    }

    /// Waits until all changes have been read and none of their exports goes on by itself.
    ///
    /// # Panics
    /// Where that takes more than a minute.
    pub async fn exported(&self) {
        let mut ended = self.store().listen(Signal::JobEnded);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            ended.mark_unchanged();
            let open = self.open_exports().await;
            match open {
                Some(0) => return,
                open => assert!(tokio::time::Instant::now() < end, "{open:?} exports don't end"),
            }
            // Either wakes it; nothing is to be done about which.
            let _ = tokio::time::timeout(LOOK, ended.changed()).await;
        }
    }

    /// Exports that run, or wait for their turn now; nothing where changes are still to be read.
    async fn open_exports(&self) -> Option<usize> {
        let read = self.store().read(move |tx| {
            let newest = outbox::last(tx).map_err(|_| Error::Panicked)?;
            if outbox::position(tx, "export").map_err(|_| Error::Panicked)?.unwrap_or_default() < newest {
                return Ok(None);
            }
            let states = vec![State::Pending, State::Started, State::WaitDependencies];
            let filter = Filter { states, limit: Some(100_000), ..Filter::default() };
            control::list(tx, &filter).map(Some).map_err(|_| Error::Panicked)
        });
        let jobs = read.await.expect("the queue can be read")?;
        // Told after they were read: one that was enqueued meanwhile is to run now, and waits for no later attempt.
        let now = self.clock().now();
        let goes_on = jobs.iter().filter(|job| job.parked.is_none() && (job.state == State::Started || job.eta <= now));
        Some(goes_on.filter(|job| job.kind.contains("export")).count())
    }

    /// The newest job that exports a record of a kind, once there is one.
    ///
    /// # Panics
    /// Where there is none within a minute.
    pub async fn exporting(&self, kind: &str) -> i64 {
        let mut jobs = self.store().listen(Signal::Job);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            jobs.mark_unchanged();
            let found = self.call("job.list", json!({ "kind": "export.record" })).await;
            let of_kind = |job: &&Value| job["payload"]["kind"] == kind;
            if let Some(id) = found["jobs"].as_array().and_then(|jobs| jobs.iter().find(of_kind)?["id"].as_i64()) {
                return id;
            }
            assert!(tokio::time::timeout_at(end, jobs.changed()).await.is_ok(), "nothing of {kind} is exported");
        }
    }

    /// Lets exports that wait for their next attempt run at once, and waits until all have ended.
    pub async fn retry_exports(&self) {
        let mut ids: Vec<Value> = Vec::new();
        for kind in ["export.record", "export.due"] {
            let waiting = self.call("job.list", json!({ "state": "pending", "kind": kind })).await;
            ids.extend(waiting["jobs"].as_array().expect("jobs").iter().map(|job| job["id"].clone()));
        }
        if !ids.is_empty() {
            self.call("job.retry", json!({ "ids": ids })).await;
        }
        self.exported().await;
    }

    /// Changes the record of an external id of the backend `shop`, as an application does.
    pub async fn edit(&self, kind: &str, external_id: &str, values: Value) {
        let binding = self.binding(kind, external_id).await;
        let request = json!({ "model": kind, "id": binding["id"], "values": values });
        self.call("record.write", request).await;
    }
}
