//! The host put together: started, asked, stopped and started again within one process, on the test's own clock.

use bindery::{base::Timestamp, operation::Caller};
use bindery_tests::{Data, Options, Shop, TestHost};
use serde_json::json;

fn noon() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_arrives_and_is_there_after_a_restart() {
    let shop = Shop::start(Options { products: 12, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    host.sync("shop", json!({ "only": "products" })).await;
    let (products, bindings) = (host.count("product.template", json!([])).await, "demo.product");
    assert!(products > 0);
    let bound = host.bindings("shop", bindings, "success").await;
    assert_eq!(bound.len(), shop.items("products").len());
    let host = host.restart().await;
    assert_eq!(host.count("product.template", json!([])).await, products);
    assert_eq!(host.bindings("shop", bindings, "success").await, bound);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_the_one_it_was_started_with() {
    let host = TestHost::at(noon()).await;
    assert_eq!(host.call("status.show", json!({})).await["started"], "2026-11-24T12:00:00Z");
    host.call("record.create", json!({ "model": "res.partner", "values": { "name": "Ada" } })).await;
    host.clock().advance_seconds(60);
    host.call("record.create", json!({ "model": "res.partner", "values": { "name": "Ben" } })).await;
    let rows = host.rows("res.partner", json!([["name", "in", ["Ada", "Ben"]]]), &["name", "create_date"]).await;
    let dates: Vec<_> = rows.iter().map(|row| &row["create_date"]).collect();
    assert_eq!(dates, ["2026-11-24T12:00:00Z", "2026-11-24T12:01:00Z"], "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reaches_it_through_its_socket() {
    let host = TestHost::new().await;
    let status = host.run(["status", "--json"]).await.ok().json();
    assert_eq!(status["process"], std::process::id());
    let data: Data = host.stop().await;
    assert_eq!(data.run(["status", "--json"]).ok().json()["serving"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_belongs_to_no_group_is_refused() {
    let host = TestHost::new().await;
    let refused = host.call_as(&Caller::nobody(), "status.show", json!({})).await.unwrap_err();
    assert!(!refused.cure.is_empty(), "{refused:?}");
    assert_eq!(host.fails("backend.show", json!({ "name": "nowhere" })).await.code, "backend.unknown");
}
