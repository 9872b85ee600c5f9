//! What a connector asks to write while it maps a page: committed with the page or not at all, and never for a look.

use bindery_tests::{
    TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::json;

use crate::specification_adapter::specimen;

/// A remote with one product on a shelf; the connector makes a category of the shelf while it maps.
async fn on_a_shelf() -> (TestHost, FakeHttp) {
    let page = json!({ "items": [{ "id": 7, "name": "Lamp", "shelf": "Lights", "price": 1 }] }).to_string();
    let server = FakeHttp::start(move |_, _| Reply::json(&page)).await;
    let host = specimen(&server, "").await;
    host.call("backend.set", json!({ "name": "one", "settings": { "models": ["product.category"] } })).await;
    (host, server)
}

async fn shelves(host: &TestHost) -> Vec<serde_json::Value> {
    host.rows("product.category", json!([["name", "=", "Lights"]]), &["name"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_while_a_page_is_mapped_is_there_with_the_page_and_named_by_it() {
    let (host, _server) = on_a_shelf().await;
    host.try_sync("one", json!({ "kind": "specimen.product", "plan": true })).await;
    assert!(shelves(&host).await.is_empty(), "a plan writes nothing");
    host.sync("one", json!({ "kind": "specimen.product" })).await;
    let made = shelves(&host).await;
    assert_eq!(made.len(), 1);
    let product = host.rows("product.template", json!([]), &["categ_id"]).await;
    assert_eq!(product[0]["categ_id"], made[0]["id"], "the temporary id has become the record's");
    host.sync("one", json!({ "kind": "specimen.product" })).await;
    assert_eq!(shelves(&host).await.len(), 1, "what is unchanged is not mapped again");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_keeps_the_record_back_and_makes_nothing() {
    let (host, _server) = on_a_shelf().await;
    host.call("backend.set", json!({ "name": "one", "settings": { "models": [] } })).await;
    let standing = host.try_sync("one", json!({ "kind": "specimen.product" })).await;
    let told = serde_json::to_value(&standing.jobs).expect("jobs are JSON").to_string();
    assert!(told.contains("product.category"), "the model is named: {told}");
    assert!(shelves(&host).await.is_empty());
    assert_eq!(host.count("product.template", json!([])).await, 0);
    host.stop().await;
}
