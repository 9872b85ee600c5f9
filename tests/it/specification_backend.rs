//! The specification's backend over the real host: its form, its template methods, its two buttons.

use bindery::base::Timestamp;
use bindery_tests::{
    Fault, Options, Shop, TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::{Value, json};

use crate::specification_adapter::specimen;

async fn empty() -> FakeHttp {
    FakeHttp::start(|_, _| Reply::json(r#"{"items": []}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_says_what_it_is_and_its_form_has_groups_pages_defaults_and_secrets() {
    let host = TestHost::new().await;
    host.install("specimen").await;
    let plugin = host.call("plugin.show", json!({ "id": "specimen" })).await;
    assert_eq!(plugin["description"], "One of each: a connector for tests of what the specification promises.");
    assert_eq!(plugin["backend_types"], json!(["specimen", "specimen_plus"]));
    let setting = |name: &str| {
        let settings = plugin["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).cloned().unwrap()
    };
    let [url, key, secret] = ["api_url", "api_key", "api_secret"].map(setting);
    assert_eq!((&url["group"], &url["default"]), (&json!("API Configuration"), &json!("https://api.example.com")));
    assert_eq!((&key["required"], &key["secret"]), (&json!(true), &json!(true)));
    assert_eq!((&secret["required"], &secret["secret"]), (&json!(false), &json!(true)));
    assert_eq!(
        (&setting("page_size")["page"], &setting("page_size")["default"]),
        (&json!("Synchronization"), &json!(100))
    );
    assert_eq!(
        (&setting("warehouse")["page"], &setting("warehouse")["record"]),
        (&json!("Advanced"), &json!("stock.warehouse"))
    );
    let shown = host.run(["plugin", "show", "specimen"]).await.ok().out;
    for text in ["API Configuration", "Synchronization", "Advanced", "Asks whether the API is awake."] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_holds_until_it_is_set_and_a_required_secret_must_be_given() {
    let host = TestHost::new().await;
    host.install("specimen").await;
    let refused = host.fails("backend.add", json!({ "name": "one", "backend_type": "specimen" })).await;
    assert_eq!(refused.code, "backend.settings");
    assert_eq!(refused.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["api_key"]);
    let backend = json!({ "name": "one", "backend_type": "specimen", "secrets": { "api_key": "k" } });
    let added = host.call("backend.add", backend).await;
    assert_eq!(added["settings"]["api_url"], "https://api.example.com");
    assert_eq!(added["hosts"], json!(["https://api.example.com"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_names_a_record_of_ours_and_the_connector_reads_its_id() {
    let server = empty().await;
    let host = specimen(&server, "").await;
    let made = host
        .call("record.create", json!({ "model": "stock.warehouse", "values": { "name": "Main", "code": "M" } }))
        .await;
    host.call("backend.set", json!({ "name": "one", "settings": { "warehouse": made["ids"][0] } })).await;
    let tested = host.call("backend.test", json!({ "name": "one" })).await;
    assert_eq!(tested["details"][1], json!(["warehouse", made["ids"][0].to_string()]));
    let refused = host.fails("backend.set", json!({ "name": "one", "settings": { "warehouse": 4711 } })).await;
    assert!(
        refused.fields.iter().any(|(name, why)| name == "warehouse" && why.contains("stock.warehouse")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overridden_step_does_what_the_connector_says() {
    let server = empty().await;
    let host = specimen(&server, "").await;
    host.sync("one", json!({ "only": "customers" })).await;
    let paths: Vec<String> = server.received().into_iter().map(|request| request.target).collect();
    assert_eq!(paths, ["/v2/customers?limit=50"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_supported_says_so() {
    let server = empty().await;
    let host = specimen(&server, "").await;
    let standing = host.try_sync("one", json!({ "only": "inventory" })).await;
    let error = standing.jobs[0].job.error.clone().unwrap();
    assert_eq!(error.code, "sync.step_unsupported");
    assert!(error.message.contains("inventory"), "{error:?}");
    assert!(server.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_override_products_customers_and_orders_are_imported() {
    let shop = Shop::start(Options { products: 6, customers: 4, orders: 3, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    for (step, kind, resource) in [
        ("customers", "demo.customer", "customers"),
        ("products", "demo.product", "products"),
        ("orders", "demo.order", "orders"),
    ] {
        host.sync("shop", json!({ "only": step })).await;
        assert_eq!(host.bindings("shop", kind, "success").await.len(), shop.items(resource).len(), "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_all_runs_customers_products_inventory_orders_and_one_failing_does_not_stop_the_rest() {
    let shop = Shop::start(Options { products: 6, customers: 4, orders: 3, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    shop.fault("GET /customers", 1, Fault::status(400));
    let standing = host.try_sync("shop", json!({})).await;
    let steps: Vec<(String, Value)> = standing.jobs[1..]
        .iter()
        .filter(|job| job.job.kind == "sync.step")
        .map(|job| (job.job.description.clone(), serde_json::to_value(job.job.state).unwrap()))
        .collect();
    let expected = [("customers", "failed"), ("products", "done"), ("inventory", "done"), ("orders", "done")];
    let expected = expected.map(|(step, state)| (format!("Sync {step}"), json!(state)));
    assert_eq!(steps, expected);
    assert_eq!(host.bindings("shop", "demo.product", "success").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_step_has_its_priority_and_its_eta() {
    let server = empty().await;
    let host = specimen(&server, "").await;
    let started =
        host.call("sync.start", json!({ "backend": "one", "only": "orders", "priority": 5, "eta_seconds": 60 })).await;
    let job = host.call("job.show", json!({ "id": started["jobs"][0]["id"] })).await;
    assert_eq!((&job["priority"], &job["state"]), (&json!(5), &json!("pending")), "{job}");
    let time = |name: &str| Timestamp::parse_rfc3339(job[name].as_str().unwrap()).unwrap();
    let wait = time("eta").0 - time("created").0;
    assert!((59_900_000..=60_100_000).contains(&wait), "{wait} µs");
    assert!(server.received().is_empty());
}
