//! One bad record among good ones: the others arrive, the bad one is kept with its payload and a reason that a person
//! understands, and after the mending a retry takes it in.

use bindery::sync::Account;
use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

/// A small shop and a host that is connected to it.
async fn small() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 8, customers: 6, orders: 5, variants: 0, ..Options::default() });
    (TestHost::over(&shop).await, shop)
}

/// An item of the shop as it is stored there, but for one field, whose JSON is given as text.
fn spoil(shop: &Shop, resource: &str, id: u64, field: &str, text: &str) {
    let mut item = shop.item(resource, id);
    item[field] = "@@".into();
    shop.put_raw(resource, id, &item.to_string().replace("\"@@\"", text));
}

/// Checks that one record of a kind waits for its mending, and what it says.
async fn waits(host: &TestHost, kind: &str, id: &str, code: &str, words: &[&str]) {
    let binding = host.binding(kind, id).await;
    assert_eq!((&binding["sync_status"], &binding["record"]), (&json!("failed"), &Value::Null), "{binding:#}");
    let shown = host.run(["binding", "show", &binding["id"].to_string()]).await.ok().out;
    for word in words.iter().chain([&code]) {
        assert!(shown.contains(word), "{word:?} is missing in\n{shown}");
    }
    let detail = host.call("binding.show", json!({ "id": binding["id"] })).await;
    assert_eq!(detail["kept"]["code"], code, "{detail:#}");
}

/// The payload of a record that waits, as it was sent.
async fn kept(host: &TestHost, kind: &str, id: &str) -> String {
    let binding = host.binding(kind, id).await;
    let detail = host.call("binding.show", json!({ "id": binding["id"] })).await;
    detail["kept"]["payload"].as_str().expect("a payload is kept").to_owned()
}

/// Retries all failed bindings as an operator does; all must succeed.
async fn retried(host: &TestHost, kind: &str) {
    let request = json!({ "backend": "shop", "kind": kind, "status": "failed" });
    let jobs = host.call("binding.retry", request).await["jobs"].clone();
    let jobs: Vec<i64> = serde_json::from_value(jobs).expect("jobs");
    assert!(!jobs.is_empty());
    let standing = host.wait(&jobs).await;
    assert_eq!(standing.failed, 0, "{:#?}", standing.jobs);
    assert!(host.bindings("shop", kind, "failed").await.is_empty());
}

