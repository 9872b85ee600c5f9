//! Records that were here before: one that matches is bound, several wait for a person, and nothing is guessed.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";

async fn connected() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 4, orders: 0, ..Options::default() });
    (TestHost::over(&shop).await, shop)
}

/// A partner of ours with the e-mail address of a customer there.
async fn partner(host: &TestHost, customer: u64, name: &str) -> i64 {
    let values = json!({ "name": name, "email": format!("customer.{customer}@example.org") });
    let made = host.call("record.create", json!({ "model": "res.partner", "values": values })).await;
    made["id"].as_i64().or_else(|| made["ids"][0].as_i64()).unwrap_or_else(|| panic!("an id: {made}"))
}

async fn item(host: &TestHost) -> Value {
    let items = host.call("review.list", json!({ "backend": "shop" })).await["items"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items:#}");
    items[0].clone()
}

async fn settle(host: &TestHost, arguments: &[&str]) {
    let id = item(host).await["id"].to_string();
    let told = host.run([&["review", "resolve", &id, "--json"], arguments].concat()).await.ok().json();
    if let Some(job) = told["job"].as_i64() {
        assert_eq!(host.wait(&[job]).await.failed, 0);
    }
    let left = host.call("review.list", json!({ "backend": "shop" })).await;
    assert_eq!(left["items"], json!([]), "it is settled");
}

/// Two of ours match the second customer there.
async fn held() -> (TestHost, Shop, [i64; 2]) {
    let (host, shop) = connected().await;
    let ours = [partner(&host, 2, "Twin One").await, partner(&host, 2, "Twin Two").await];
    let account = host.import(KIND).await;
    assert_eq!((account.created, account.quarantined, account.held, account.matched), (3, 1, 1, 0), "{account}");
    let waiting = item(&host).await;
    assert_eq!((&waiting["external_id"], &waiting["candidates"]), (&json!("2"), &json!(ours)), "{waiting:#}");
    let shown = host.run(["review", "list"]).await.ok().out;
    assert!(shown.contains("email") && shown.contains("customer.2@example.org"), "{shown}");
    assert!(host.run(["status"]).await.ok().out.contains("wait for a person"));
    (host, shop, ours)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_matches_is_bound_and_takes_what_they_say() {
    let (host, shop) = connected().await;
    let ours = partner(&host, 3, "Known Already").await;
    let extra = json!({ "model": "res.partner", "id": ours, "values": { "function": "Buyer", "customer_rank": 9 } });
    host.call("record.write", extra).await;
    let account = host.import(KIND).await;
    assert_eq!((account.created, account.updated, account.matched), (3, 1, 1), "{account}");
    assert_eq!(host.binding(KIND, "3").await["record"], ours);
    let record = host.record(KIND, "3", &["name", "function", "customer_rank"]).await;
    assert_eq!(record["name"], shop.item("customers", 3)["name"]);
    // What they don't say, and what is set on new records only, stays.
    assert_eq!((&record["function"], &record["customer_rank"]), (&json!("Buyer"), &json!(9)));
    assert_eq!(host.import_with(KIND, json!({ "force": true })).await.unchanged, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_a_person_chooses_one() {
    let (host, shop, [one, other]) = held().await;
    settle(&host, &["--bind", &other.to_string()]).await;
    assert_eq!(host.binding(KIND, "2").await["record"], other);
    assert_eq!(host.record(KIND, "2", &["name"]).await["name"], shop.item("customers", 2)["name"]);
    let left = host.call("record.read", json!({ "model": "res.partner", "ids": [one], "fields": ["name"] })).await;
    assert_eq!(left["rows"][0]["name"], "Twin One");
    assert_eq!(host.binding(KIND, "2").await["sync_status"], "success");
    assert_eq!(host.import_with(KIND, json!({ "force": true })).await.unchanged, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_a_person_takes_none_and_a_new_one_is_made() {
    let (host, _shop, twins) = held().await;
    settle(&host, &["--create"]).await;
    let record = host.binding(KIND, "2").await["record"].as_i64().unwrap();
    assert!(!twins.contains(&record));
    assert_eq!(host.bound(KIND).await, ["1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_leaves_out_stays_out() {
    let (host, shop, _twins) = held().await;
    settle(&host, &["--skip"]).await;
    shop.edit("customers", 2, json!({ "phone": "+49 1" }));
    let account = host.import_with(KIND, json!({})).await;
    assert_eq!((account.created, account.held), (0, 0), "{account}");
    assert_eq!(host.binding(KIND, "2").await["sync_status"], "skipped");
    assert_eq!(host.bound(KIND).await, ["1", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguity_that_is_gone_needs_no_person() {
    let (host, _shop, [one, other]) = held().await;
    host.call("record.unlink", json!({ "model": "res.partner", "ids": [other] })).await;
    let account = host.import_with(KIND, json!({ "force": true })).await;
    assert_eq!((account.matched, account.held), (1, 0), "{account}");
    assert_eq!(host.binding(KIND, "2").await["record"], one);
    assert_eq!(host.call("review.list", json!({})).await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_one_that_matches_are_bound_to_ours_and_not_made_twice() {
    let (host, shop) = connected().await;
    let variant = |id: u64, sku: &str| json!({ "id": id, "sku": sku, "price": 5.0, "options": {} });
    shop.edit("products", 1, json!({ "variants": [variant(9001, "V-1"), variant(9002, "V-2"), variant(9003, "V-3")] }));
    let ours = |sku: &str| json!([0, 0, { "default_code": sku, "lst_price": "5" }]);
    let values = json!({ "name": "Ours", "default_code": shop.item("products", 1)["sku"], "product_variant_ids": [ours("V-2"), ours("V-1")] });
    let product = host.make("product.template", values).await;
    for kind in ["demo.category", "demo.tax", "demo.product"] {
        host.import(kind).await;
    }
    assert_eq!(host.binding("demo.product", "1").await["record"], product);
    let variants = host.rows("product.product", json!([["product_tmpl_id", "=", product]]), &["default_code"]).await;
    assert_eq!(variants.len(), 3, "{variants:?}");
    for (id, sku) in [("9001", "V-1"), ("9002", "V-2"), ("9003", "V-3")] {
        let record = host.record("demo.variant", id, &["default_code"]).await;
        assert_eq!(record["default_code"], sku);
    }
    host.stop().await;
}
