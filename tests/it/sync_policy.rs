//! What an operator wants of a backend and of a kind: what becomes of ours when theirs is gone, how far a sync looks back,
//! how many records are asked for at a time.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

async fn prepared() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 12, customers: 12, orders: 0, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    (host, shop)
}

async fn set(host: &TestHost, kind: Option<&str>, name: &str, value: &str) {
    host.call("backend.set", json!({ "name": "shop", "kind": kind, "texts": { name: value } })).await;
}

/// Our customer of an e-mail address with its binding's status, archived or not.
async fn customer(host: &TestHost, email: &str) -> Option<(Value, Value)> {
    let domain = json!([["email", "=", email], ["active", "in", [true, false]]]);
    let found = host.rows("res.partner", domain, &["active"]).await;
    let record = found.first()?.clone();
    let bindings = host.bindings("shop", "demo.customer", "").await;
    let binding = bindings.into_iter().find(|binding| binding["record"] == record["id"])?;
    Some((record["active"].clone(), binding["sync_status"].clone()))
}

/// Removes a customer there; answers the address.
fn remove(shop: &Shop, id: u64) -> String {
    let email = shop.item("customers", id)["email"].as_str().expect("customers have one").to_owned();
    assert!(shop.delete("customers", id));
    email
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_there_is_ignored_archived_or_deleted_as_the_operator_wants() {
    let (host, shop) = prepared().await;
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let one = |id: u64| json!({ "kind": "demo.customer", "id": id.to_string() });

    let ignored = remove(&shop, 2);
    host.sync("shop", one(2)).await;
    assert_eq!(customer(&host, &ignored).await, Some((json!(true), json!("skipped"))));

    set(&host, None, "remote_deletion", "archive").await;
    let archived = remove(&shop, 3);
    host.sync("shop", one(3)).await;
    assert_eq!(customer(&host, &archived).await, Some((json!(false), json!("skipped"))));

    set(&host, Some("demo.customer"), "remote_deletion", "delete").await;
    let deleted = remove(&shop, 4);
    host.sync("shop", one(4)).await;
    assert_eq!(customer(&host, &deleted).await, None);
    let bindings = host.bindings("shop", "demo.customer", "").await;
    assert!(!bindings.iter().any(|binding| binding["external_id"] == "4"), "its binding goes with it");

    // What is set for one kind holds for that kind alone.
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    assert!(shop.delete("products", 5));
    host.sync("shop", json!({ "kind": "demo.product", "id": "5" })).await;
    let domain = json!([["default_code", "=", "SKU-000005"], ["active", "in", [true, false]]]);
    let left = host.rows("product.template", domain, &["active"]).await;
    assert_eq!(left[0]["active"], false, "{left:?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_others_need_is_archived_instead_of_deleted() {
    let shop = Shop::start(Options { products: 3, customers: 2, orders: 4, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    set(&host, None, "remote_deletion", "delete").await;
    host.sync("shop", json!({})).await;
    let order = shop.items("orders")[0].clone();
    let id = order["customer_id"].as_u64().expect("orders have customers");
    let email = remove(&shop, id);
    host.sync("shop", json!({ "kind": "demo.customer", "id": id.to_string() })).await;
    assert_eq!(customer(&host, &email).await, Some((json!(false), json!("skipped"))));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_size_and_overlap_are_the_kinds_own_where_they_are_set() {
    let (host, shop) = prepared().await;
    set(&host, Some("demo.customer"), "page_size", "5").await;
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let targets = |path: &str| -> Vec<String> {
        shop.requests().iter().map(|entry| format!("{entry:?}")).filter(|entry| entry.contains(path)).collect()
    };
    let pages = targets("/customers");
    assert!(pages.len() >= 3 && pages.iter().all(|page| page.contains("limit=5")), "{pages:?}");
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    assert!(targets("/products").iter().all(|page| !page.contains("limit=5")), "the other kind has its own");

    let cursor = || async {
        let shown = host.call("cursor.show", json!({ "backend": "shop", "kind": "demo.customer" })).await;
        shown["cursors"][0]["value"].as_str().expect("it moved").to_owned()
    };
    let seconds = |text: &str| bindery::base::Timestamp::parse_rfc3339(text).expect("a time").0 / 1_000_000;
    let near = seconds(&cursor().await);
    host.call("cursor.reset", json!({ "backend": "shop", "kind": "demo.customer" })).await;
    set(&host, Some("demo.customer"), "overlap_seconds", "3600").await;
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    assert_eq!(near - seconds(&cursor().await), 3600 - 30);

    let wrong = json!({ "name": "shop", "kind": "demo.customer", "texts": { "page_size": "0", "warehouse": "1" } });
    let problem = host.fails("backend.set", wrong).await;
    assert_eq!(problem.code, "backend.settings");
    let names: Vec<&str> = problem.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["page_size", "warehouse"]);
    let unknown = json!({ "name": "shop", "kind": "demo.nothing", "texts": { "page_size": "3" } });
    assert!(host.fails("backend.set", unknown).await.message.contains("demo.nothing is unknown"));
    host.stop().await;
}
