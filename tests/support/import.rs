//! What tests of imports ask of a host again and again: a shop connected, a run's account, one binding, one job.

use std::collections::BTreeSet;

use bindery::{
    app,
    model::job::{Job, State},
    operation::sync::Standing,
    storage::Signal,
    sync::Account,
};
use bindery_shop::Shop;
use serde_json::{Value, json};

use crate::{Data, TestHost};

/// How long a job may take to come to a state before the test fails.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

impl TestHost {
    /// A host with the backend `shop` over a demo shop, which waits only for an instant where a call goes wrong.
    pub async fn over(shop: &Shop) -> Self {
        Self::over_with(shop, |_| {}).await
    }

    /// The same with options changed.
    pub async fn over_with(shop: &Shop, change: impl FnOnce(&mut app::Options)) -> Self {
        let host = Self::start(Data::new(), |options| {
            options.egress.back_off = std::time::Duration::from_millis(1);
            change(options);
        })
        .await;
        host.connect(shop).await;
        host.know_countries(shop).await;
        host
    }

    /// The countries of the shop's customers: what can't be looked up is mapped again at every sync.
    async fn know_countries(&self, shop: &Shop) {
        let customers = shop.items("customers");
        let addresses = customers.iter().filter_map(|customer| customer["addresses"].as_array()).flatten();
        let codes: BTreeSet<&str> = addresses.filter_map(|address| address["country"].as_str()).collect();
        for code in codes {
            if self.count("res.country", json!([["code", "=", code]])).await == 0 {
                let values = json!({ "code": code, "name": code });
                self.call("record.create", json!({ "model": "res.country", "values": values })).await;
            }
        }
    }

    /// Starts a sync of the backend `shop` and answers its job at once.
    pub async fn start_sync(&self, more: Value) -> i64 {
        let mut request = json!({ "backend": "shop" });
        if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
            request.extend(more);
        }
        let started = self.call("sync.start", request).await;
        started["jobs"][0]["id"].as_i64().expect("a job")
    }

    /// Imports a kind of the backend `shop` and answers its account.
    ///
    /// # Panics
    /// Where the job fails.
    pub async fn import(&self, kind: &str) -> Account {
        self.import_with(kind, json!({})).await
    }

    /// The same with more members of `sync.start`, as `force`.
    pub async fn import_with(&self, kind: &str, mut more: Value) -> Account {
        more["kind"] = kind.into();
        account(&self.sync("shop", more).await, kind)
    }

    /// One job with its attempts and its log.
    pub async fn job(&self, id: i64) -> Value {
        self.call("job.show", json!({ "id": id })).await
    }

    /// Waits until so many records of a kind of the backend `shop` are bound.
    ///
    /// # Panics
    /// Where they aren't within a minute.
    pub async fn bound_when(&self, kind: &str, count: usize) {
        let mut changes = self.store().listen(Signal::Outbox);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            changes.mark_unchanged();
            let found = self.bound(kind).await.len();
            if found == count {
                return;
            }
            let told = tokio::time::timeout_at(end, changes.changed()).await;
            assert!(told.is_ok(), "{found} of {kind} are bound, never {count}");
        }
    }

    /// Waits until a job stands as wanted.
    ///
    /// # Panics
    /// Where it doesn't within a minute.
    pub async fn job_when(&self, id: i64, what: &str, wanted: impl Fn(&Job) -> bool) -> Job {
        let mut changes = self.store().listen(Signal::Job);
        let mut ends = self.store().listen(Signal::JobEnded);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            changes.mark_unchanged();
            ends.mark_unchanged();
            let found = self.job(id).await;
            let job: Job = serde_json::from_value(found.clone()).expect("a job");
            if wanted(&job) {
                return job;
            }
            let changed = async {
                tokio::select! {
                    changed = changes.changed() => changed,
                    changed = ends.changed() => changed,
                }
            };
            let told = tokio::time::timeout_at(end, changed).await;
            assert!(told.is_ok(), "job {id} is never {what}: {found:#}");
        }
    }

    /// Waits until a job has failed: for good, or so that it waits for its next attempt.
    pub async fn failing(&self, id: i64) -> Job {
        self.job_when(id, "failing", |job| job.error.is_some() && job.state != State::Started).await
    }

    /// Lets a job that waits or failed run again at once, and waits for its end.
    pub async fn retry(&self, id: i64) -> Standing {
        self.call("job.retry", json!({ "ids": [id] })).await;
        self.wait(&[id]).await
    }

    /// The binding of an external id in the backend `shop`.
    ///
    /// # Panics
    /// Where there is none, or there are several.
    pub async fn binding(&self, kind: &str, external_id: &str) -> Value {
        let mut found = self.bindings("shop", kind, "").await;
        found.retain(|binding| binding["external_id"] == external_id);
        assert_eq!(found.len(), 1, "{kind} {external_id}: {found:#?}");
        found.remove(0)
    }

    /// External ids that are bound to a record of ours, sorted as numbers where they are such.
    pub async fn bound(&self, kind: &str) -> Vec<String> {
        let bound = self.bindings("shop", kind, "").await;
        let has_record = bound.iter().filter(|binding| !binding["record"].is_null());
        let mut ids: Vec<String> =
            has_record.filter_map(|binding| binding["external_id"].as_str().map(str::to_owned)).collect();
        ids.sort_by_key(|id| (id.parse::<u64>().unwrap_or(u64::MAX), id.clone()));
        ids
    }

    /// Our record of an external id, with fields.
    pub async fn record(&self, kind: &str, external_id: &str, fields: &[&str]) -> Value {
        let binding = self.binding(kind, external_id).await;
        let request = json!({ "model": kind, "ids": [binding["id"]], "fields": fields });
        self.call("record.read", request).await["rows"][0].clone()
    }

    /// Where the next sync of a kind starts.
    pub async fn cursor(&self, kind: &str) -> Option<String> {
        let found = self.call("cursor.show", json!({ "backend": "shop", "kind": kind })).await;
        found["cursors"][0]["value"].as_str().map(str::to_owned)
    }
}

/// The account of a kind in what a sync came to.
///
/// # Panics
/// Where no job of it tells one.
pub fn account(standing: &Standing, kind: &str) -> Account {
    let results = standing.jobs.iter().filter_map(|job| job.job.result.as_ref());
    let of_kind = |result: &Value| {
        let own = (result["kind"] == kind).then(|| result["account"].clone());
        own.or_else(|| {
            let kinds = result["kinds"].as_array()?;
            Some(kinds.iter().find(|one| one["kind"] == kind)?["account"].clone())
        })
    };
    let found = results.filter_map(of_kind).next_back();
    let found = found.unwrap_or_else(|| panic!("no job tells the account of {kind}: {:#?}", standing.jobs));
    serde_json::from_value(found).expect("an account")
}
