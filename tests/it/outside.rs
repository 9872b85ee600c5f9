//! The same connector built twice: in the workspace, and outside it from the packaged SDK with other versions, another
//! profile and a lock file of its own. Both pass the same tests.

use std::path::PathBuf;

use bindery_tests::{Options, Shop, TestHost, artifact};
use serde_json::{Value, json};

/// A host with the file installed, and a backend over a shop.
async fn connected(file: PathBuf, shop: &Shop) -> TestHost {
    let host = TestHost::new().await;
    let installed = host.call("plugin.install", json!({ "file": file })).await;
    assert_eq!((&installed["id"], &installed["state"]), (&json!("demo"), &json!("ready")), "{installed}");
    let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
    let backend = json!({ "name": "shop", "backend_type": "demo", "settings": settings, "secrets": secrets });
    host.call("backend.add", backend).await;
    host
}

async fn loads_tests_and_imports(file: PathBuf) {
    let shop = Shop::start(Options { products: 30, customers: 20, orders: 25, ..Options::default() });
    let host = connected(file, &shop).await;
    let tested = host.call("backend.test", json!({ "name": "shop" })).await;
    assert!(tested.to_string().contains("Demo Shop"), "{tested}");
    host.sync("shop", json!({})).await;
    for (kind, resource) in [("demo.product", "products"), ("demo.customer", "customers"), ("demo.order", "orders")] {
        let bound = host.bindings("shop", kind, "success").await.len();
        assert_eq!(bound, shop.items(resource).len(), "{kind}");
    }
    shop.edit("products", 7, json!({ "title": "A better lamp", "price": 12.5 }));
    host.sync("shop", json!({ "only": "products" })).await;
    let rows = host.rows("product.template", json!([["name", "=", "A better lamp"]]), &["list_price"]).await;
    let prices: Vec<&Value> = rows.iter().map(|row| &row["list_price"]).collect();
    assert_eq!(prices.len(), 1, "{rows:?}");
    assert!(prices[0].to_string().contains("12.5"), "{rows:?}");
    host.stop().await;
}

/// Code and message of a connection test with a wrong token.
async fn refusal(file: PathBuf) -> (String, String) {
    let shop = Shop::start(Options { products: 3, ..Options::default() });
    let host = connected(file, &shop).await;
    host.call("backend.set", json!({ "name": "shop", "secrets": { "api_token": "wrong" } })).await;
    let problem = host.fails("backend.test", json!({ "name": "shop" })).await;
    host.stop().await;
    (problem.code.clone(), problem.message.replace(&shop.url(), ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_of_the_workspace_loads_tests_its_connection_and_imports() {
    loads_tests_and_imports(artifact("plugin:demo")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_built_outside_from_the_packaged_sdk_loads_tests_its_connection_and_imports() {
    loads_tests_and_imports(artifact("outside:demo")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_the_same_by_both() {
    let (code, message) = refusal(artifact("plugin:demo")).await;
    assert_eq!(code, "backend.connection_auth", "{message}");
    assert_eq!((code, message), refusal(artifact("outside:demo")).await);
}

/// Versions of a package in a lock file.
fn versions(lock: &str, name: &str) -> Vec<String> {
    let table: toml::Table = lock.parse().expect("a lock file is TOML");
    let packages = table["package"].as_array().expect("packages");
    let named = packages.iter().filter(|package| package["name"].as_str() == Some(name));
    named.filter_map(|package| package["version"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_is_built_outside_has_other_versions_of_what_crosses_nowhere_and_the_same_of_what_crosses() {
    let ours = include_str!("../../Cargo.lock");
    let theirs = include_str!("../outside/Cargo.lock");
    for other in ["serde", "serde_json", "tracing", "tracing-subscriber"] {
        assert_ne!(versions(ours, other), versions(theirs, other), "{other}: nothing is proven by equal versions");
    }
    assert_eq!(versions(ours, "abi_stable"), versions(theirs, "abi_stable"));
    assert_eq!(versions(ours, "async-ffi"), versions(theirs, "async-ffi"));
}
