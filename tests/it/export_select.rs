//! Exports that somebody asks for: a selection with its counts, a plan, the second half of a step, a binding's own export,
//! now or later.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 5, customers: 4, orders: 0, ..Options::default() }
}

async fn in_step(shop: &Shop) -> TestHost {
    TestHost::in_step(shop).await
}

/// Exports and answers what the job came to.
async fn export(host: &TestHost, request: Value) -> Value {
    let started = host.call("export.start", request).await;
    let job = started["jobs"][0]["id"].as_i64().expect("a job");
    let standing = host.wait(&[job]).await;
    assert_eq!(standing.failed, 0, "{:#?}", standing.jobs);
    host.job(job).await["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_is_exported_with_its_counts() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    let bound = host.binding("demo.product", "1").await["record"].as_i64().expect("ours");
    host.edit("demo.product", "1", json!({ "name": "Changed" })).await;
    let new = host.make("product.template", json!({ "name": "New", "default_code": "NEW-X" })).await;
    let tax = host.make("account.tax", json!({ "name": "Unknown there", "amount": 3 })).await;
    let bad = host.make("product.template", json!({ "name": "Bad", "taxes_id": [[6, 0, [tax]]] })).await;
    let request = json!({ "backend": "shop", "kind": "demo.product", "ids": [bound, new, bad] });
    let result = export(&host, request.clone()).await;
    assert_eq!(result["counts"], json!({ "exported": 2, "created": 1, "skipped": 0, "errors": 1 }), "{result}");
    assert_eq!(result["problems"][0][0], bad);
    assert_eq!(shop.item("products", 1)["title"], "Changed");
    assert_eq!(shop.items("products").iter().filter(|item| item["title"] == "New").count(), 1);
    let result =
        export(&host, json!({ "backend": "shop", "kind": "demo.product", "domain": [["name", "=", "New"]] })).await;
    assert_eq!(
        (&result["counts"]["exported"], &result["counts"]["skipped"]),
        (&json!(0), &json!(1)),
        "as it was sent: {result}"
    );
    let again = json!({ "backend": "shop", "kind": "demo.product", "ids": [new] });
    assert_eq!(export(&host, again.clone()).await["counts"]["skipped"], 1, "nothing differs from what was sent last");
    let forced = json!({ "backend": "shop", "kind": "demo.product", "ids": [new], "force": true });
    assert_eq!(export(&host, forced).await["counts"]["exported"], 1);
    let unknown = json!({ "backend": "shop", "kind": "demo.product", "ids": [9_999_999] });
    let job = host.call("export.start", unknown).await["jobs"][0]["id"].as_i64().expect("a job");
    host.wait(&[job]).await;
    assert_eq!(host.job(job).await["error"]["code"], "sync.not_found");
    let problem = host.fails("export.start", json!({ "backend": "shop", "kind": "demo.tax" })).await;
    assert_eq!(problem.code, "sync.not_exported");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_only_in_what_is_never_sent_is_not_exported() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    for id in ["1", "2", "3"] {
        host.edit("demo.product", id, json!({ "volume": 2 })).await;
    }
    host.edit("demo.product", "3", json!({ "name": "Changed" })).await;
    let request = json!({ "backend": "shop", "kind": "demo.product" });
    let result = export(&host, request.clone()).await;
    assert_eq!((&result["account"]["offered"], &result["account"]["updated"]), (&json!(1), &json!(1)), "{result}");
    assert_eq!((shop.writes(), &shop.item("products", 3)["title"]), (1, &json!("Changed")));
    assert_eq!(export(&host, request).await["account"]["offered"], 0, "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_ours_beside_theirs_and_sends_nothing() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    host.edit("demo.product", "2", json!({ "name": "Ours" })).await;
    let theirs = shop.item("products", 2)["title"].clone();
    let plan = export(&host, json!({ "backend": "shop", "kind": "demo.product", "plan": true })).await;
    let records = plan["plan"][0]["records"].as_array().expect("records").clone();
    assert_eq!(records.len(), 1, "{plan:#}");
    assert_eq!((&records[0]["id"], &records[0]["action"]), (&json!("2"), &json!("update")));
    assert_eq!(records[0]["fields"], json!([["/title", "Ours", theirs]]));
    assert!(shop.requests().iter().all(|request| request.method == "GET"));
    let shown = host.run(["export", "shop", "--kind", "demo.product", "--plan"]).await.ok().out;
    assert!(
        shown.contains("1 to update") && shown.contains("`bindery export shop --kind demo.product` does it"),
        "{shown}"
    );
    let done = host.run(["export", "shop", "--kind", "demo.product", "--wait"]).await.ok().out;
    assert!(done.contains("demo.product: 1 exported (0 created), 0 skipped, 0 errors"), "{done}");
    assert_eq!(shop.item("products", 2)["title"], "Ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_host_exports_what_was_changed_before() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    let record = host.binding("demo.product", "3").await["record"].clone();
    let data = host.stop().await;
    data.run(["record", "write", "product.template", &record.to_string(), "name=Offline"]).ok();
    data.run(["sync", "shop", "--only", "products"]).ok();
    assert_eq!(shop.item("products", 3)["title"], "Offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_imports_and_then_exports() {
    let shop = Shop::start(small());
    let host = in_step(&shop).await;
    let theirs = shop.add_sample("products");
    host.set_policy("shop", "demo.product", json!({ "export": "all" })).await;
    // Made while nobody reads: the step finds it all the same.
    let data = host.stop().await;
    data.run(["record", "create", "product.template", "name=Ours", "default_code=OURS-1"]).ok();
    let done = data.run(["sync", "shop", "--only", "products", "--json"]).ok().json();
    let result = &done["jobs"][0]["result"];
    let kinds: Vec<&Value> = result["exports"].as_array().expect("exports").iter().collect();
    let products = kinds.iter().find(|one| one["kind"] == "demo.product").expect("products");
    assert_eq!(products["counts"]["created"], 1, "{result:#}");
    let requests: Vec<String> = shop.requests().into_iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let (listed, made) = (
        requests.iter().position(|one| one == "GET /products"),
        requests.iter().position(|one| one == "POST /products"),
    );
    assert!(listed.is_some() && made > listed, "import, then export: {requests:?}");
    assert_eq!(data.count("product.template", "[]"), 7);
    assert!(!shop.item("products", theirs).is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_imported_and_then_exported_and_stock_is_exported() {
    let shop = Shop::start(small());
    let host = TestHost::over(&shop).await;
    host.sync("shop", json!({})).await;
    host.exported().await;
    shop.clear_requests();
    let stock = host.bindings("shop", "demo.stock", "").await.remove(0);
    let data = host.stop().await;
    data.run(["record", "write", "stock.quant", &stock["record"].to_string(), "quantity=77"]).ok();
    data.run(["record", "create", "res.partner", "name=Ours", "email=ours@example.org"]).ok();
    data.run(["export", "shop", "--kind", "demo.customer", "--domain", "[('name', '=', 'Ours')]"]).ok();
    data.run(["sync", "shop", "--only", "inventory"]).ok();
    let id: u64 = stock["external_id"].as_str().unwrap_or_default().parse().expect("a number");
    assert_eq!(shop.item("stock", id)["quantity"], 77);
    assert_eq!(shop.items("customers").iter().filter(|item| item["name"] == "Ours").count(), 1);
    data.run(["record", "search", "res.partner", "[('name', '=', 'Ours')]"]).ok();
    shop.clear_requests();
    data.run(["sync", "shop", "--only", "customers"]).ok();
    assert!(shop.requests().iter().all(|request| request.method == "GET"), "nothing is left to send");
}

/// Runs an action of the connector for tests of exports; answers the job that it enqueued.
async fn act(host: &TestHost, name: &str, arguments: Value) -> i64 {
    let backend = host.call("backend.show", json!({ "name": "other" })).await["id"].clone();
    let payload = json!({ "backend": backend, "name": name, "arguments": arguments });
    let mut job = bindery::model::job::NewJob::new("connector.action", payload);
    job.backend = backend.as_i64();
    let now = host.clock().now();
    let made = host
        .store()
        .write(bindery::storage::Durability::Durable, move |tx| {
            bindery::queue::enqueue(tx, now, &job).map_err(|_| bindery::storage::Error::Panicked)
        })
        .await
        .expect("enqueued");
    host.job_when(made.id, "done", |job| job.state.is_ended()).await;
    let mut children =
        host.call("job.list", json!({ "run": made.id })).await["jobs"].as_array().cloned().expect("jobs");
    children.retain(|job| job["id"] != made.id);
    children.first().and_then(|job| job["id"].as_i64()).unwrap_or_else(|| panic!("it enqueued nothing"))
}

async fn bound_category(host: &TestHost, shop: &Shop) -> (i64, u64) {
    host.connect_exporter(shop).await;
    host.set_policy("other", "exporter.category", json!({ "export": "none" })).await;
    host.sync("other", json!({ "kind": "exporter.category" })).await;
    let binding = host.bindings("other", "exporter.category", "").await.remove(0);
    let record = binding["record"].as_i64().expect("ours");
    host.call("record.write", json!({ "model": "product.category", "id": record, "values": { "name": "By binding" } }))
        .await;
    (record, binding["external_id"].as_str().unwrap_or_default().parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn binding_export_record() {
    let (shop, host) = (Shop::start(small()), TestHost::new().await);
    let (record, there) = bound_category(&host, &shop).await;
    let job = act(&host, "action_export", json!({ "kind": "exporter.category", "record": record })).await;
    host.job_when(job, "done", |job| job.state.is_ended()).await;
    assert_eq!(shop.item("categories", there)["name"], "By binding", "{:#?}", host.job(job).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn binding_with_delay_export_record() {
    let (shop, host) = (Shop::start(small()), TestHost::new().await);
    let (record, there) = bound_category(&host, &shop).await;
    let asked = json!({ "kind": "exporter.category", "record": record, "later": true });
    let job = act(&host, "action_export", asked).await;
    let shown = host.job(job).await;
    assert_eq!(
        (&shown["kind"], &shown["priority"], &shown["state"]),
        (&json!("export.record"), &json!(5), &json!("pending"))
    );
    assert_ne!(shop.item("categories", there)["name"], "By binding", "its time has not come");
    host.retry(job).await;
    assert_eq!(shop.item("categories", there)["name"], "By binding");
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_with_delay_sync_products() {
    let (shop, host) = (Shop::start(small()), TestHost::new().await);
    host.connect_exporter(&shop).await;
    let before = host.clock().now();
    let job = act(&host, "action_sync_later", json!({})).await;
    let shown: bindery::model::job::Job = serde_json::from_value(host.job(job).await).expect("a job");
    assert_eq!((shown.kind.as_str(), shown.priority, &shown.payload["step"]), ("sync.step", 5, &json!("products")));
    let seconds = (shown.eta.0 - before.0) / 1_000_000;
    assert!((60..90).contains(&seconds), "{seconds}");
    // The command line has the same.
    let asked = json!({ "only": "products", "priority": 5, "eta_seconds": 60, "backend": "other" });
    let job = host.call("sync.start", asked).await["jobs"][0]["id"].as_i64().expect("a job");
    assert_eq!(host.job(job).await["priority"], 5);
}
