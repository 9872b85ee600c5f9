//! A run that is half done when a build comes whose stored state has a newer format: it starts over with that build from
//! the cursor that was committed last, carried over where the build can, and from the beginning where it can't. What the
//! earlier build has written stays, once.

use bindery::operation::sync::Standing;
use bindery_tests::{Data, Options, Shop, TestHost, plugin};
use serde_json::{Value, json};

use crate::sync_reload::{KIND, history, leave};

fn shop() -> Shop {
    Shop::start(Options { products: 40, customers: 1, orders: 0, ..Options::default() })
}

/// A run that begins at a cursor of the first format and meets the second one after its first page.
async fn reloaded_in_the_middle(shop: &Shop, cursor: &str) -> (TestHost, Standing) {
    let host = TestHost::new().await;
    host.install("older_format").await;
    let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
    let backend = json!({ "name": "shop", "backend_type": "format", "settings": settings, "secrets": secrets });
    host.call("backend.add", backend).await;
    leave(&host, cursor, 1).await;
    let second = shop.gate_after("GET /categories", 1, bindery_tests::Point::Before);
    let started = host.call("sync.start", json!({ "backend": "shop", "kind": KIND })).await;
    second.arrived().await;
    host.install("format").await;
    second.release();
    let standing = host.wait(&[started["jobs"][0]["id"].as_i64().expect("a job")]).await;
    assert_eq!(standing.failed, 0, "{standing:#?}");
    (host, standing)
}

fn result(standing: &Standing) -> &Value {
    standing.jobs[0].job.result.as_ref().expect("it is done")
}

fn notes(result: &Value) -> String {
    result["notes"].as_array().expect("notes").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Each record was made once; those that the earlier build had written were offered again, and were as they should be.
fn is_accounted(account: &Value, shop: &Shop) {
    let (count, pages) = (shop.len("categories") as u64, account["pages"].as_u64().expect("a number"));
    let again = account["unchanged"].as_u64().expect("a number");
    assert!(account["created"] == count && account["offered"] == count + again, "{account}");
    assert!(again > 0 && pages > count.div_ceil(2), "a page was done before: {account}");
}

/// The queries by which categories were asked for.
fn queries(shop: &Shop) -> Vec<String> {
    shop.requests().into_iter().filter(|entry| entry.path == "/categories").map(|entry| entry.query).collect()
}

async fn is_whole(host: &TestHost, shop: &Shop) {
    let there = shop.len("categories") as u64;
    assert!(there > 4, "several pages: {there}");
    assert_eq!(host.count("product.category", json!([])).await, there, "each record once");
    let bindings = host.bindings("shop", KIND, "").await;
    assert_eq!(bindings.len() as u64, there);
    assert!(bindings.iter().all(|binding| binding["sync_status"] == "success"), "{bindings:#?}");
    let again = host.sync("shop", json!({ "kind": KIND, "force": true })).await;
    assert_eq!(result(&again)["account"]["unchanged"], there, "{again:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_run_starts_over_from_its_cursor_in_the_newer_format() {
    let shop = shop();
    let (host, standing) = reloaded_in_the_middle(&shop, "old:2000-01-01T00:00:00Z").await;
    let (account, said) = (&result(&standing)["account"], notes(result(&standing)));
    is_accounted(account, &shop);
    assert!(said.contains("a plugin was reloaded") && !said.contains("anew"), "{said}");
    assert!(history(&host).await.contains(&"format 1 to 2".to_owned()), "{:?}", history(&host).await);
    let asked = queries(&shop);
    assert!(
        asked.iter().all(|query| query.contains("updated_since=2000-01-01")),
        "the cursor was carried over: {asked:?}"
    );
    is_whole(&host, &shop).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_run_whose_cursor_cannot_be_carried_over_reads_everything_anew() {
    let shop = shop();
    let (host, standing) = reloaded_in_the_middle(&shop, "2000-01-01T00:00:00Z").await;
    let (account, said) = (&result(&standing)["account"], notes(result(&standing)));
    is_accounted(account, &shop);
    assert!(said.contains("a plugin was reloaded") && said.contains("everything is read anew"), "{said}");
    let asked = queries(&shop);
    let anew = asked.iter().position(|query| query == "limit=2").expect("the newer build asked for all");
    assert!(asked[..anew].iter().all(|query| query.contains("updated_since")), "{asked:?}");
    assert!(asked[anew..].iter().all(|query| !query.contains("updated_since")), "{asked:?}");
    is_whole(&host, &shop).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_killed_host_starts_over_with_the_build_that_was_installed_meanwhile() {
    let (data, shop) = (Data::new(), shop());
    data.install("older_format");
    let (url, token) = (format!("api_url={}", shop.url()), data.write("token", shop.token()));
    let token = format!("api_token=@{}", token.display());
    data.run(["backend", "add", "shop", "--type", "format", "--set", &url, "--secret", &token]).ok();
    let host = data.serve();
    let third = shop.gate_after("GET /categories", 2, bindery_tests::Point::Before);
    let started = data.run(["sync", "shop", "--kind", KIND, "--json"]).ok().json();
    third.arrived().await;
    while data.count("product.category", "[]") == 0 {
        // The first page is on its way into the database.
        tokio::task::yield_now().await;
    }
    host.kill();
    third.release();
    let file = plugin("format");
    data.run([std::ffi::OsStr::new("plugin"), std::ffi::OsStr::new("install"), file.as_os_str()]).ok();
    let host = TestHost::start(data, |_| {}).await;
    let standing = host.wait(&[started["jobs"][0]["id"].as_i64().expect("a job")]).await;
    assert_eq!(standing.failed, 0, "{standing:#?}");
    is_accounted(&result(&standing)["account"], &shop);
    is_whole(&host, &shop).await;
    host.stop().await;
}
