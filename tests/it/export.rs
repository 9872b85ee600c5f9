//! Exports of changes: what we change of a bound record arrives in the shop, once, with nothing but what changed, and
//! never comes back as a change of theirs.

use bindery_tests::{Fault, Options, Point, Shop, TestHost};
use serde_json::json;

fn small() -> Options {
    Options { products: 6, customers: 4, orders: 2, ..Options::default() }
}

async fn in_step(shop: &Shop) -> TestHost {
    TestHost::in_step(shop).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_in_the_shop_with_only_what_changed() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.edit("demo.product", "1", json!({ "name": "Ours", "description": "By us" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /products/1"), [json!({ "title": "Ours", "description": "By us" })]);
    assert_eq!(shop.item("products", 1)["title"], "Ours");
    let binding = host.binding("demo.product", "1").await;
    assert_eq!((binding["sync_status"].as_str(), binding["retry_count"].as_i64()), (Some("success"), Some(0)));
    // Prices are numbers there, with two digits.
    host.edit("demo.product", "1", json!({ "list_price": "12.50" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /products/1")[1], json!({ "price": 12.5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_import_finds_nothing_new_and_nothing_is_sent_back() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.edit("demo.product", "2", json!({ "name": "Once" })).await;
    host.edit("demo.customer", "1", json!({ "phone": "+49 30 1" })).await;
    host.exported().await;
    let puts = (shop.count("PUT /products/2"), shop.count("PUT /customers/1"));
    assert_eq!(puts, (1, 1));
    for kind in ["demo.product", "demo.customer"] {
        let account = host.import(kind).await;
        assert_eq!((account.created, account.updated), (0, 0), "{kind}: {account:?}");
    }
    host.exported().await;
    assert_eq!((shop.count("PUT /products/2"), shop.count("PUT /customers/1")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_the_shop_is_not_sent_back() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    shop.edit("products", 3, json!({ "title": "Theirs" }));
    host.import("demo.product").await;
    host.exported().await;
    assert_eq!(host.record("demo.product", "3", &["name"]).await["name"], "Theirs");
    assert!(shop.requests().iter().all(|request| request.method == "GET"), "{:#?}", shop.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_no_rule_reads_sends_nothing() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.edit("demo.customer", "1", json!({ "ref": "C-1" })).await;
    host.exported().await;
    assert!(shop.requests().is_empty(), "{:#?}", shop.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_with_a_failed_attempt_between_arrive_together() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    shop.fault_always("PUT /products/1", Fault::status(503));
    host.edit("demo.product", "1", json!({ "name": "First" })).await;
    let failing = host.exporting("demo.product").await;
    host.failing(failing).await;
    shop.clear_faults();
    host.edit("demo.product", "1", json!({ "description": "Second" })).await;
    host.exported().await;
    host.retry_exports().await;
    let item = shop.item("products", 1);
    assert_eq!((item["title"].as_str(), item["description"].as_str()), (Some("First"), Some("Second")));
    assert_eq!(shop.bodies("PUT /products/1").last(), Some(&json!({ "title": "First", "description": "Second" })));
    assert_eq!(host.binding("demo.product", "1").await["sync_status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_changes_in_a_burst_are_a_few_sends_and_the_last_one_stands() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    let gate = shop.gate("PUT /products/1");
    host.edit("demo.product", "1", json!({ "name": "Burst 0" })).await;
    gate.arrived().await;
    for number in 1..=1_000 {
        host.edit("demo.product", "1", json!({ "name": format!("Burst {number}") })).await;
    }
    gate.release();
    host.exported().await;
    assert_eq!(shop.item("products", 1)["title"], "Burst 1000");
    assert!(shop.count("PUT /products/1") <= 3, "{}", shop.count("PUT /products/1"));
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], "Burst 1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_while_another_is_sent_is_neither_lost_nor_undone() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    let gate = shop.gate_at("PUT /products/1", Point::After);
    host.edit("demo.product", "1", json!({ "name": "Sent" })).await;
    gate.arrived().await;
    host.edit("demo.product", "1", json!({ "name": "Newer" })).await;
    gate.release();
    host.exported().await;
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], "Newer");
    assert_eq!(shop.item("products", 1)["title"], "Newer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_theirs_that_no_import_has_seen_comes_in_with_the_answer() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    shop.edit("products", 1, json!({ "description": "Theirs" }));
    host.edit("demo.product", "1", json!({ "name": "Ours" })).await;
    host.exported().await;
    let item = shop.item("products", 1);
    assert_eq!((item["title"].as_str(), item["description"].as_str()), (Some("Ours"), Some("Theirs")));
    let record = host.record("demo.product", "1", &["name", "description"]).await;
    assert_eq!((record["name"].as_str(), record["description"].as_str()), (Some("Ours"), Some("Theirs")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_rounds_is_taken_over_and_the_loop_ends() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.edit("demo.product", "1", json!({ "list_price": "9.996" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /products/1"), [json!({ "price": 10.0 })]);
    assert_eq!(host.record("demo.product", "1", &["list_price"]).await["list_price"], "10");
    assert_eq!(host.import("demo.product").await.updated, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waits_to_be_sent_is_not_undone_by_an_import() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    shop.fault_always("PUT /products/1", Fault::status(503));
    host.edit("demo.product", "1", json!({ "name": "Waits" })).await;
    let failing = host.exporting("demo.product").await;
    host.failing(failing).await;
    host.import("demo.product").await;
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], "Waits");
    shop.clear_faults();
    host.retry_exports().await;
    assert_eq!(shop.item("products", 1)["title"], "Waits");
}
