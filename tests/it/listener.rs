//! Listeners: what happens to our records is told to connectors once it was committed, whatever stops the host.

use bindery::{
    model::job::State,
    record::{Change, named, outbox},
    storage::{self, Durability, Signal, Store, kv},
};
use bindery_tests::{
    Data, Options, Shop, TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::{Value, json};

use crate::specification_adapter::specimen;

/// How long something may take to be told before the test fails.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

async fn host(show: &str) -> TestHost {
    let server = FakeHttp::start(|_, _| Reply::json("{}")).await;
    specimen(&server, show).await
}

async fn backend(host: &TestHost) -> i64 {
    host.call("backend.show", json!({ "name": "one" })).await["id"].as_i64().expect("an id")
}

/// Waits until everything that happened was read for listeners and the jobs that tell them have ended, or wait for
/// another attempt; answers what was heard, and by which fields.
async fn heard(host: &TestHost) -> Vec<(String, Value)> {
    let mut ended = host.store().listen(Signal::JobEnded);
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        ended.mark_unchanged();
        let is_read = host.store().read(|tx| {
            let newest = outbox::last(tx).map_err(|_| storage::Error::Panicked)?;
            let at = outbox::position(tx, "listener").map_err(|_| storage::Error::Panicked)?;
            Ok::<_, storage::Error>(at == Some(newest))
        });
        let is_read = is_read.await.expect("it can be read");
        let jobs = jobs(host).await;
        // Read after the jobs: one that was enqueued meanwhile may run now, and is no later attempt.
        let now = host.clock().now();
        let goes_on = jobs.iter().any(|job| {
            let eta = bindery::base::Timestamp::parse_rfc3339(job["eta"].as_str().unwrap_or_default());
            job["state"] == "started" || (job["state"] == "pending" && eta.is_none_or(|eta| eta <= now))
        });
        if is_read && !goes_on {
            break;
        }
        assert!(tokio::time::Instant::now() < end, "not all is told: {jobs:#?}");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), ended.changed()).await;
    }
    let backend = backend(host).await;
    let all = host.store().read(move |tx| {
        let keys = kv::keys(tx, backend)?;
        let heard = keys.into_iter().filter_map(|key| Some((key.strip_prefix("heard ")?.to_owned(), key)));
        heard
            .map(|(what, key)| {
                let (text, _) = kv::get(tx, backend, &key)?.unwrap_or_default();
                let what = what.rsplit_once(' ').map(|(what, _)| what.to_owned()).unwrap_or_default();
                Ok((what, serde_json::from_str(&text).unwrap_or_default()))
            })
            .collect::<Result<Vec<_>, storage::Error>>()
    });
    all.await.expect("the values can be read")
}

