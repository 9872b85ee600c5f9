//! The ways of an import where all goes well: one record, a set, a filtered set, page by page, with what it needs, and
//! without mapping what did not change.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

async fn connected(options: Options, page_size: u32) -> (TestHost, Shop) {
    let shop = Shop::start(options);
    let host = TestHost::over(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "page_size": page_size } })).await;
    (host, shop)
}

/// Calls into the demo connector so far.
fn calls(host: &TestHost) -> u64 {
    host.host().plugins.generation("demo").expect("it is installed").counts().calls
}

/// What was asked of a path of the shop so far, as queries.
fn queries(shop: &Shop, path: &str) -> Vec<String> {
    let asked = shop.requests().into_iter().filter(|entry| entry.path == path);
    asked.map(|entry| entry.query).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_is_read_alone_and_brings_what_it_needs() {
    let (host, shop) = connected(Options { products: 20, customers: 20, orders: 5, ..Options::default() }, 100).await;
    let standing = host.sync("shop", json!({ "kind": "demo.order", "id": "3" })).await;
    let job = &standing.jobs[0].job;
    assert_eq!((job.kind.as_str(), job.description.as_str()), ("import.record", "Import demo.order 3"));
    assert_eq!(host.bound("demo.order").await, ["3"]);
    let order = shop.item("orders", 3);
    assert_eq!(host.bound("demo.customer").await, [order["customer_id"].to_string()]);
    let mut products: Vec<u64> =
        order["lines"].as_array().unwrap().iter().filter_map(|line| line["product_id"].as_u64()).collect();
    products.sort_unstable();
    products.dedup();
    let products: Vec<String> = products.iter().map(u64::to_string).collect();
    assert_eq!(host.bound("demo.product").await, products);
    assert!(queries(&shop, "/orders").is_empty(), "no list was read");
    let ours = host.record("demo.order", "3", &["name", "partner_id"]).await;
    let customer = host.binding("demo.customer", &order["customer_id"].to_string()).await;
    assert_eq!((&ours["name"], &ours["partner_id"]), (&order["number"], &customer["record"]));
    let binding = host.binding("demo.order", "3").await;
    assert_eq!((&binding["sync_status"], &binding["retry_count"]), (&json!("success"), &json!(0)));
    assert!(binding["sync_date"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bound_is_not_read_again_for_those_that_need_it() {
    let (host, shop) = connected(Options { products: 20, customers: 20, orders: 10, ..Options::default() }, 100).await;
    host.sync("shop", json!({ "only": "customers" })).await;
    host.sync("shop", json!({ "only": "products" })).await;
    shop.clear_requests();
    let account = host.import("demo.order").await;
    assert_eq!((account.created, account.dependencies), (10, 0), "{account}");
    let paths: Vec<String> = shop.requests().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/orders"], "one page, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_set_is_all_that_is_read_and_moves_no_cursor() {
    let (host, shop) = connected(Options { products: 20, ..Options::default() }, 100).await;
    let filters = json!({ "filters": { "sku": "SKU-000007" } });
    let account = host.import_with("demo.product", filters).await;
    assert_eq!((account.offered, account.created), (1, 1), "{account}");
    assert_eq!(host.bound("demo.product").await, ["7"]);
    assert!(queries(&shop, "/products")[0].contains("sku=SKU-000007"));
    assert_eq!(host.cursor("demo.product").await, None);
    assert_eq!(host.import("demo.product").await.created, 19, "the rest comes with the next sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_fetched_while_this_one_is_prepared_and_none_further() {
    let (host, shop) = connected(Options { products: 40, ..Options::default() }, 10).await;
    // The first page is prepared, and waits for a category that it needs.
    let category = shop.item("products", 1)["category_id"].to_string();
    let held = shop.gate(&format!("GET /categories/{category}"));
    let second = shop.gate_after("GET /products", 1, bindery_tests::Point::Before);
    let job = host.start_sync(json!({ "kind": "demo.product" })).await;
    held.arrived().await;
    second.arrived().await;
    assert!(host.bound("demo.product").await.is_empty(), "nothing of the first page is written yet");
    second.release();
    held.release();
    assert_eq!(host.wait(&[job]).await.failed, 0);
    assert_eq!((host.bound("demo.product").await.len(), shop.count("GET /products")), (40, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_not_mapped_again() {
    let (host, shop) = connected(Options { products: 3, customers: 30, ..Options::default() }, 100).await;
    host.import("demo.customer").await;
    let before = calls(&host);
    // Seeded a second apart, most of them lie within the overlap and are read again.
    let account = host.import("demo.customer").await;
    assert!(account.unchanged > 20 && account.unchanged == account.offered, "{account}");
    assert_eq!(calls(&host) - before, 1, "one call to list, none to map");
    shop.edit("customers", 5, json!({ "phone": "+49 1" }));
    let before = calls(&host);
    let account = host.import("demo.customer").await;
    assert_eq!((account.updated, account.offered - account.unchanged), (1, 1), "{account}");
    assert_eq!(calls(&host) - before, 2, "one call to list, one to map what changed");
    // Forced, everything is listed and mapped, and still only what differs is written.
    let before = calls(&host);
    let account = host.import_with("demo.customer", json!({ "force": true })).await;
    assert_eq!((account.offered, account.unchanged), (30, 30), "{account}");
    assert_eq!(calls(&host) - before, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_changed_here_is_mapped_again_and_gets_their_values_back() {
    let (host, _shop) = connected(Options { products: 3, customers: 5, ..Options::default() }, 100).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "export": "none" } })).await;
    host.import("demo.customer").await;
    let record = host.binding("demo.customer", "2").await["record"].clone();
    let theirs = host.record("demo.customer", "2", &["phone"]).await["phone"].clone();
    let change = json!({ "model": "res.partner", "id": record, "values": { "phone": "ours" } });
    host.call("record.write", change).await;
    let account = host.import("demo.customer").await;
    assert_eq!((account.updated, account.offered - account.unchanged), (1, 1), "{account}");
    assert_eq!(host.record("demo.customer", "2", &["phone"]).await["phone"], theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_follow_their_parents() {
    let (host, shop) = connected(Options { products: 10, customers: 5, orders: 3, ..Options::default() }, 100).await;
    host.sync("shop", json!({})).await;
    let mut lines: Vec<Value> = shop.item("orders", 1)["lines"].as_array().unwrap().clone();
    let there = || {
        let orders = shop.items("orders");
        orders.iter().map(|order| order["lines"].as_array().unwrap().len() as u64).sum::<u64>()
    };
    assert_eq!(host.count("sale.order.line", json!([])).await, there());
    let mut more = lines[0].clone();
    more["id"] = 777_777.into();
    more["quantity"] = 9.into();
    lines[0]["quantity"] = 8.into();
    lines.push(more);
    shop.edit("orders", 1, json!({ "lines": lines }));
    let account = host.import("demo.order").await;
    assert_eq!(account.updated, 1, "{account}");
    assert_eq!(host.count("sale.order.line", json!([])).await, there());
    assert_eq!(host.record("demo.order_line", "777777", &["product_uom_qty"]).await["product_uom_qty"], "9");
    lines.truncate(1);
    shop.edit("orders", 1, json!({ "lines": lines }));
    host.import("demo.order").await;
    assert_eq!(host.count("sale.order.line", json!([])).await, there());
    let first = lines[0]["id"].to_string();
    assert_eq!(host.record("demo.order_line", &first, &["product_uom_qty"]).await["product_uom_qty"], "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_imports_its_kinds_and_one_that_fails_does_not_stop_the_rest() {
    let (host, shop) = connected(Options { products: 6, customers: 4, orders: 2, ..Options::default() }, 100).await;
    shop.fault_always("GET /taxes", bindery_tests::Fault::status(400));
    let standing = host.try_sync("shop", json!({})).await;
    assert_eq!(standing.failed, 1, "{:#?}", standing.jobs);
    let failed = standing.jobs.iter().find(|job| job.job.error.is_some()).unwrap();
    assert_eq!(failed.job.description, "Sync products");
    assert!(failed.job.error.as_ref().unwrap().message.contains("/taxes answered 400"), "{:?}", failed.job.error);
    let steps: Vec<&str> = standing.jobs.iter().skip(1).map(|job| job.job.description.as_str()).collect();
    assert_eq!(steps, ["Sync customers", "Sync products", "Sync inventory", "Sync orders"]);
    assert_eq!(host.bound("demo.customer").await.len(), 4);
    assert_eq!(host.bound("demo.category").await.len(), shop.len("categories"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_connector_leaves_out_is_skipped_until_it_is_wanted() {
    let (host, shop) = connected(Options { products: 6, customers: 4, orders: 3, ..Options::default() }, 100).await;
    host.import("demo.order").await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "draft_orders": false } })).await;
    shop.edit("orders", 2, json!({ "state": "draft" }));
    let account = host.import("demo.order").await;
    assert_eq!(account.skipped, 1, "{account}");
    assert_eq!(host.binding("demo.order", "2").await["sync_status"], "skipped");
    shop.edit("orders", 2, json!({ "state": "confirmed" }));
    host.import("demo.order").await;
    assert_eq!(host.binding("demo.order", "2").await["sync_status"], "success");
    assert_eq!(host.record("demo.order", "2", &["state"]).await["state"], "sale");
}
