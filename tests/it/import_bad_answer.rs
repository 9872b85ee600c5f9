//! Outside systems that answer badly in the middle of an import: the error names cause and cure, what was read before is
//! stored, the cursor stays, and once the system is well again everything arrives.

use bindery::{
    model::job::{Job, State},
    sync::{Account, guard::Limits},
};
use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::json;

const KIND: &str = "demo.customer";

/// A shop of three pages of customers, and a host that reads ten at a time.
async fn three_pages() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 30, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "page_size": 10 } })).await;
    (host, shop)
}

/// Imports customers while their second page goes wrong; answers the job as it stands then.
async fn second_page(host: &TestHost, shop: &Shop, fault: Fault) -> Job {
    shop.fault_after("GET /customers", 1, u32::MAX, fault);
    let job = host.start_sync(json!({ "kind": KIND })).await;
    host.failing(job).await
}

/// Checks what the operator is told, in the job and on the command line.
async fn told(host: &TestHost, job: &Job, code: &str, words: &[&str]) {
    let error = job.error.as_ref().expect("an error");
    assert_eq!(error.code, code, "{error:?}");
    assert!(!error.cure.is_empty(), "{error:?}");
    let shown = host.run(["job", "show", &job.id.to_string()]).await.ok().out;
    for word in words.iter().chain([&code, &error.cure.as_str()]) {
        assert!(shown.contains(word), "{word:?} is missing in\n{shown}");
    }
}

/// The first page is stored, nothing else, and the next sync starts where this one did.
async fn first_page_is_kept(host: &TestHost) {
    assert_eq!(host.bound(KIND).await.len(), 10);
    assert_eq!(host.cursor(KIND).await, None);
}

/// The outside system is well again: everything arrives, nothing twice.
async fn all_arrives(host: &TestHost, shop: &Shop, job: &Job) {
    shop.clear_faults();
    let standing = host.retry(job.id).await;
    assert_eq!(standing.failed, 0, "{standing:#?}");
    let expected: Vec<String> = shop.items("customers").iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(host.bound(KIND).await, expected);
    assert_eq!(host.count("res.partner", json!([["parent_id", "=", null]])).await, 30);
    assert!(host.cursor(KIND).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_instead_of_json_is_named() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::Html).await;
    told(&host, &job, "sync.connector", &["HTML", "/customers"]).await;
    first_page_is_kept(&host).await;
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_ends_too_early_is_named() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::BrokenJson).await;
    told(&host, &job, "sync.not_json", &["not JSON", "Half a"]).await;
    first_page_is_kept(&host).await;
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_list_is_named() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::raw(r#"{"customers": []}"#)).await;
    told(&host, &job, "sync.no_items", &["/items", "customers"]).await;
    first_page_is_kept(&host).await;
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_cap_is_cut_off_and_told_with_the_setting() {
    let (host, shop) = three_pages().await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "max_body_bytes": 1_000_000 } })).await;
    for fault in [Fault::Huge { bytes: 5 * 1024 * 1024 }, Fault::Unending] {
        let job = second_page(&host, &shop, fault).await;
        told(&host, &job, "sync.connector", &["1000000", "max_body_bytes"]).await;
        first_page_is_kept(&host).await;
        shop.clear_faults();
    }
    let job = second_page(&host, &shop, Fault::Huge { bytes: 5 * 1024 * 1024 }).await;
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_the_middle_is_tried_again_later() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::Cut { after: 200 }).await;
    told(&host, &job, "sync.connector_later", &["cut"]).await;
    assert_eq!(job.state, State::Pending, "it goes on by itself");
    first_page_is_kept(&host).await;
    let before = shop.count("GET /customers");
    all_arrives(&host, &shop, &job).await;
    assert_eq!(shop.count("GET /customers") - before, 2, "it goes on at the page that failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_names_itself_as_the_next_one_ends_the_run() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::RepeatedCursor).await;
    told(&host, &job, "sync.cursor_repeats", &["again"]).await;
    assert_eq!(job.state, State::Failed, "the same would come of it");
    assert_eq!((host.bound(KIND).await.len(), host.cursor(KIND).await), (20, None));
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ignores_paging_ends_the_run() {
    let (host, shop) = three_pages().await;
    let job = second_page(&host, &shop, Fault::IgnoresPaging).await;
    told(&host, &job, "sync.paging_ignored", &["no record"]).await;
    assert_eq!(job.state, State::Failed);
    first_page_is_kept(&host).await;
    all_arrives(&host, &shop, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_never_ends_is_ended() {
    let shop = Shop::start(Options { products: 3, customers: 10, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    let limits = json!({ "page_size": 2, "max_records": 7 });
    host.call("backend.set", json!({ "name": "shop", "settings": limits })).await;
    shop.fault("GET /categories", u32::MAX, Fault::Endless);
    let job = host.start_sync(json!({ "kind": "demo.category" })).await;
    let job = host.failing(job).await;
    told(&host, &job, "sync.endless_list", &["7 records", "max_records"]).await;
    assert_eq!(job.state, State::Failed);
    assert_eq!(host.bound("demo.category").await.len(), 6, "whole pages below the limit are stored");
    assert_eq!(Limits::default().records, 100_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_named_and_nothing_moves_until_they_are_right() {
    let (host, shop) = three_pages().await;
    host.import(KIND).await;
    let cursor = host.cursor(KIND).await;
    shop.touch("customers", 5);
    host.call("backend.set", json!({ "name": "shop", "secrets": { "api_token": "wrong" } })).await;
    let job = host.start_sync(json!({ "kind": KIND })).await;
    let job = host.failing(job).await;
    told(&host, &job, "sync.connector", &["401", "check the backend's credentials"]).await;
    assert_eq!((job.state, host.cursor(KIND).await), (State::Failed, cursor));
    let shown = host.run(["job", "show", &job.id.to_string(), "--json"]).await.ok().out;
    assert!(!shown.contains("wrong"), "the secret is in the error: {shown}");
    host.call("backend.set", json!({ "name": "shop", "secrets": { "api_token": shop.token() } })).await;
    let Account { updated, .. } = host.import(KIND).await;
    assert_eq!(updated, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_is_waited_for() {
    let (host, shop) = three_pages().await;
    // A port that was free a moment ago: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    host.call("backend.set", json!({ "name": "shop", "settings": { "api_url": format!("http://{nobody}") } })).await;
    let job = host.start_sync(json!({ "kind": KIND })).await;
    let job = host.failing(job).await;
    let address = nobody.to_string();
    told(&host, &job, "sync.connector_later", &["no connection", &address, "check that the address is right"]).await;
    assert_eq!(job.state, State::Pending);
    host.call("backend.set", json!({ "name": "shop", "settings": { "api_url": shop.url() } })).await;
    all_arrives(&host, &shop, &job).await;
}
