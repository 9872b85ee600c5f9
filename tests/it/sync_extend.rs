//! Plugins that extend a connector: composed where everything is clear, and nothing mapped where it is not.

use bindery::{model::job::State, operation::Work};
use bindery_tests::{Options, Shop, TestHost, raw};
use serde_json::{Value, json};

async fn prepared() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 4, customers: 2, orders: 1, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    (host, shop)
}

async fn product(host: &TestHost, sku: &str) -> Value {
    let fields = ["name", "weight", "description", "type"];
    let rows = host.rows("product.template", json!([["default_code", "=", sku]]), &fields).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// The account of the only job of a sync.
fn account(standing: &bindery::operation::sync::Standing) -> Value {
    standing.jobs[0].job.result.clone().expect("it is done")["account"].clone()
}

/// Installs the raw connector under a manifest of its own.
async fn install_raw(host: &TestHost, name: &str, changes: Value) {
    let file = raw::with_manifest(host.data.as_ref(), &format!("{name}.so"), &raw::changed(changes));
    host.call("plugin.install", json!({ "file": file })).await;
}

/// A plugin that stands in place of a rule of the demo connector.
fn rival(rule: &str, requirement: &str) -> Value {
    json!({"id": "rival", "backend_types": [], "ops": ["extend"], "extensions": [{
        "connector": "demo", "requirement": requirement, "component": "demo.product.import.mapper", "rule": rule,
        "place": "instead", "name": "rival_rule", "sets": [rule],
    }]})
}

/// The job of a sync of products that may not run, and why.
async fn parked(host: &TestHost) -> (i64, String) {
    let standing = host.try_sync("shop", json!({ "only": "products" })).await;
    let job = &standing.jobs[0].job;
    (job.id, job.parked.clone().unwrap_or_else(|| panic!("it is not parked: {job:#?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_rules_run_in_their_places_over_the_connectors_own() {
    let (host, shop) = prepared().await;
    host.install("extend").await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    let title = shop.item("products", 1)["title"].as_str().unwrap().to_owned();
    let found = product(&host, "SKU-000001").await;
    assert_eq!(found["name"], format!("{title} (marked)"));
    assert_eq!(found["weight"].to_string().trim_matches('"').parse::<f64>().unwrap(), 7.0, "in place of the rule");
    assert_eq!(found["description"], format!("SKU-000001 is {title} (marked)"), "after all of them");
    assert_eq!(found["type"], "service");
    let shown = host.call("plugin.show", json!({ "id": "extend" })).await;
    let names: Vec<&Value> = shown["extensions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["marked_name", "grams", "service", "described", "sent_ref", "sent_phone"]);
    assert!(shown["extensions"].as_array().unwrap().iter().all(|one| one.get("error").is_none()), "{shown}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_the_mapping_maps_again_and_nothing_else_does() {
    let (host, _shop) = prepared().await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    let plain = product(&host, "SKU-000001").await;
    host.install("extend").await;
    let all = || async {
        host.call("cursor.reset", json!({ "backend": "shop", "kind": "demo.product" })).await;
        account(&host.sync("shop", json!({ "kind": "demo.product" })).await)
    };
    let again = all().await;
    assert_eq!((&again["updated"], &again["unchanged"]), (&json!(4), &json!(0)), "{again}");
    let marked = product(&host, "SKU-000001").await;
    assert_ne!(plain["name"], marked["name"]);
    assert_eq!(marked["type"], plain["type"], "a rule for new records stays one, whoever stands in its place");
    let third = all().await;
    assert_eq!((&third["updated"], &third["unchanged"]), (&json!(0), &json!(4)), "{third}");
    // Kinds that no rule of it concerns are not mapped again.
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_settings_and_secrets_of_its_own_in_each_backend() {
    let (host, shop) = prepared().await;
    host.install("extend").await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    let title = shop.item("products", 1)["title"].as_str().unwrap().to_owned();
    assert_eq!(product(&host, "SKU-000001").await["name"], format!("{title} (marked)"), "its default");

    let set =
        json!({ "name": "shop", "extension": "extend", "texts": { "mark": "ours" }, "secrets": { "stamp": "s3cret" } });
    let shown = host.call("backend.set", set).await;
    assert_eq!(shown["business"]["extensions"], json!({ "extend": { "mark": "ours" } }));
    assert_eq!(shown["secrets"]["extend:stamp"], "***");
    assert!(!shown.to_string().contains("s3cret"));
    host.call("cursor.reset", json!({ "backend": "shop", "kind": "demo.product" })).await;
    let again = account(&host.sync("shop", json!({ "kind": "demo.product" })).await);
    assert_eq!(
        (&again["updated"], &again["unchanged"]),
        (&json!(4), &json!(0)),
        "what it sets is mapped again: {again}"
    );
    let found = product(&host, "SKU-000001").await;
    assert_eq!(found["name"], format!("{title} (ours)"));
    assert_eq!(found["description"], format!("SKU-000001 is {title} (ours), stamped with 6 letters"));

    host.call("backend.set", json!({ "name": "shop", "extension": "extend", "unset": ["mark", "stamp"] })).await;
    host.call("cursor.reset", json!({ "backend": "shop", "kind": "demo.product" })).await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    let found = product(&host, "SKU-000001").await;
    assert_eq!(found["description"], format!("SKU-000001 is {title} (marked)"), "what is unset is the default again");

    for (extension, texts, wanted) in [
        ("extend", json!({ "make": "x" }), "make is unknown; did you mean mark?"),
        ("extend", json!({ "stamp": "x" }), "stamp is a secret"),
        ("other", json!({ "mark": "x" }), "other does not extend demo; known are extend"),
    ] {
        let refused =
            host.fails("backend.set", json!({ "name": "shop", "extension": extension, "texts": texts })).await;
        assert!(refused.message.contains(wanted), "{}", refused.message);
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_in_one_place_stop_the_backend_until_one_is_left_out() {
    let (host, _shop) = prepared().await;
    host.install("extend").await;
    install_raw(&host, "rival", rival("weight", "*")).await;
    let (job, reason) = parked(&host).await;
    assert!(
        reason.contains("rule weight of demo.product.import.mapper is claimed by extend (grams) and rival"),
        "{reason}"
    );
    assert_eq!(host.count("product.template", json!([])).await, 0, "nothing is mapped by half");
    let status = host.call("status.show", json!({})).await;
    assert!(
        status["backends"][0]["trouble"].as_str().is_some_and(|trouble| trouble.contains("claimed by")),
        "{status}"
    );
    let leave_out = json!({ "name": "shop", "texts": { "without_extensions": "rival" } });
    host.call("backend.set", leave_out).await;
    // What waited goes on by itself.
    let Work::All(runner) = &host.host().work else { panic!("the host serves") };
    assert_eq!(runner.wait(job).await.unwrap().state, State::Done);
    assert!(product(&host, "SKU-000001").await["name"].as_str().unwrap().ends_with("(marked)"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_for_other_versions_is_told_with_both_versions() {
    let (host, _shop) = prepared().await;
    install_raw(&host, "rival", rival("weight", "^99")).await;
    let (_, reason) = parked(&host).await;
    assert!(reason.contains("extension rival_rule of rival needs demo ^99, installed is 0.1.0"), "{reason}");
    let shown = host.call("plugin.show", json!({ "id": "rival" })).await;
    assert_eq!(shown["extensions"][0]["error"]["code"], "plugin.requirement_unmet");
    install_raw(&host, "rival", rival("size", "^0.1")).await;
    let shown = host.call("backend.show", json!({ "name": "shop" })).await;
    let trouble = shown["trouble"].as_str().unwrap_or_default();
    assert!(trouble.contains("rule size in component demo.product.import.mapper of demo 0.1.0"), "{shown}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_an_extension_does_not_fit_leaves_the_build_before_serving_until_the_next_start() {
    let host = TestHost::new().await;
    let connector =
        |version: &str| json!({"version": version, "components": [{"name": "raw.mapper", "usage": "import.mapper"}]});
    install_raw(&host, "raw", connector("1.0.0")).await;
    let extension = json!({"id": "rival", "backend_types": [], "ops": ["extend"], "extensions": [{
        "connector": "raw", "requirement": "^1", "component": "raw.mapper", "name": "last_word", "sets": ["name"]}]});
    install_raw(&host, "rival", extension).await;
    host.call("backend.add", json!({ "name": "shop", "backend_type": "raw" })).await;
    host.call("backend.test", json!({ "name": "shop" })).await;
    install_raw(&host, "raw", connector("2.0.0")).await;
    let trouble = |shown: &Value| shown["trouble"].as_str().unwrap_or_default().to_owned();
    let shown = host.call("backend.show", json!({ "name": "shop" })).await;
    assert!(trouble(&shown).contains("needs raw ^1, installed is 2.0.0"), "{shown}");
    host.call("backend.test", json!({ "name": "shop" })).await;
    let host = host.restart().await;
    host.fails("backend.test", json!({ "name": "shop" })).await;
    install_raw(&host, "raw", connector("1.1.0")).await;
    host.call("backend.test", json!({ "name": "shop" })).await;
    let shown = host.call("backend.show", json!({ "name": "shop" })).await;
    assert_eq!(trouble(&shown), "");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_load_any_more_is_missed() {
    let (host, _shop) = prepared().await;
    host.install("extend").await;
    host.sync("shop", json!({ "kind": "demo.product" })).await;
    let digest = host.call("plugin.show", json!({ "id": "extend" })).await["sha256"].as_str().unwrap().to_owned();
    let data = host.stop().await;
    let mut damaged = 0;
    for entry in std::fs::read_dir(data.path().join("plugins")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(&digest[..12])) {
            std::fs::write(&path, b"not a library any more").unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the copy of the plugin is found");
    let host = TestHost::start(data, |_| {}).await;
    let (_, reason) = parked(&host).await;
    assert!(reason.contains("extend extends demo and can't be loaded"), "{reason}");
    host.stop().await;
}