/// Spoils one field, imports, checks what is said, mends it, and checks that it arrives.
async fn one_field(resource: &str, kind: &str, field: &str, text: &str, code: &str, words: &[&str]) {
    let (host, shop) = small().await;
    let good = shop.item(resource, 3);
    spoil(&shop, resource, 3, field, text);
    let account = host.import(kind).await;
    let all = shop.len(resource) as i64;
    assert_eq!((account.offered, account.created, account.quarantined), (all, all - 1, 1), "{field} {text}: {account}");
    waits(&host, kind, "3", code, words).await;
    assert!(kept(&host, kind, "3").await.contains(text), "the payload is kept as it was sent");
    shop.put_raw(resource, 3, &good.to_string());
    retried(&host, kind).await;
    assert_eq!(host.bound(kind).await.len() as i64, all);
    let detail = host.call("binding.show", json!({ "id": host.binding(kind, "3").await["id"] })).await;
    assert_eq!(detail.get("kept"), None, "what arrived is kept no longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_wrong_type_waits() {
    let words = ["list_price", "is not a decimal number", "much"];
    one_field("products", "demo.product", "price", r#""much""#, "record.invalid_value", &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decimal_of_twenty_digits_waits_rather_than_being_rounded() {
    let words = ["list_price", "12345678901234567890"];
    one_field("products", "demo.product", "price", "12345678901234567890", "record.invalid_value", &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_with_a_nul_waits() {
    let words = ["name", "NUL"];
    one_field("products", "demo.product", "title", r#""a\u0000b""#, "record.invalid_value", &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_surrogate_pair_waits() {
    let words = ["name", "surrogate"];
    one_field("products", "demo.product", "title", r#""a\ud800b""#, "record.invalid_value", &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_to_what_is_not_there_waits_until_it_is() {
    let (host, shop) = small().await;
    spoil(&shop, "orders", 2, "customer_id", "9999");
    let account = host.import("demo.order").await;
    assert_eq!((account.offered, account.created, account.quarantined), (5, 4, 1), "{account}");
    waits(&host, "demo.order", "2", "sync.unbound_relation", &["demo.customer 9999", "it is gone there"]).await;
    let mut customer = shop.item("customers", 1);
    customer["id"] = 9999.into();
    customer["email"] = "late@example.org".into();
    customer["addresses"] = json!([]);
    shop.put_raw("customers", 9999, &customer.to_string());
    retried(&host, "demo.order").await;
    let partner = host.record("demo.order", "2", &["partner_id"]).await["partner_id"].clone();
    assert_eq!(partner, host.binding("demo.customer", "9999").await["record"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_need_each_other_wait_until_one_does_not() {
    let (host, shop) = small().await;
    let first = shop.add("categories", json!({ "name": "Hen" }));
    let second = shop.add("categories", json!({ "name": "Egg", "parent_id": first }));
    shop.edit("categories", first, json!({ "parent_id": second }));
    let (first, second) = (first.to_string(), second.to_string());
    let all = shop.len("categories") as i64;
    let account = host.import("demo.category").await;
    assert_eq!((account.offered, account.created, account.quarantined), (all, all - 2, 2), "{account}");
    for id in [&first, &second] {
        let words = ["need each other", &first, &second];
        waits(&host, "demo.category", id, "sync.cyclic_dependency", &words).await;
    }
    // Asked for alone, one of them finds the circle, too, and does not run for ever.
    let alone = host.try_sync("shop", json!({ "kind": "demo.category", "id": first })).await;
    assert!(alone.jobs[0].job.error.is_some(), "{alone:#?}");
    shop.edit("categories", first.parse().unwrap(), json!({ "parent_id": null }));
    retried(&host, "demo.category").await;
    let parent = host.record("demo.category", &second, &["parent_id"]).await["parent_id"].clone();
    assert_eq!(parent, host.binding("demo.category", &first).await["record"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_an_id_is_kept_and_shown_until_a_run_brings_it_with_one() {
    let (host, shop) = small().await;
    shop.fault("GET /customers", 1, Fault::WithoutId { item: 1 });
    let standing = host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let account = bindery_tests::import::account(&standing, "demo.customer");
    assert_eq!((account.offered, account.created, account.quarantined), (6, 5, 1), "{account}");
    let result = standing.jobs[0].job.result.clone().unwrap();
    assert_eq!(result["problems"][0][1]["code"], "sync.no_id", "{result:#}");
    let status = host.run(["status"]).await.ok().out;
    assert!(status.contains("without an id") && status.contains("demo.customer"), "{status}");
    let again = host.import_with("demo.customer", json!({ "force": true })).await;
    assert_eq!((again.created, again.quarantined), (1, 0), "{again}");
    assert!(!host.run(["status"]).await.ok().out.contains("without an id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_id_that_comes_twice_on_a_page_one_record_is_made() {
    let (host, shop) = small().await;
    shop.fault("GET /customers", 1, Fault::DuplicateId { item: 1 });
    let account = host.import("demo.customer").await;
    let Account { offered, created, skipped, duplicates, .. } = account;
    assert_eq!((offered, created, skipped, duplicates), (7, 6, 1, 1), "{account}");
    assert_eq!(host.bound("demo.customer").await, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_what_a_double_holds_stay_exact() {
    let (host, shop) = small().await;
    let id: u64 = 9_007_199_254_740_993;
    let mut item = shop.item("products", 1).to_string();
    item = item.replace(r#""id":1,"#, &format!(r#""id":{id},"#)).replace("SKU-000001", "SKU-HUGE");
    shop.put_raw("products", id, &item);
    spoil(&shop, "products", 2, "weight", "9007199254.740993");
    spoil(&shop, "products", 3, "price", "900719925474.0993");
    let account = host.import("demo.product").await;
    assert_eq!((account.created, account.quarantined), (9, 0), "{account}");
    assert_eq!(host.record("demo.product", &id.to_string(), &["default_code"]).await["default_code"], "SKU-HUGE");
    let fields = ["list_price", "external_price", "weight"];
    let heavy = host.call("record.read", read(&host, "2", &fields).await).await.to_string();
    assert!(heavy.contains("9007199254.740993"), "{heavy}");
    let dear = host.call("record.read", read(&host, "3", &fields).await).await.to_string();
    assert_eq!(dear.matches("900719925474.0993").count(), 2, "{dear}");
    assert_eq!(host.import_with("demo.product", json!({ "force": true })).await.unchanged, 9);
}

async fn read(host: &TestHost, id: &str, fields: &[&str]) -> Value {
    let binding = host.binding("demo.product", id).await;
    json!({ "model": "demo.product", "ids": [binding["id"]], "fields": fields })
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_before_1970_are_dates_like_others() {
    let (host, shop) = small().await;
    spoil(&shop, "orders", 1, "placed_at", r#""1969-12-31T23:59:59Z""#);
    spoil(&shop, "orders", 2, "updated_at", r#""1901-02-03T04:05:06Z""#);
    assert_eq!(host.import("demo.order").await.created, 5);
    let order = host.record("demo.order", "1", &["date_order"]).await;
    assert_eq!(order["date_order"], "1969-12-31T23:59:59Z");
    let old = host.binding("demo.order", "2").await;
    assert_eq!(old["external_updated_at"], "1901-02-03T04:05:06Z");
    shop.add(
        "invoices",
        json!({ "customer_id": 1, "number": "OLD/1", "date": "1900-01-01", "due_date": "1899-12-31",
        "lines": [{ "product_id": 1, "quantity": 1, "price": 1.5 }] }),
    );
    host.import("demo.invoice").await;
    let id = shop.items("invoices").last().unwrap()["id"].to_string();
    let invoice = host.record("demo.invoice", &id, &["invoice_date", "invoice_date_due"]).await;
    assert_eq!((&invoice["invoice_date"], &invoice["invoice_date_due"]), (&json!("1900-01-01"), &json!("1899-12-31")));
}
