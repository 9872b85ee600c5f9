//! Many records in one request: what a bad one, a conflict, an answer that is lost, or a connector that can't do it makes of
//! the others.

use bindery_tests::{Fault, Options, Point, Shop, TestHost};
use serde_json::{Value, json};

const BATCH: &str = "POST /products/batch";
const CHANGES: &str = "PUT /products/batch";

fn small() -> Options {
    Options { products: 6, customers: 3, orders: 0, ..Options::default() }
}

/// A host in step that exports products only when it is asked to.
async fn asked_only(shop: &Shop) -> TestHost {
    let host = TestHost::in_step(shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    host
}

async fn lamps(host: &TestHost, count: usize) -> Vec<i64> {
    let mut records = Vec::with_capacity(count);
    for number in 0..count {
        let values = json!({ "name": format!("Lamp {number}"), "default_code": format!("LAMP-{number}") });
        records.push(host.make("product.template", values).await);
    }
    records
}

/// The bindings of all products.
async fn bindings(host: &TestHost) -> Vec<i64> {
    let all = host.bindings("shop", "demo.product", "").await;
    all.iter().map(|binding| binding["id"].as_i64().expect("an id")).collect()
}

/// Exports records and answers the result of the job.
async fn export(host: &TestHost, records: &[i64]) -> Value {
    let request = json!({ "backend": "shop", "kind": "demo.product", "ids": records });
    let job = host.call("export.start", request).await["jobs"][0]["id"].as_i64().expect("a job");
    host.wait(&[job]).await;
    host.job(job).await["result"].clone()
}

fn lamps_there(shop: &Shop) -> Vec<Value> {
    let is_lamp = |item: &Value| item["title"].as_str().is_some_and(|title| title.starts_with("Lamp"));
    shop.items("products").into_iter().filter(is_lamp).collect()
}

async fn is_bound(host: &TestHost, shop: &Shop, record: i64) {
    let binding = host.binding_of("shop", "demo.product", record).await.expect("it is bound");
    assert_eq!(binding["sync_status"], "success", "{binding}");
    let id = binding["external_id"].as_str().expect("an id").parse().expect("a number");
    let ours = host.call("record.read", json!({ "model": "product.template", "ids": [record] })).await;
    assert_eq!(shop.item("products", id)["title"], ours["rows"][0]["name"], "{binding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_records_and_changes_go_out_in_one_request_each_and_do_not_come_back() {
    let shop = Shop::start(small());
    let host = asked_only(&shop).await;
    let mut records = lamps(&host, 5).await;
    for id in ["1", "2", "3"] {
        host.edit("demo.product", id, json!({ "name": format!("Changed {id}") })).await;
        records.push(host.binding("demo.product", id).await["record"].as_i64().expect("ours"));
    }
    let result = export(&host, &records).await;
    assert_eq!(result["counts"], json!({ "exported": 8, "created": 5, "skipped": 0, "errors": 0 }), "{result}");
    assert_eq!((shop.count(BATCH), shop.count(CHANGES), shop.count("POST /products")), (1, 1, 0));
    for record in &records {
        is_bound(&host, &shop, *record).await;
    }
    let again = export(&host, &records).await;
    assert_eq!(again["counts"]["skipped"], 8, "nothing differs from what was sent last: {again}");
    let account = host.import("demo.product").await;
    assert_eq!((account.created, account.updated), (0, 0), "{account:?}");
    host.exported().await;
    assert_eq!((shop.count(BATCH), shop.count(CHANGES)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_changes_is_gathered() {
    let shop = Shop::start(Options { products: 60, ..small() });
    let host = TestHost::in_step(&shop).await;
    let ids = bindings(&host).await;
    host.write_all("demo.product", ids, json!({ "description": "Sale" })).await;
    host.exported().await;
    let sent = shop.items("products").iter().filter(|item| item["description"] == "Sale").count();
    assert_eq!((sent, shop.count(CHANGES)), (60, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_costs_that_record_only() {
    let shop = Shop::start(small());
    let host = asked_only(&shop).await;
    let mut records = lamps(&host, 4).await;
    let bad = records[2];
    shop.fault_after("POST /products", 2, 1, Fault::Status { status: 422, retry_after: None, headers: Vec::new() });
    let result = export(&host, &records).await;
    assert_eq!(result["counts"], json!({ "exported": 3, "created": 3, "skipped": 0, "errors": 1 }), "{result}");
    assert_eq!(result["problems"][0][0], bad, "{result}");
    let binding = host.binding_of("shop", "demo.product", bad).await.expect("it says why");
    assert_eq!((&binding["sync_status"], &binding["external_id"]), (&json!("failed"), &Value::Null), "{binding}");
    records.retain(|record| *record != bad);
    for record in &records {
        is_bound(&host, &shop, *record).await;
    }
    let result = export(&host, &[bad]).await;
    assert_eq!(result["counts"]["created"], 1, "nothing was left behind: {result}");
    assert_eq!(lamps_there(&shop).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_each_unknown_and_each_is_settled_by_its_own_key() {
    let shop = Shop::start(small());
    let host = asked_only(&shop).await;
    let records = lamps(&host, 4).await;
    shop.fault(BATCH, 1, Fault::Cut { after: 20 });
    export(&host, &records).await;
    host.exported().await;
    export(&host, &records).await;
    assert_eq!(lamps_there(&shop).len(), 4);
    for record in &records {
        is_bound(&host, &shop, *record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_as_a_whole_is_made_one_by_one() {
    let shop = Shop::start(small());
    let host = asked_only(&shop).await;
    let records = lamps(&host, 3).await;
    shop.fault_always(BATCH, Fault::Status { status: 405, retry_after: None, headers: Vec::new() });
    let result = export(&host, &records).await;
    assert_eq!(result["counts"]["created"], 3, "{result}");
    assert_eq!(shop.count("POST /products"), 3);
    host.set_policy("shop", "demo.product", json!({ "export": "none", "batch_size": 1 })).await;
    shop.clear_requests();
    let more = host.make("product.template", json!({ "name": "Lamp 8", "default_code": "LAMP-8" })).await;
    let last = host.make("product.template", json!({ "name": "Lamp 9", "default_code": "LAMP-9" })).await;
    export(&host, &[more, last]).await;
    assert_eq!((shop.count(BATCH), shop.count("POST /products")), (0, 2), "the operator wants them one by one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_on_both_sides_is_brought_together_and_the_rest_goes_out() {
    let shop = Shop::start(small());
    let host = asked_only(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "bound", "conflict": "ask" })).await;
    let ids = bindings(&host).await;
    shop.edit("products", 2, json!({ "title": "Theirs" }));
    host.write_all("demo.product", ids, json!({ "name": "Ours" })).await;
    host.exported().await;
    let titles: Vec<Value> = shop.items("products").iter().map(|item| item["title"].clone()).collect();
    assert_eq!(titles.iter().filter(|title| **title == "Ours").count(), 5, "{titles:?}");
    assert_eq!(shop.count("GET /products"), 1, "what is changed is looked at together");
    let conflicts = host.call("conflict.list", json!({})).await;
    assert_eq!(conflicts["conflicts"].as_array().map(Vec::len), Some(1), "{conflicts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_a_batch_is_sent_is_sent_after_it() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    let ids = bindings(&host).await;
    let gate = shop.gate_at(CHANGES, Point::After);
    host.write_all("demo.product", ids, json!({ "name": "First" })).await;
    gate.arrived().await;
    host.edit("demo.product", "3", json!({ "name": "Second" })).await;
    gate.release();
    host.exported().await;
    assert_eq!(shop.item("products", 3)["title"], "Second");
    let first = shop.items("products").iter().filter(|item| item["title"] == "First").count();
    assert_eq!(first, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_have_their_part_in_each_record_of_a_batch() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.install("extend").await;
    let all = host.bindings("shop", "demo.customer", "").await;
    let ids: Vec<i64> = all.iter().map(|binding| binding["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), 3);
    host.write_all("demo.customer", ids, json!({ "phone": "12", "ref": "C" })).await;
    host.exported().await;
    assert_eq!((shop.count("PUT /customers/batch"), shop.count("PUT /customers/1")), (1, 0));
    for item in shop.items("customers") {
        assert_eq!((&item["phone"], &item["ref"]), (&json!("extended 12"), &json!("C")), "{item}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_in_an_outage_is_gathered_again_by_the_sweep() {
    let shop = Shop::start(small());
    let start = bindery::base::Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").expect("a time");
    let host = TestHost::start(bindery_tests::Data::new(), |options| {
        options.clock = bindery::base::Clock::manual(start);
        options.upkeep_interval = std::time::Duration::from_millis(5);
    })
    .await;
    host.connect(&shop).await;
    for kind in ["demo.category", "demo.tax", "demo.product"] {
        host.import(kind).await;
    }
    for id in 1..=6 {
        shop.fault_always(&format!("PUT /products/{id}"), Fault::status(422));
    }
    let ids = bindings(&host).await;
    host.write_all("demo.product", ids, json!({ "name": "Ours" })).await;
    host.exported().await;
    assert_eq!(host.bindings("shop", "demo.product", "failed").await.len(), 6);
    shop.clear_faults();
    shop.clear_requests();
    host.clock().advance_seconds(24 * 3_600);
    host.bound_when("demo.product", 6).await;
    while host.bindings("shop", "demo.product", "success").await.len() < 6 {
        tokio::task::yield_now().await;
    }
    assert!(shop.items("products").iter().all(|item| item["title"] == "Ours"));
    assert_eq!((shop.count(CHANGES), shop.count("PUT /products/1")), (1, 0), "{:#?}", shop.requests());
    let single = host.call("job.list", json!({ "kind": "export.record" })).await;
    assert_eq!(single["jobs"], json!([]));
}
