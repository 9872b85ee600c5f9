//! New builds of a plugin while the host works: what is replaced serves next, what runs ends where it began, and what is
//! bad changes nothing.

use std::{fs, path::Path, time::Duration};

use bindery_tests::{Options, Shop, TestHost, plugin, raw};
use serde_json::{Value, json};

/// Another build of the demo connector: the same code with another digest.
fn build(folder: &Path, number: usize) {
    let mut bytes = fs::read(plugin("demo")).expect("it is built");
    bytes.extend(format!("build {number}").bytes());
    // As a copy does; moved into place, as an installer does, the first time.
    if number.is_multiple_of(2) {
        fs::write(folder.join("demo.so"), bytes).expect("room");
    } else {
        fs::write(folder.join("demo.part"), bytes).expect("room");
        fs::rename(folder.join("demo.part"), folder.join("demo.so")).expect("the same folder");
    }
}

/// Waits until the demo connector is shown as wanted.
async fn until(host: &TestHost, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let found = async {
        loop {
            look.tick().await;
            let list = host.call("plugin.list", json!({})).await;
            let demo = list["plugins"].as_array().expect("a list").iter().find(|plugin| plugin["id"] == "demo");
            if let Some(demo) = demo.filter(|demo| wanted(demo)) {
                return demo.clone();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

async fn watching(folder: &Path) -> TestHost {
    TestHost::start(bindery_tests::Data::new(), |options| options.plugins = Some(folder.to_owned())).await
}

async fn add_backend(host: &TestHost, shop: &Shop) {
    let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
    let backend = json!({ "name": "shop", "backend_type": "demo", "settings": settings, "secrets": secrets });
    host.call("backend.add", backend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_written_into_the_plugin_folder_serve_next_and_no_job_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    build(folder.path(), 0);
    let shop = Shop::start(Options { products: 40, customers: 20, orders: 20, ..Options::default() });
    let host = watching(folder.path()).await;
    until(&host, "the first build", |demo| demo["generation"] == 1).await;
    add_backend(&host, &shop).await;
    let gates = [shop.gate("GET /customers"), shop.gate("GET /products"), shop.gate("GET /orders")];
    let started = host.call("sync.start", json!({ "backend": "shop" })).await;
    let jobs: Vec<i64> =
        started["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["id"].as_i64()).collect();
    for (number, gate) in gates.iter().enumerate() {
        gate.arrived().await;
        build(folder.path(), number + 1);
        until(&host, "the next build", |demo| demo["generation"] == number + 2).await;
        gate.release();
    }
    let standing = host.wait(&jobs).await;
    assert_eq!(standing.failed, 0, "{:#?}", standing.jobs);
    assert_eq!(host.bindings("shop", "demo.product", "success").await.len(), shop.items("products").len());
    assert_eq!(host.bindings("shop", "demo.order", "success").await.len(), shop.items("orders").len());
    host.sync("shop", json!({})).await;
    let serving = host.host().plugins.generation("demo").expect("it serves");
    assert_eq!(serving.number, 4);
    assert!(serving.counts().calls > 0, "new work takes the newest build");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_build_in_the_folder_is_shown_and_the_one_before_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    build(folder.path(), 0);
    let shop = Shop::start(Options { products: 5, ..Options::default() });
    let host = watching(folder.path()).await;
    until(&host, "the first build", |demo| demo["generation"] == 1).await;
    add_backend(&host, &shop).await;
    let whole = fs::read(plugin("demo")).expect("it is built");
    fs::write(folder.path().join("demo.so"), &whole[..whole.len() / 2]).expect("room");
    let shown = until(&host, "the refusal", |demo| demo["state"] == "stale").await;
    assert_eq!(shown["error"]["code"], "plugin.truncated", "{shown}");
    assert!(!shown["error"]["cure"].as_str().expect("a cure").is_empty());
    assert_eq!(shown["generation"], 1);
    host.sync("shop", json!({ "only": "products" })).await;
    assert_eq!(host.bindings("shop", "demo.product", "success").await.len(), 5);
    build(folder.path(), 1);
    let shown = until(&host, "the mended build", |demo| demo["state"] == "ready" && demo["generation"] == 2).await;
    assert!(shown["error"].is_null(), "{shown}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_plugin_is_left_alone_and_the_others_are_installed() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.so"), "no library").expect("room");
    build(folder.path(), 0);
    let host = watching(folder.path()).await;
    until(&host, "the plugin beside it", |demo| demo["state"] == "ready").await;
    assert_eq!(host.call("plugin.list", json!({})).await["plugins"].as_array().map(Vec::len), Some(1));
    let host = host.restart().await;
    until(&host, "the plugin after a restart", |demo| demo["state"] == "ready" && demo["generation"] == 1).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_installed_by_hand_while_a_job_runs_serves_next_and_the_job_does_not_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::start(Options { products: 30, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    let gate = shop.gate("GET /products");
    let started = host.call("sync.start", json!({ "backend": "shop", "only": "products" })).await;
    let jobs: Vec<i64> =
        started["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["id"].as_i64()).collect();
    gate.arrived().await;
    build(folder.path(), 1);
    let file = folder.path().join("demo.so");
    let installed = host.run(["plugin", "install", file.to_str().expect("UTF-8"), "--json"]).await.ok().json();
    assert_eq!(installed["generation"], 2, "{installed}");
    gate.release();
    assert_eq!(host.wait(&jobs).await.failed, 0);
    assert_eq!(host.bindings("shop", "demo.product", "success").await.len(), 30);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_serves_only_once_the_models_know_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = TestHost::new().await;
    let field = |field_type: &str| json!([{ "model": "product.template", "name": "shelf_life", "type": field_type }]);
    let install =
        |name: &str, changes: Value| json!({ "file": raw::with_manifest(folder.path(), name, &raw::changed(changes)) });
    host.call("plugin.install", install("one.so", json!({ "fields": field("integer") }))).await;
    assert!(host.rows("product.template", json!([["shelf_life", "=", 3]]), &["shelf_life"]).await.is_empty());
    // The same field with another type: the models refuse it, so the build does not serve.
    let changed = install("one.so", json!({ "version": "1.0.1", "fields": field("text") }));
    let problem = host.fails("plugin.install", changed).await;
    let shown = host.call("plugin.show", json!({ "id": "raw" })).await;
    assert_eq!((shown["state"].as_str(), shown["generation"].as_u64()), (Some("stale"), Some(1)), "{shown}");
    assert_eq!(shown["error"]["code"], problem.code);
    assert_eq!(host.host().plugins.generation("raw").expect("it serves").manifest.version, "1.0.0");
    // One that nobody has yet is not listed at all.
    let other = json!({ "id": "other", "backend_types": ["other"], "fields": field("text") });
    host.fails("plugin.install", install("two.so", other)).await;
    assert_eq!(host.call("plugin.list", json!({})).await["plugins"].as_array().map(Vec::len), Some(1));
    host.stop().await;
}
