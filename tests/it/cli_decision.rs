//! What a person sees of what waits for a decision, word for word: conflicts, and exports on the review list; as text, and
//! with `--json`.

use bindery::base::Timestamp;
use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

/// The clock stands still, so that nothing in the answers passes.
async fn host() -> TestHost {
    TestHost::at(Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").expect("a time")).await
}

/// What differs from run to run: jobs are numbered as they come.
fn lasting(text: &str) -> String {
    let mut parts = text.split("job ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit());
        kept.push_str(if rest.len() < part.len() { "job [id]" } else { "job " });
        kept.push_str(rest);
    }
    kept
}

async fn keeps(host: &TestHost, name: &str, arguments: &[&str]) {
    let text = host.run(arguments).await.ok();
    insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("{name}_text"), lasting(&text.out));
    });
}

async fn keeps_both(host: &TestHost, name: &str, arguments: &[&str]) -> Value {
    keeps(host, name, arguments).await;
    let document = host.run(arguments.iter().chain(&["--json"])).await.ok().json();
    insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!(format!("{name}_json"), document);
    });
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts() {
    let shop = Shop::start(Options { products: 3, customers: 0, orders: 0, ..Options::default() });
    let host = host().await;
    host.connect(&shop).await;
    for kind in ["demo.category", "demo.tax", "demo.product"] {
        host.sync("shop", json!({ "kind": kind })).await;
    }
    host.call("backend.set", json!({ "name": "shop", "texts": { "conflict": "ask" } })).await;
    keeps_both(&host, "conflict_list_none", &["conflict", "list"]).await;
    for id in [1, 2, 3] {
        shop.edit("products", id, json!({ "title": "By them", "price": 7.5 }));
        host.edit("demo.product", &id.to_string(), json!({ "name": "By us", "list_price": "99.50" })).await;
        host.exported().await;
    }
    let listed = keeps_both(&host, "conflict_list", &["conflict", "list", "--backend", "shop"]).await;
    let ids: Vec<String> =
        listed["conflicts"].as_array().expect("conflicts").iter().map(|one| one["id"].to_string()).collect();
    keeps_both(&host, "conflict_show", &["conflict", "show", &ids[0]]).await;
    keeps(&host, "conflict_resolve_ours", &["conflict", "resolve", &ids[0], "--ours"]).await;
    let by_field = ["conflict", "resolve", &ids[1], "--theirs", "--field", "name=ours"];
    keeps(&host, "conflict_resolve_field", &by_field).await;
    let mut resolved = host.run(["conflict", "resolve", &ids[2], "--theirs", "--json"]).await.ok().json();
    assert!(resolved["job"].take().as_i64().is_some(), "jobs are numbered as they come: {resolved}");
    insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!("conflict_resolve_json", resolved);
    });
    let again = host.run(["conflict", "resolve", &ids[0], "--ours", "--json"]).await;
    assert_eq!((again.code, again.json()["error"]["code"].clone()), (Some(1), json!("sync.refused")), "{}", again.out);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_fate_is_unknown() {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    let host = host().await;
    host.connect_exporter(&shop).await;
    host.set_policy("other", "exporter.category", json!({ "export": "all" })).await;
    shop.fault("POST /categories", 1, Fault::Cut { after: 3 });
    let record = host.make("product.category", json!({ "name": "Unknown" })).await;
    let job = host.exporting("exporter.category").await;
    host.failing(job).await;
    host.retry_exports().await;
    let listed = host.run(["review", "list", "--json"]).await.ok().json();
    let item = listed["items"][0]["id"].to_string();
    let shown = host.run(["review", "show", &item]).await.ok().out;
    for part in ["unknown_create", "--external-id ID, --send, --skip", "nobody knows whether", &record.to_string()] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let id = shop.items("categories").last().expect("it is there")["id"].to_string();
    keeps(&host, "review_resolve_external_id", &["review", "resolve", &item, "--external-id", &id]).await;
    keeps(&host, "review_list_none", &["review", "list"]).await;
    host.stop().await;
}
