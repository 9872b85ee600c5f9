//! The specification's binding over the real host: where its status comes from, and what it always has.

use bindery_tests::{
    Options, Shop, TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::json;

use crate::specification_adapter::specimen;

#[tokio::test(flavor = "multi_thread")]
async fn while_a_job_holds_one_record_its_binding_is_in_progress_and_then_a_success() {
    let shop = Shop::start(Options { products: 8, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    host.sync("shop", json!({ "only": "products" })).await;
    let status = async || {
        let bindings = host.bindings("shop", "demo.product", "").await;
        let binding = bindings.iter().find(|binding| binding["external_id"] == "7").unwrap();
        binding["sync_status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "success");
    shop.edit("products", 7, json!({ "title": "A better lamp" }));
    let gate = std::sync::Arc::new(shop.gate("GET /products/7"));
    let started = host.call("sync.start", json!({ "backend": "shop", "kind": "demo.product", "id": "7" })).await;
    let arrived = gate.clone();
    tokio::task::spawn_blocking(move || arrived.wait_arrived()).await.unwrap();
    assert_eq!(status().await, "in_progress");
    gate.release();
    host.wait(&[started["jobs"][0]["id"].as_i64().unwrap()]).await;
    assert_eq!(status().await, "success");
    assert_eq!(host.count("product.template", json!([["name", "=", "A better lamp"]])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bad_fails_what_is_skipped_is_skipped_and_the_others_arrive() {
    let page = |test: bool| {
        let items = json!([
            { "id": 1, "name": "Lamp", "sku": "L" },
            { "id": 2, "sku": "nameless" },
            { "id": 3, "name": "Try me", "sku": "T", "test": test },
            { "id": 0, "name": "Zero", "sku": "Z" },
        ]);
        json!({ "items": items }).to_string()
    };
    let server = FakeHttp::start(move |number, _| Reply::json(&page(number > 0))).await;
    let host = specimen(&server, "").await;
    // What was not skipped before, so that there is a binding to tell of it.
    host.try_sync("one", json!({ "kind": "specimen.product" })).await;
    host.try_sync("one", json!({ "kind": "specimen.product" })).await;
    let with = async |status: &str| {
        let found = host.bindings("one", "specimen.product", status).await;
        found.iter().map(|binding| binding["external_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(with("success").await, ["1", "0"]);
    assert_eq!(with("failed").await, ["2"]);
    assert_eq!(with("skipped").await, ["3"]);
    let failed = &host.bindings("one", "specimen.product", "failed").await[0];
    assert!(failed["retry_count"].as_i64().is_some_and(|count| count > 0), "{failed}");
    assert!(failed["last_error"].as_str().is_some_and(|error| error.contains("name")), "{failed}");
    // Every binding of what arrived has its record, and the record's own fields are read through the kind.
    for binding in host.bindings("one", "specimen.product", "success").await {
        assert!(binding["record"].is_i64() && binding["sync_date"].is_string(), "{binding}");
    }
    let rows = host.rows("specimen.product", json!([["external_id", "=", "1"]]), &["name", "external_sku"]).await;
    assert_eq!((&rows[0]["name"], &rows[0]["external_sku"]), (&json!("Lamp"), &json!("L")));
}