async fn jobs(host: &TestHost) -> Vec<Value> {
    host.call("job.list", json!({ "kind": "listen" })).await["jobs"].as_array().cloned().expect("jobs")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_record_is_told_once_and_only_what_is_wanted() {
    let host = host("").await;
    let id = host.make("product.template", json!({ "name": "Lamp", "list_price": "1.00" })).await;
    let write = |values: Value| json!({ "model": "product.template", "id": id, "values": values });
    host.call("record.write", write(json!({ "list_price": "2.00", "name": "Light" }))).await;
    host.call("record.write", write(json!({ "name": "A field that it does not want" }))).await;
    host.make("product.category", json!({ "name": "For the other backend type" })).await;
    host.call("record.unlink", json!({ "model": "product.template", "ids": [id] })).await;
    let mut told = heard(&host).await;
    told.iter_mut().filter_map(|(_, changed)| changed.as_array_mut()).for_each(|changed| {
        changed.sort_by_key(ToString::to_string);
    });
    let changed = json!(["list_price", "name"]);
    let wanted =
        [(format!("create {id}"), json!([])), (format!("unlink {id}"), json!([])), (format!("write {id}"), changed)];
    assert_eq!(told, wanted);
    let jobs = jobs(&host).await;
    assert_eq!(jobs.len(), 3, "one job for each, and none for what nobody hears");
    // What the connector logged meanwhile is kept with the job.
    let shown = host.job(jobs[0]["id"].as_i64().expect("an id")).await;
    assert_eq!(shown["log"][0]["text"], format!("heard unlink of product.template {id}"), "{shown:#}");
    assert_eq!((&shown["log"][0]["level"], &shown["log"][0]["attempt"]), (&json!("info"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_and_code_of_the_listener_leave_records_out() {
    let host = host("deaf").await;
    host.make("product.template", json!({ "name": "Skipped by its code" })).await;
    host.make("res.partner", json!({ "name": "A person", "is_company": false })).await;
    let company = host.make("res.partner", json!({ "name": "A company", "is_company": true })).await;
    assert_eq!(heard(&host).await, [(format!("company {company}"), json!([]))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_own_backend_changed_is_told_only_to_those_who_ask_for_it() {
    let host = host("").await;
    let (backend, now) = (backend(&host).await, host.clock().now());
    let catalogue = host.host().catalogue.get();
    let made = host.store().write(Durability::Durable, move |tx| {
        let change = Change::from_backend(backend, now);
        let make = |tx: &mut dyn storage::Tx, model: &str, values: Value| {
            named::create(tx, &catalogue, model, &values.to_string(), &change).map_err(|_| storage::Error::Panicked)
        };
        make(tx, "product.template", json!({ "name": "Theirs" }))?;
        make(tx, "res.partner", json!({ "name": "Theirs", "is_company": true }))
    });
    made.await.expect("both are made");
    let told = heard(&host).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.starts_with("company "), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_fails_is_tried_again_and_holds_nobody_up() {
    let host = host("hoarse").await;
    host.make("res.partner", json!({ "name": "A company", "is_company": true })).await;
    let product = host.make("product.template", json!({ "name": "Lamp" })).await;
    assert_eq!(heard(&host).await, [(format!("create {product}"), json!([]))]);
    let failed: Vec<Value> = jobs(&host).await.into_iter().filter(|job| job["state"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["error"]["message"].as_str().unwrap_or_default().contains("lost its voice"), "{failed:#?}");
    host.call("backend.set", json!({ "name": "one", "settings": { "show": "" } })).await;
    let id = failed[0]["id"].as_i64().expect("an id");
    host.call("job.retry", json!({ "ids": [id] })).await;
    host.job_when(id, "done", |job| job.state == State::Done).await;
    assert_eq!(heard(&host).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_no_host_runs_is_told_by_the_next_one() {
    let host = host("").await;
    heard(&host).await;
    let options = TestHost::options(&host.data);
    let data = host.stop().await;
    let made = data.run(["record", "create", "res.partner", "--json", "name=Offline", "is_company=true"]).ok();
    let id = made.json()["ids"][0].as_i64().expect("an id");
    let host = TestHost::start(data, |fresh| *fresh = options).await;
    assert_eq!(heard(&host).await, [(format!("company {id}"), json!([]))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_backend_is_told_once_it_is_enabled() {
    let host = host("").await;
    host.call("backend.disable", json!({ "name": "one" })).await;
    let id = host.make("product.template", json!({ "name": "Lamp" })).await;
    heard_nothing_but_parked(&host).await;
    host.call("backend.enable", json!({ "name": "one" })).await;
    let job = jobs(&host).await[0]["id"].as_i64().expect("an id");
    host.job_when(job, "done", |job| job.state == State::Done).await;
    assert_eq!(heard(&host).await, [(format!("create {id}"), json!([]))]);
}

async fn heard_nothing_but_parked(host: &TestHost) {
    let mut jobs_changed = host.store().listen(Signal::Job);
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        jobs_changed.mark_unchanged();
        let jobs = jobs(host).await;
        if jobs.len() == 1 && !jobs[0]["parked"].is_null() {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "{jobs:#?}");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), jobs_changed.changed()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_too_far_behind_is_cut_off_and_what_differs_is_exported_all_the_same() {
    let shop = Shop::start(Options { products: 2, customers: 2, orders: 0, ..Options::default() });
    let host = TestHost::in_step(&shop).await;
    let binding = host.binding("demo.customer", "1").await;
    let options = TestHost::options(&host.data);
    let data: Data = host.stop().await;
    let id = binding["record"].to_string();
    data.run(["record", "write", "res.partner", &id, "name=Changed while nobody read"]).ok();
    let store = Store::open(&storage::Options::new(data.path().join("bindery.db"))).expect("it opens");
    let now = bindery::base::Clock::system().now();
    let cut = store.write(Durability::Durable, move |tx| outbox::cut_off(tx, 0, now)).await.expect("it is cut off");
    assert!(cut > 0, "somebody was behind");
    let consumers = store.read(|tx| outbox::consumers(tx)).await.expect("they can be read");
    let export = consumers.iter().find(|consumer| consumer.name == "export").expect("it is one");
    assert!(export.missed > Some(0) && export.behind == 0, "{export:?}");
    store.close().await;
    let status = data.run(["status"]).ok().out;
    assert!(status.contains("export was cut off from the log of changes"), "{status}");
    let host = TestHost::start(data, |fresh| *fresh = options).await;
    let mut ended = host.store().listen(Signal::JobEnded);
    let end = tokio::time::Instant::now() + PATIENCE;
    while shop.bodies("PUT /customers/1").is_empty() {
        assert!(tokio::time::Instant::now() < end, "it never arrives");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(50), ended.changed()).await;
        ended.mark_unchanged();
    }
    let sent = shop.bodies("PUT /customers/1");
    assert!(sent.len() == 1 && sent[0]["name"] == "Changed while nobody read", "{sent:#?}");
    let consumers = host.store().read(|tx| outbox::consumers(tx)).await.expect("they can be read");
    assert!(consumers.iter().all(|consumer| consumer.missed.is_none()), "{consumers:?}");
}
