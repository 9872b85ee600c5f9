//! What becomes of a run beside its pages: its time is over, its cursor does not move, a record can't be read again.

use std::sync::atomic::{AtomicU64, Ordering};

use bindery::{
    model::job::{NewJob, State},
    queue,
    storage::Durability,
    sync::{
        account,
        task::{self, ImportKind},
    },
};
use bindery_tests::{
    Fault, Options, Shop, TestHost,
    fake_http::{FakeHttp, Reply},
    queue::waiting,
};
use serde_json::{Value, json};

use crate::{specification_adapter::specimen, sync_reload::of_the_second_format};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_time_is_over_goes_on_from_its_last_page_and_that_costs_no_attempt() {
    let shop = Shop::start(Options { products: 3, customers: 30, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "page_size": 10 } })).await;
    let first = shop.gate("GET /customers");
    let asked = ImportKind {
        backend: host.host().backends.by_name("shop").expect("it was added").id,
        kind: "demo.customer".to_owned(),
        ..ImportKind::default()
    };
    // One attempt is all it has: the first one commits a page, so that there is a second one.
    let budget = NewJob { timeout: Some(1), max_retries: 1, ..task::import_kind(&asked) };
    let job = NewJob { retry_pattern: Some(waiting(0)), ..budget };
    let now = host.clock().now();
    let enqueued = host.store().write(Durability::Durable, move |tx| queue::enqueue(tx, now, &job)).await;
    let id = enqueued.expect("it is enqueued").id;
    first.arrived().await;
    let second = shop.gate("GET /customers");
    first.release();
    // The second page does not come before the time is over; the gate holds no other request.
    second.arrived().await;
    let ended = host.job_when(id, "ended", |job| job.state.is_ended()).await;
    assert_eq!(ended.state, State::Done, "{:?}", ended.error);
    let attempts = host.call("job.show", json!({ "id": id })).await["attempts"].clone();
    let codes: Vec<&Value> = attempts.as_array().expect("attempts").iter().map(|attempt| &attempt["code"]).collect();
    assert_eq!(codes, [&json!("queue.deadline"), &Value::Null], "{attempts}");
    let counted: account::Account = serde_json::from_value(ended.result.expect("a result")["account"].clone()).unwrap();
    assert_eq!((counted.offered, counted.created, counted.pages), (30, 30, 3), "{counted:?}");
    assert_eq!(shop.count("GET /customers"), 4, "the first page was not asked for again");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_sync_waits_for_the_steps_of_another_one_that_do_its_work() {
    let shop = Shop::start(Options { products: 3, customers: 3, orders: 1, ..Options::default() });
    let host = TestHost::over(&shop).await;
    let held = shop.gate("GET /customers");
    let start = async || host.call("sync.start", json!({ "backend": "shop" })).await["jobs"][0]["id"].as_i64();
    let first = start().await.expect("a job");
    held.arrived().await;
    let second = start().await.expect("a job");
    assert_ne!(first, second);
    host.job_when(second, "done", |job| job.state == State::Done).await;
    let standing = host.call("sync.progress", json!({ "jobs": [second] })).await;
    assert_eq!(standing["finished"], false, "the steps that it joined go on: {standing}");
    held.release();
    host.wait(&[second]).await;
    assert_eq!(host.count("sale.order", json!([])).await, 1, "the last step is done");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_change_records_and_leave_the_cursor_where_it_is_are_told() {
    let asked = AtomicU64::new(0);
    let server = FakeHttp::start(move |_, _| {
        let name = format!("Lamp {}", asked.fetch_add(1, Ordering::Relaxed));
        let item = json!({ "id": 7, "name": name, "updated_at": "2026-11-24T09:00:00Z" });
        Reply::json(&json!({ "items": [item] }).to_string())
    })
    .await;
    let host = specimen(&server, "").await;
    let mut told = Vec::new();
    for _ in 0..4 {
        host.sync("one", json!({ "kind": "specimen.product" })).await;
        let status = host.call("status.show", json!({})).await;
        told.push(status["backends"][0]["kinds"][0]["stalled"] == true);
        assert_eq!(
            status["alarms"].to_string().contains("the cursor does not move"),
            *told.last().unwrap(),
            "{status}"
        );
    }
    assert_eq!(told, [false, false, false, true], "the first run moved it; three more did not");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_alone_is_mapped_again_from_the_payload_that_was_kept() {
    let shop = Shop::start(Options { products: 12, customers: 1, orders: 0, ..Options::default() });
    let host = of_the_second_format(&shop).await;
    shop.fault(
        "GET /categories",
        1,
        Fault::WrongType { item: 0, field: "name".to_owned(), value: json!({ "en": "Lamps" }) },
    );
    host.sync("shop", json!({ "kind": "format.category" })).await;
    let kept = host.bindings("shop", "format.category", "failed").await;
    let (id, why) = (kept[0]["external_id"].as_str().expect("it has an id"), &kept[0]["last_error"]);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let asked = shop.requests().len();
    let again = host.try_sync("shop", json!({ "kind": "format.category", "id": id })).await;
    let job = serde_json::to_value(&again.jobs).expect("jobs are JSON");
    assert_eq!(shop.requests().len(), asked, "nothing was asked of the shop");
    assert!(job.to_string().contains("name"), "refused for what the payload says: {job}");
    assert!(!job.to_string().contains("sync.not_readable"), "{job}");
    assert_eq!(host.bindings("shop", "format.category", "failed").await[0]["last_error"], *why);
    let unknown = host.try_sync("shop", json!({ "kind": "format.category", "id": "12345" })).await;
    let job = serde_json::to_value(&unknown.jobs).expect("jobs are JSON");
    assert!(job.to_string().contains("sync.not_readable"), "nothing was kept of it: {job}");
    host.stop().await;
}
