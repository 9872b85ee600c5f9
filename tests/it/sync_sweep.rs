//! What failed is tried again by the host itself: on the binding's own budget, and anew when something else maps it.

use bindery::{base::Timestamp, storage::Signal};
use bindery_tests::{Data, Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

/// A host that looks for what is due all the time, on a clock that the test moves, with a small shop.
async fn prepared() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 6, customers: 3, orders: 2, ..Options::default() });
    let host = TestHost::start(Data::new(), |options| {
        options.clock = bindery::base::Clock::manual(Timestamp::parse_rfc3339("2026-11-24T10:00:00Z").unwrap());
        options.upkeep_interval = std::time::Duration::from_millis(5);
    })
    .await;
    host.connect(&shop).await;
    (host, shop)
}

/// One product of the list has no usable price, and reading it alone fails, until the faults are cleared.
fn spoil(shop: &Shop) {
    let fault = || Fault::WrongType { item: 2, field: "price".to_owned(), value: json!("much") };
    shop.fault_always("GET /products", fault());
    shop.fault_always("GET /products/3", Fault::status(422));
}

async fn products(host: &TestHost) {
    host.sync("shop", json!({ "kind": "demo.product" })).await;
}

/// The binding of the spoilt product, once it is as the test wants it.
async fn until(host: &TestHost, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut ended = host.store().listen(Signal::JobEnded);
    loop {
        ended.mark_unchanged();
        let all = host.bindings("shop", "demo.product", "").await;
        let found = all.into_iter().find(|binding| binding["external_id"] == "3").expect("it is bound or kept");
        if is_so(&found) {
            return found;
        }
        let wait = tokio::time::timeout(std::time::Duration::from_secs(30), ended.changed()).await;
        assert!(wait.is_ok(), "nothing happens any more: {found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_record_is_imported_once_its_fault_is_gone() {
    let (host, shop) = prepared().await;
    spoil(&shop);
    products(&host).await;
    let failed = until(&host, |binding| binding["sync_status"] == "failed").await;
    assert_eq!((&failed["retry_count"], &failed["can_retry"]), (&json!(1), &json!(true)));
    shop.clear_faults();
    host.clock().advance_seconds(61);
    let found = until(&host, |binding| binding["sync_status"] == "success").await;
    assert_eq!((&found["retry_count"], &found["last_error"]), (&json!(0), &Value::Null));
    assert_eq!(host.count("product.template", json!([["default_code", "=", "SKU-000003"]])).await, 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_end_and_then_the_record_waits_where_it_is_seen() {
    let (host, shop) = prepared().await;
    spoil(&shop);
    products(&host).await;
    for attempt in 1..=5 {
        until(&host, |binding| binding["sync_status"] == "failed" && binding["retry_count"] == attempt).await;
        host.clock().advance_seconds(86_401);
    }
    let given_up = until(&host, |binding| binding["can_retry"] == false).await;
    assert!(given_up["last_error"].as_str().is_some_and(|error| error.contains("422")), "{given_up}");
    assert_eq!(host.host().sync.sweep().await.unwrap(), 0, "nothing is tried any more");
    let status = host.call("status.show", json!({})).await;
    let kind = status["backends"][0]["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "demo.product");
    assert_eq!((&kind.unwrap()["failed"], &kind.unwrap()["given_up"]), (&json!(1), &json!(1)));
    let alarms = status["alarms"].to_string();
    assert!(alarms.contains("1 records failed and are not tried again"), "{alarms}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_mapper_gets_attempts_of_its_own() {
    let (host, shop) = prepared().await;
    spoil(&shop);
    products(&host).await;
    for attempt in 1..=5 {
        until(&host, |binding| binding["sync_status"] == "failed" && binding["retry_count"] == attempt).await;
        host.clock().advance_seconds(86_401);
    }
    shop.clear_faults();
    assert_eq!(host.host().sync.sweep().await.unwrap(), 0);
    // Something that takes part in the mapping changes: here the model, as a build of a plugin can.
    let change = r#"extend = "product.template"
fields = [{ name = "x_note", type = "text", label = "Note" }]
"#;
    let data = host.stop().await;
    std::fs::create_dir_all(data.path().join("models")).unwrap();
    std::fs::write(data.path().join("models/own.toml"), change).unwrap();
    let host = TestHost::start(data, |options| {
        options.upkeep_interval = std::time::Duration::from_millis(5);
    })
    .await;
    until(&host, |binding| binding["sync_status"] == "success").await;
    host.stop().await;
}
