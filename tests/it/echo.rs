//! What a shop makes of our values (rounded, trimmed, in another order, as HTML) comes in once and is never sent back.

use bindery_tests::{Habit, Options, Shop, TestHost, When};
use serde_json::{Value, json};

/// Field here and there, what is written here, what the shop makes of it, what is here then.
fn cases() -> [(&'static str, &'static str, Value, Habit, Value); 4] {
    [
        ("weight", "weight", json!("1.2345"), Habit::Round(1), json!("1.2")),
        ("name", "title", json!("  Wide lamp  "), Habit::Trim, json!("Wide lamp")),
        ("taxes_id", "tax_ids", json!([[6, 0, [1, 2]]]), Habit::Sort, json!([1, 2])),
        ("description", "description", json!("Salt & pepper"), Habit::Html, json!("<p>Salt &amp; pepper</p>")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_makes_of_a_value_comes_in_once_and_is_not_sent_back() {
    for when in [When::AtOnce, When::Later] {
        for (field, theirs, value, habit, settled) in cases() {
            let shop = Shop::start(Options { products: 3, customers: 0, orders: 0, ..Options::default() });
            let host = TestHost::in_step(&shop).await;
            shop.habit("products", theirs, habit.clone(), when);
            host.edit("demo.product", "1", json!({ field: value })).await;
            host.exported().await;
            assert_eq!(shop.count("PUT /products/1"), 1, "{field} {when:?}");
            for _ in 0..3 {
                host.import("demo.product").await;
                host.exported().await;
            }
            assert_eq!(shop.writes(), 1, "{field} {when:?}: {:?}", shop.requests());
            let here = &host.record("demo.product", "1", &[field]).await[field];
            assert_eq!(sorted(here), settled, "{field} {when:?}");
            assert_eq!(host.binding("demo.product", "1").await["sync_status"], "success", "{field} {when:?}");
            let account = host.import("demo.product").await;
            assert_eq!((account.updated, account.created), (0, 0), "{field} {when:?}: {account:?}");
            host.stop().await;
        }
    }
}

/// The order of a list of records says nothing.
fn sorted(value: &Value) -> Value {
    let Some(ids) = value.as_array() else { return value.clone() };
    let mut ids: Vec<i64> = ids.iter().filter_map(|one| one.as_i64().or_else(|| one["id"].as_i64())).collect();
    ids.sort_unstable();
    json!(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_shop_beside_it_travels_on_once() {
    for when in [When::AtOnce, When::Later] {
        let options = |customers| Options { products: 0, customers, orders: 0, ..Options::default() };
        let shops = [Shop::start(options(2)), Shop::start(options(0))];
        let host = TestHost::hub(&shops.each_ref(), "demo.customer").await;
        shops[0].habit("customers", "name", Habit::Trim, when);
        shops.iter().for_each(Shop::clear_requests);
        let record = host.bindings("shop0", "demo.customer", "").await[0]["record"].clone();
        let values = json!({ "name": " Ada Lovelace " });
        host.call("record.write", json!({ "model": "res.partner", "id": record, "values": values })).await;
        host.exported().await;
        for _ in 0..3 {
            for backend in ["shop0", "shop1"] {
                host.sync(backend, json!({ "kind": "demo.customer" })).await;
                host.exported().await;
            }
        }
        let sent = shops.each_ref().map(Shop::writes);
        assert!(sent[0] == 1 && (1..=2).contains(&sent[1]), "{when:?}: {sent:?}");
        for shop in &shops {
            let names: Vec<Value> = shop.items("customers").into_iter().map(|item| item["name"].clone()).collect();
            assert!(names.contains(&json!("Ada Lovelace")), "{when:?}: {names:?}");
        }
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_edits_of_one_record_are_few_exports_and_the_last_one_arrives() {
    let shop = Shop::start(Options { products: 3, customers: 0, orders: 0, ..Options::default() });
    let host = TestHost::in_step(&shop).await;
    let record = host.binding("demo.product", "1").await["record"].clone();
    // Many write at once, as applications do; one of them writes last.
    let write = |number: usize| {
        let values = json!({ "name": format!("Edit {number}"), "barcode": number.to_string() });
        host.call("record.write", json!({ "model": "product.template", "id": record, "values": values }))
    };
    futures_util::future::join_all((1..1_000).map(write)).await;
    write(1_000).await;
    host.exported().await;
    let product = shop.item("products", 1);
    assert_eq!((&product["title"], &product["barcode"]), (&json!("Edit 1000"), &json!("1000")));
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], "Edit 1000");
    let sent = shop.count("PUT /products/1");
    assert!((1..=100).contains(&sent), "a thousand edits were {sent} exports");
    assert_eq!(host.binding("demo.product", "1").await["sync_status"], "success");
    let account = host.import("demo.product").await;
    assert_eq!((account.updated, account.created), (0, 0), "{account:?}");
    assert_eq!(shop.count("PUT /products/1"), sent, "what came of it is not sent back");
    host.stop().await;
}
