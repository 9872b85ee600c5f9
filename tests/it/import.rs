//! Imports through the command line: the real program, the real demo connector, the demo shop.

use bindery_tests::{Answer, Data, Fault, Options, Shop};
use serde_json::json;

/// A backend `shop` over a demo shop of a small size.
fn prepared() -> (Data, Shop) {
    let options = Options { products: 60, customers: 20, orders: 30, ..Options::default() };
    let (data, shop) = (Data::new(), Shop::start(options));
    data.connect(&shop);
    (data, shop)
}

fn sync(data: &Data, more: &[&str]) -> Answer {
    data.run([&["sync", "shop", "--wait", "--json"], more].concat())
}

/// How many records of a model there are.
fn count(data: &Data, model: &str) -> u64 {
    data.count(model, "[]")
}

/// The one record that a domain finds.
fn one(data: &Data, model: &str, domain: &str) -> serde_json::Value {
    let found = data.run(["record", "search", model, domain, "--json"]).ok().json();
    assert_eq!(found["rows"].as_array().map(Vec::len), Some(1), "{found}");
    found["rows"][0].clone()
}

#[test]
fn everything_of_a_shop_arrives_once() {
    let (data, shop) = prepared();
    sync(&data, &[]).ok();
    let counts = || ["product.template", "res.partner", "sale.order", "stock.quant"].map(|model| count(&data, model));
    let first = counts();
    assert_eq!(first[2], shop.items("orders").len() as u64);
    assert!(first.iter().all(|count| *count > 0), "{first:?}");
    let listed = |data: &Data| data.run(["binding", "list", "--backend", "shop", "--json"]).ok().json();
    let before = listed(&data);
    sync(&data, &["--force"]).ok();
    assert_eq!(counts(), first, "a second import makes nothing");
    assert_eq!(listed(&data)["bindings"].as_array().map(Vec::len), before["bindings"].as_array().map(Vec::len));
}

#[test]
fn a_change_there_arrives_and_only_that() {
    let (data, shop) = prepared();
    sync(&data, &[]).ok();
    shop.edit("products", 7, json!({ "title": "A better lamp" }));
    sync(&data, &["--only", "products"]).ok();
    assert_eq!(one(&data, "product.template", r#"[["default_code","=","SKU-000007"]]"#)["name"], "A better lamp");
    assert_eq!(one(&data, "product.template", r#"[["name","=","A better lamp"]]"#)["default_code"], "SKU-000007");
}

#[test]
fn a_plan_writes_nothing() {
    let (data, _shop) = prepared();
    sync(&data, &["--plan"]).ok();
    assert_eq!(count(&data, "product.template"), 0);
}

#[test]
fn a_passing_fault_is_waited_out() {
    let (data, shop) = prepared();
    shop.fault("GET /products", 2, Fault::status(503));
    sync(&data, &["--only", "products"]).ok();
    assert!(count(&data, "product.template") > 0);
}

#[test]
fn one_bad_record_does_not_stop_the_others() {
    let (data, shop) = prepared();
    shop.fault("GET /products", 1, Fault::WrongType { item: 2, field: "price".to_owned(), value: json!("much") });
    sync(&data, &["--only", "products"]);
    let failed = || {
        let found = data.run(["binding", "list", "--backend", "shop", "--status", "failed", "--json"]).ok().json();
        found["bindings"].as_array().cloned().expect("a list of bindings")
    };
    let before = failed();
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(
        count(&data, "product.template"),
        shop.items("products").iter().filter(|product| product["active"] == true).count() as u64 - 1
    );
    data.run(["binding", "retry", "--backend", "shop", "--status", "failed"]).ok();
    assert!(failed().is_empty(), "read again, it arrives");
}
