//! Creates of which nobody knows whether they were made wait on the review list, until a person says what became of them.

use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

const KIND: &str = "exporter.category";

/// A category that was sent once and never answered: the connector knows neither keys nor a search.
async fn unknown() -> (TestHost, Shop, i64, Value) {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    let host = TestHost::new().await;
    host.connect_exporter(&shop).await;
    host.set_policy("other", KIND, json!({ "export": "all" })).await;
    shop.fault("POST /categories", 1, Fault::Cut { after: 3 });
    let record = host.make("product.category", json!({ "name": "Unknown" })).await;
    let job = host.exporting(KIND).await;
    host.failing(job).await;
    host.retry_exports().await;
    let mut items = items(&host).await;
    assert_eq!(items.len(), 1, "{items:?}");
    (host, shop, record, items.remove(0))
}

async fn items(host: &TestHost) -> Vec<Value> {
    host.call("review.list", json!({})).await["items"].as_array().expect("items").clone()
}

fn there(shop: &Shop) -> Vec<Value> {
    shop.items("categories").into_iter().filter(|item| item["name"] == "Unknown").collect()
}

async fn resolve(host: &TestHost, item: &Value, decision: Value) {
    let mut request = decision;
    request["id"] = item["id"].clone();
    host.call("review.resolve", request).await;
    host.exported().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_fate_is_unknown_is_listed_with_what_was_sent_and_what_can_be_decided() {
    let (host, _shop, record, item) = unknown().await;
    assert_eq!((&item["cause"], &item["record"]), (&json!("unknown_create"), &json!(record)), "{item}");
    assert_eq!(item["decisions"], json!(["bind_theirs", "send", "skip"]));
    assert_eq!(item["external_id"], Value::Null);
    let shown = host.call("review.show", json!({ "id": item["id"] })).await;
    assert_eq!(shown["detail"]["name"], "Unknown", "{shown}");
    let status = host.call("status.show", json!({})).await.to_string();
    assert!(status.contains("bindery review list --backend other"), "{status}");
    let wrong = host.fails("review.resolve", json!({ "id": item["id"], "decision": "bind", "record": record })).await;
    assert!(wrong.message.contains("bind_theirs, send, skip"), "{}", wrong.message);
    assert_eq!(items(&host).await.len(), 1, "what is refused changes nothing");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_bound_to_what_the_person_has_found_there() {
    let (host, shop, record, item) = unknown().await;
    let id = there(&shop)[0]["id"].to_string();
    let elsewhere = host.make("product.category", json!({ "name": "Elsewhere" })).await;
    host.exported().await;
    let taken = host.binding_of("other", KIND, elsewhere).await.expect("bound")["external_id"].clone();
    let wrong = json!({ "id": item["id"], "decision": "bind_theirs", "external_id": taken });
    host.fails("review.resolve", wrong).await;
    resolve(&host, &item, json!({ "decision": "bind_theirs", "external_id": id })).await;
    let binding = host.binding_of("other", KIND, record).await.expect("bound");
    assert_eq!((&binding["external_id"], &binding["sync_status"]), (&json!(id), &json!("success")), "{binding}");
    assert_eq!((there(&shop).len(), items(&host).await.len()), (1, 0));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_sent_again_once_the_person_has_looked() {
    let (host, shop, record, item) = unknown().await;
    // It never came to be there, says the person.
    let id = there(&shop)[0]["id"].as_u64().expect("a number");
    assert!(shop.delete("categories", id));
    resolve(&host, &item, json!({ "decision": "send" })).await;
    let found = there(&shop);
    assert_eq!((found.len(), shop.count("POST /categories")), (1, 2));
    let binding = host.binding_of("other", KIND, record).await.expect("bound");
    assert_eq!(binding["external_id"], found[0]["id"].to_string());
    assert_eq!(items(&host).await, [] as [Value; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_there_is_not_sent_any_more() {
    let (host, shop, record, item) = unknown().await;
    resolve(&host, &item, json!({ "decision": "skip" })).await;
    host.call("record.write", json!({ "model": "product.category", "id": record, "values": { "name": "Later" } }))
        .await;
    host.exported().await;
    assert_eq!(shop.count("POST /categories"), 1);
    let binding = host.binding_of("other", KIND, record).await.expect("bound");
    assert_eq!((&binding["no_export"], &binding["sync_status"]), (&json!(true), &json!("skipped")), "{binding}");
    assert_eq!(items(&host).await, [] as [Value; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ways_to_settle_it_take_it_off_the_list() {
    let (host, shop, record, _) = unknown().await;
    let id = there(&shop)[0]["id"].to_string();
    let bind = json!({ "backend": "other", "kind": KIND, "external_id": id, "record": record });
    host.call("binding.bind", bind).await;
    assert_eq!(items(&host).await, [] as [Value; 0]);
    host.stop().await;
}
