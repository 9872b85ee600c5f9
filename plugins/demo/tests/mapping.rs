//! The demo connector over recorded answers of the shop, without a host.

use bindery_demo::Demo;
use bindery_plugin::{prelude::*, testing};
use serde_json::{Value, json};

fn shop() -> testing::Harness<Demo> {
    let settings = json!({"api_url": "https://shop.example/", "api_token": "t", "page_size": 2, "draft_orders": false});
    testing::Harness::open(Demo, settings).expect("valid settings")
}

fn recorded(name: &str) -> String {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a fixture")
}

#[test]
fn the_manifest_is_sound() {
    let manifest = testing::check_manifest::<Demo>().expect("sound declarations");
    assert_eq!(manifest.backend_types, ["demo"]);
    let order_line = manifest.kind("demo.order_line").expect("a kind");
    assert!(!order_line.import && order_line.import_rules.iter().any(|rule| rule.name == "price_unit"));
}

#[test]
fn a_connection_is_tested_with_the_token() {
    let shop = shop();
    shop.respond("GET", "/shop", 200, json!({"name": "Demo Shop", "version": "2.0", "currency": "EUR"}));
    assert_eq!(shop.test_connection().expect("connected"), "connected to Demo Shop");
    assert_eq!(shop.sent()[0].header("authorization"), Some("Bearer t"));
    assert_eq!(shop.sent()[0].url, "https://shop.example/shop");
    shop.respond("GET", "/nowhere", 401, Value::Null);
}

#[test]
fn pages_follow_the_cursor_and_pass_filters_on() {
    let shop = shop();
    shop.respond_with("GET", "/products", 200, &[], recorded("products"));
    let query = ListQuery {
        since: Some("2026-01-01T00:00:00Z".into()),
        filters: vec![("sku".into(), "SKU-000001".into())],
        ..ListQuery::default()
    };
    let page = shop.list("demo.product", query).expect("a page");
    assert_eq!((page.items.len(), page.items[0].id.as_str(), page.next.as_deref()), (1, "1", Some("c2")));
    let sent = &shop.sent()[0];
    assert_eq!(sent.parameter("updated_since"), Some("2026-01-01T00:00:00Z"));
    assert_eq!((sent.parameter("limit"), sent.parameter("sku")), (Some("2"), Some("SKU-000001")));
}

#[test]
fn a_product_keeps_its_prices_and_its_variants() {
    let shop = shop();
    shop.respond_with("GET", "/products", 200, &[], recorded("products"));
    let page = shop.list("demo.product", ListQuery::default()).expect("a page");
    let product = shop.create("demo.product", &page.items[0].json).expect("mapped");
    assert_eq!(product.values["name"], "Compact lamp 1");
    assert!(product.text.contains("\"list_price\":12.30,"), "{}", product.text);
    assert_eq!(product.values["categ_id"], json!({"$ref": {"kind": "demo.category", "id": "3"}}));
    assert_eq!(product.values["taxes_id"], json!([{"$ref": {"kind": "demo.tax", "id": "1"}}]));
    assert_eq!(product.extra["external_sku"], "SKU-000001");
    let (field, variants) = &product.lines[0];
    assert_eq!((field.as_str(), variants[0].id.as_str()), ("product_variant_ids", "11"));
    assert_eq!(variants[0].values["combination_indices"], "Color: red");
}

#[test]
fn an_order_needs_its_products_and_maps_its_state() {
    let shop = shop();
    let order = recorded("order");
    let mapped = shop.create("demo.order", &order).expect("mapped");
    assert_eq!(mapped.values["state"], "sale");
    assert_eq!(mapped.values["partner_id"], json!({"$ref": {"kind": "demo.customer", "id": "1"}}));
    assert_eq!(mapped.dependencies, [("demo.product".to_owned(), "1".to_owned())]);
    assert_eq!(mapped.lines[0].1[0].values["product_uom_qty"], 2);
    let draft = order.replace("\"confirmed\"", "\"draft\"");
    assert!(shop.create("demo.order", &draft).expect("skipped").skip.is_some());
    let odd = order.replace("\"confirmed\"", "\"teleported\"");
    assert_eq!(shop.create("demo.order", &odd).expect_err("refused").path(), Some("/state"));
}

#[test]
fn a_customer_goes_both_ways() {
    let shop = shop();
    let customer = shop.create("demo.customer", &recorded("customer")).expect("mapped");
    assert_eq!((&customer.values["is_company"], &customer.values["company_type"]), (&json!(false), &json!("person")));
    assert_eq!(customer.lines[0].1[0].values["type"], "invoice");
    let body = shop.export("demo.customer", Some("1"), r#"{"name": "Ada", "phone": null}"#, None).expect("body");
    assert_eq!(body, r#"{"name":"Ada","phone":null}"#);
}

#[test]
fn a_create_is_repeatable_and_a_refusal_says_why() {
    let shop = shop();
    shop.respond("POST", "/products", 201, json!({"id": 301}));
    assert_eq!(shop.send("demo.product", None, r#"{"title": "Lamp"}"#).expect("made").id, "301");
    assert_eq!(shop.sent()[0].idempotency_key.as_deref(), Some("test-key"));
    shop.respond("PUT", "/products/301", 422, json!({"error": {"message": "title"}}));
    let error = shop.send("demo.product", Some("301"), "{}").expect_err("refused");
    assert_eq!((error.class(), error.status()), (ErrorClass::Invalid, Some(422)));
}
