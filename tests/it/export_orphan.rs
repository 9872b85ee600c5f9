//! A record that is removed here while nobody knows whether it was made there: it is looked for, and goes the way of every
//! removal; what can't be found out waits for a person.

use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

/// A host with a backend that knows no idempotency keys: of its customers it can search, of its categories it can't.
async fn keyless(shop: &Shop, deletion: &str) -> TestHost {
    let host = TestHost::new().await;
    host.connect_exporter(shop).await;
    for kind in ["exporter.category", "exporter.customer"] {
        host.set_policy("other", kind, json!({ "export": "all", "local_deletion": deletion })).await;
    }
    host
}

fn empty() -> Shop {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    shop.delete_all("categories");
    shop
}

/// Makes a record whose create is cut, and removes it here.
async fn lost(host: &TestHost, shop: &Shop, kind: &str, (model, on): (&str, &str), (values, fault): (Value, Fault)) {
    shop.fault_always(on, fault);
    let record = host.make(model, values).await;
    let job = host.exporting(kind).await;
    host.failing(job).await;
    shop.clear_faults();
    host.call("record.unlink", json!({ "model": model, "ids": [record] })).await;
    host.exported().await;
    host.retry_exports().await;
}

async fn open_intents(host: &TestHost, backend: &str, kind: &'static str) -> usize {
    let id = host.call("backend.show", json!({ "name": backend })).await["id"].as_i64().expect("an id");
    host.store().read(move |tx| bindery::storage::intent::of_kind(tx, id, kind)).await.expect("it is read").len()
}

fn customer() -> Value {
    json!({ "name": "Short-lived", "email": "short@example.org" })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_searched_for_and_removed_there() {
    for fault in [Fault::Cut { after: 3 }, Fault::status(503)] {
        let shop = empty();
        let host = keyless(&shop, "delete").await;
        let of = ("res.partner", "POST /customers");
        lost(&host, &shop, "exporter.customer", of, (customer(), fault)).await;
        assert_eq!(shop.items("customers"), [] as [Value; 0]);
        assert_eq!(shop.count("POST /customers"), 1, "it is not made again");
        assert_eq!(open_intents(&host, "other", "exporter.customer").await, 0);
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_it_is_asked_for_again_and_removed() {
    let shop = empty();
    let host = TestHost::over(&shop).await;
    host.set_policy("shop", "demo.customer", json!({ "export": "all", "local_deletion": "delete" })).await;
    let of = ("res.partner", "POST /customers");
    lost(&host, &shop, "demo.customer", of, (customer(), Fault::Cut { after: 3 })).await;
    assert_eq!(shop.items("customers"), [] as [Value; 0]);
    assert_eq!(open_intents(&host, "shop", "demo.customer").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_removals_are_ignored_it_stays_there() {
    let shop = empty();
    let host = keyless(&shop, "ignore").await;
    let of = ("res.partner", "POST /customers");
    lost(&host, &shop, "exporter.customer", of, (customer(), Fault::Cut { after: 3 })).await;
    assert_eq!(shop.items("customers").len(), 1);
    assert_eq!(open_intents(&host, "other", "exporter.customer").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_searched_for_waits_for_a_person() {
    for decision in ["bind_theirs", "skip"] {
        let shop = empty();
        let host = keyless(&shop, "delete").await;
        let (of, values) = (("product.category", "POST /categories"), json!({ "name": "Short-lived" }));
        lost(&host, &shop, "exporter.category", of, (values, Fault::Cut { after: 3 })).await;
        let items = host.call("review.list", json!({})).await["items"].as_array().expect("items").clone();
        assert_eq!(items.len(), 1, "{items:?}");
        let reason = items[0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("was removed here") && items[0]["cause"] == "unknown_create", "{items:?}");
        let refused = host.fails("review.resolve", json!({ "id": items[0]["id"], "decision": "send" })).await;
        assert!(refused.message.contains("nothing to send"), "{}", refused.message);
        let theirs = shop.items("categories")[0]["id"].to_string();
        let mut request = json!({ "id": items[0]["id"], "decision": decision });
        if decision == "bind_theirs" {
            request["external_id"] = theirs.into();
        }
        host.call("review.resolve", request).await;
        host.exported().await;
        let left = if decision == "skip" { 1 } else { 0 };
        assert_eq!(shop.items("categories").len(), left, "{decision}");
        assert_eq!(open_intents(&host, "other", "exporter.category").await, 0);
        assert_eq!(shop.count("POST /categories"), 1);
        host.stop().await;
    }
}
