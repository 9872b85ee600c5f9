//! A plugin that is reloaded while a run goes on, and stored state of another format than the build that is there now.

use bindery::{
    base::Timestamp,
    record::cursor::{self, Move},
    storage::Durability,
};
use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

fn shop() -> Shop {
    Shop::start(Options { products: 12, customers: 1, orders: 0, ..Options::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_page_comes_through_what_was_loaded_meanwhile_and_the_page_before_is_not_done_again() {
    let shop = shop();
    let host = TestHost::new().await;
    host.connect(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "texts": { "page_size": "5" } })).await;
    let first = shop.gate("GET /products");
    let started = host.call("sync.start", json!({ "backend": "shop", "kind": "demo.product" })).await;
    first.arrived().await;
    let second = shop.gate("GET /products");
    first.release();
    second.arrived().await;
    host.install("extend").await;
    second.release();
    let standing = host.wait(&[started["jobs"][0]["id"].as_i64().unwrap()]).await;
    assert_eq!(standing.failed, 0, "{standing:#?}");

    let mut rows =
        host.rows("product.template", json!([["active", "in", [true, false]]]), &["name", "default_code"]).await;
    rows.sort_by_key(|row| row["default_code"].to_string());
    let is_marked = |row: &Value| row["name"].as_str().unwrap().ends_with("(marked)");
    assert_eq!(rows.len(), 12);
    assert!(rows[..5].iter().all(|row| !is_marked(row)), "the first page was mapped before: {rows:?}");
    assert!(rows[5..].iter().all(is_marked), "and the others after: {rows:?}");
    let fetched = shop.count("GET /products");
    assert!((4..=5).contains(&fetched), "three pages; one, or two that were on their way, again: {fetched}");
    let account = &standing.jobs[0].job.result.as_ref().unwrap()["account"];
    assert_eq!((&account["offered"], &account["created"], &account["pages"]), (&json!(12), &json!(12), &json!(3)));
    host.stop().await;
}

pub(crate) const KIND: &str = "format.category";

pub(crate) async fn of_the_second_format(shop: &Shop) -> TestHost {
    let host = TestHost::new().await;
    host.install("format").await;
    let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
    let backend = json!({ "name": "shop", "backend_type": "format", "settings": settings, "secrets": secrets });
    host.call("backend.add", backend).await;
    host
}

/// Stores a cursor as a build of some format would have left it.
pub(crate) async fn leave(host: &TestHost, value: &str, state_format: u32) {
    let (backend, value) = (host.host().backends.by_name("shop").unwrap().id, value.to_owned());
    let now = Timestamp::parse_rfc3339("2026-11-24T10:00:00Z").unwrap();
    let write = host.store().write(Durability::Durable, move |tx| {
        cursor::set(tx, backend, KIND, &Move { value: Some(&value), state_format, by: "an older build", now })
    });
    write.await.unwrap();
}

pub(crate) async fn history(host: &TestHost) -> Vec<String> {
    let moves = host.call("cursor.history", json!({ "backend": "shop", "kind": KIND })).await;
    moves["moves"].as_array().unwrap().iter().map(|one| one["by"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_an_older_format_is_carried_over_or_the_kind_is_read_anew() {
    let shop = shop();
    let host = of_the_second_format(&shop).await;
    leave(&host, "old:2100-01-01T00:00:00Z", 1).await;
    let standing = host.sync("shop", json!({ "kind": KIND })).await;
    let account = |standing: &bindery::operation::sync::Standing| {
        standing.jobs[0].job.result.as_ref().unwrap()["account"]["offered"].as_u64().unwrap()
    };
    assert_eq!(account(&standing), 0, "nothing was changed since 2100");
    assert!(history(&host).await.contains(&"format 1 to 2".to_owned()), "{:?}", history(&host).await);

    leave(&host, "nobody knows", 1).await;
    let standing = host.sync("shop", json!({ "kind": KIND })).await;
    assert_eq!(account(&standing), shop.len("categories") as u64, "everything is read");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_a_newer_format_is_refused_and_kept() {
    let shop = shop();
    let host = of_the_second_format(&shop).await;
    leave(&host, "from the future", 3).await;
    let standing = host.try_sync("shop", json!({ "kind": KIND })).await;
    let error = standing.jobs[0].job.error.clone().expect("it failed");
    assert_eq!(error.code, "sync.newer_state");
    assert!(
        error.message.contains("state format 3; the connector that is installed reads up to 2"),
        "{}",
        error.message
    );
    assert_eq!(shop.count("GET /categories"), 0);
    let shown = host.call("cursor.show", json!({ "backend": "shop", "kind": KIND })).await;
    assert_eq!(shown["cursors"][0]["value"], "from the future");
    host.call("cursor.reset", json!({ "backend": "shop", "kind": KIND })).await;
    host.sync("shop", json!({ "kind": KIND })).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_an_operator_sets_on_a_new_backend_is_obeyed() {
    let shop = shop();
    let host = of_the_second_format(&shop).await;
    host.call("cursor.set", json!({ "backend": "shop", "kind": KIND, "value": "2100-01-01T00:00:00Z" })).await;
    let standing = host.sync("shop", json!({ "kind": KIND })).await;
    assert_eq!(standing.jobs[0].job.result.as_ref().unwrap()["account"]["offered"], 0);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_scan_finds_unchanged_is_not_mapped_again() {
    let shop = shop();
    let host = TestHost::new().await;
    host.connect(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "texts": { "page_size": "5" } })).await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    host.call("cursor.reset", json!({ "backend": "shop", "kind": "demo.product" })).await;
    let calls = || host.host().plugins.show("demo").expect("it is installed").counts.expect("it serves").calls;
    let before = calls();
    let standing = host.sync("shop", json!({ "kind": "demo.product" })).await;
    let account = &standing.jobs[0].job.result.as_ref().unwrap()["account"];
    assert_eq!((&account["unchanged"], &account["updated"]), (&json!(12), &json!(0)));
    assert_eq!(calls() - before, 3, "one call for each page, and none to map");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_records_are_matched_by_is_looked_up_in_an_index() {
    let shop = shop();
    let host = TestHost::new().await;
    host.connect(&shop).await;
    let indexed = host.store().read(|tx| {
        let table = bindery::storage::Statement::generated(
            "select tbl_name from sqlite_master where type = 'index' and name like '%default_code_match'".to_owned(),
        );
        let table = tx.first(&table, &[], |row| row.string(0))?.expect("there is an index");
        let plan = format!("explain query plan select id from \"{table}\" where \"default_code\" in ('a', 'b')");
        tx.first(&bindery::storage::Statement::generated(plan), &[], |row| row.string(3))
    });
    let plan = indexed.await.unwrap().expect("a plan");
    assert!(plan.contains("default_code_match"), "{plan}");
    host.stop().await;
}
