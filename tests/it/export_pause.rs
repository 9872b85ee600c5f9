//! What changes while nothing is exported becomes due once it is again, exactly that; and which new records are exported at
//! all, where the operator narrows that.

use bindery::{
    base::Timestamp,
    record::outbox,
    storage::{Durability, Error},
};
use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 6, customers: 2, orders: 0, ..Options::default() }
}

fn writes(shop: &Shop) -> Vec<String> {
    let mut all: Vec<String> = shop
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_while_the_policy_was_none_go_out_once_it_is_not_and_nothing_else_does() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    // Neither their change nor a field that no rule reads is ours to send.
    shop.edit("products", 2, json!({ "title": "Theirs" }));
    host.import("demo.product").await;
    host.edit("demo.product", "1", json!({ "name": "Ours" })).await;
    host.edit("demo.product", "1", json!({ "description": "By us" })).await;
    host.edit("demo.product", "3", json!({ "sequence": 7 })).await;
    host.exported().await;
    assert_eq!(writes(&shop), [] as [&str; 0]);
    host.set_policy("shop", "demo.product", json!({ "export": "bound" })).await;
    host.exporting("demo.product").await;
    host.exported().await;
    assert_eq!(writes(&shop), ["PUT /products/1"]);
    assert_eq!(shop.bodies("PUT /products/1"), [json!({ "title": "Ours", "description": "By us" })]);
    assert_eq!(shop.item("products", 2)["title"], "Theirs");
    // It is known what is exported: switching again, with nothing changed meanwhile, sends nothing.
    for policy in ["none", "bound"] {
        host.set_policy("shop", "demo.product", json!({ "export": policy })).await;
        host.edit("demo.customer", "1", json!({ "phone": format!("+49 {policy}") })).await;
        host.exported().await;
    }
    assert_eq!(shop.count("PUT /products/1"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_while_nobody_serves_are_read_after_a_restart_with_another_policy() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    host.edit("demo.product", "1", json!({ "name": "Before" })).await;
    host.exported().await;
    let record = host.binding("demo.product", "2").await["record"].clone();
    let data = host.stop().await;
    data.run(["record", "write", "product.template", &record.to_string(), "name=Between"]).ok();
    data.run(["backend", "set", "shop", "--kind", "demo.product", "--set", "export=bound"]).ok();
    let host = TestHost::start(data, |_| {}).await;
    host.exporting("demo.product").await;
    host.exported().await;
    assert_eq!(shop.item("products", 1)["title"], "Before");
    assert_eq!(shop.item("products", 2)["title"], "Between");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_while_the_plugin_was_missing_go_out_once_it_is_back() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    let record = host.binding("demo.product", "1").await["record"].clone();
    let data = host.stop().await;
    let plugins = data.path().join("plugins");
    let kept = tempfile::tempdir().expect("a folder");
    let files = || std::fs::read_dir(&plugins).expect("a folder").map(|entry| entry.expect("an entry").path());
    let away: Vec<_> = files().filter(|path| path.extension().is_some_and(|extension| extension == "so")).collect();
    for file in &away {
        let to = kept.path().join(file.file_name().expect("a name"));
        std::fs::copy(file, to).and_then(|_| std::fs::remove_file(file)).expect("it is moved");
    }
    let host = TestHost::start(data, |_| {}).await;
    let values = json!({ "name": "Changed without it" });
    host.call("record.write", json!({ "model": "product.template", "id": record, "values": values })).await;
    host.exported().await;
    assert_eq!(writes(&shop), [] as [&str; 0]);
    let data = host.stop().await;
    for file in &away {
        std::fs::copy(kept.path().join(file.file_name().expect("a name")), file).expect("it is moved back");
    }
    let host = TestHost::start(data, |_| {}).await;
    host.exporting("demo.product").await;
    host.exported().await;
    assert_eq!(writes(&shop), ["PUT /products/1"]);
    assert_eq!(shop.item("products", 1)["title"], "Changed without it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_has_matched_meanwhile_is_in_step_and_not_sent() {
    let shops = [Shop::start(small()), Shop::start(small())];
    let host = TestHost::over(&shops[0]).await;
    let (settings, secrets) = (json!({ "api_url": shops[1].url() }), json!({ "api_token": shops[1].token() }));
    let backend = json!({ "name": "second", "backend_type": "demo", "settings": settings, "secrets": secrets });
    host.call("backend.add", backend).await;
    host.call("backend.set", json!({ "name": "second", "settings": { "export": "none" } })).await;
    host.exported().await;
    for backend in ["shop", "second"] {
        for kind in ["demo.category", "demo.tax", "demo.product"] {
            host.sync(backend, json!({ "kind": kind })).await;
        }
    }
    host.exported().await;
    shops.iter().for_each(Shop::clear_requests);
    host.call("backend.set", json!({ "name": "second", "settings": { "export": "all" } })).await;
    host.edit("demo.product", "1", json!({ "name": "For both" })).await;
    host.exported().await;
    assert_eq!(writes(&shops[1]), ["PUT /products/1"], "{:#?}", shops[1].requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_log_was_pruned_records_are_compared() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none" })).await;
    host.edit("demo.product", "1", json!({ "name": "Ours" })).await;
    host.edit("demo.product", "4", json!({ "name": "Ours too" })).await;
    host.exported().await;
    let pruned = host.store().write(Durability::Durable, |tx| {
        outbox::prune(tx, Timestamp(i64::MAX), 1_000_000).map_err(|_| Error::Panicked)
    });
    assert!(pruned.await.expect("it is pruned") > 0);
    host.set_policy("shop", "demo.product", json!({ "export": "bound", "batch_size": 1 })).await;
    host.edit("demo.product", "6", json!({ "name": "Newest" })).await;
    host.exported().await;
    host.retry_exports().await;
    assert_eq!(writes(&shop), ["PUT /products/1", "PUT /products/4", "PUT /products/6"]);
    assert_eq!(shop.item("products", 4)["title"], "Ours too");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_while_the_backend_was_disabled_go_out_once_it_is_enabled() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.call("backend.disable", json!({ "name": "shop" })).await;
    host.edit("demo.product", "1", json!({ "name": "Meanwhile" })).await;
    host.exported().await;
    assert_eq!(writes(&shop), [] as [&str; 0]);
    host.call("backend.enable", json!({ "name": "shop" })).await;
    let job = host.exporting("demo.product").await;
    host.job_when(job, "ended", |job| job.state.is_ended()).await;
    assert_eq!(shop.bodies("PUT /products/1"), [json!({ "title": "Meanwhile" })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_new_records_only_those_go_that_the_operators_domain_finds() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.run([
        "backend",
        "set",
        "shop",
        "--kind",
        "demo.product",
        "--set",
        "export=all",
        "--set",
        "export_domain=[('default_code', '=like', 'WEB-%'), '|', ('name', '=like', 'Lamp%'), ('name', '=like', 'Chair%')]",
    ])
    .await
    .ok();
    let make = |name: &str, code: &str| json!({ "name": name, "default_code": code });
    let sold = host.make("product.template", make("Lamp", "WEB-1")).await;
    host.make("product.template", make("Lamp", "SHOP-1")).await;
    host.make("product.template", make("Table", "WEB-2")).await;
    host.make("product.template", make("Chair", "WEB-3")).await;
    host.exported().await;
    let new =
        |shop: &Shop| -> Vec<Value> { shop.items("products").iter().skip(6).map(|item| item["sku"].clone()).collect() };
    let mut there = new(&shop);
    there.sort_by_key(ToString::to_string);
    assert_eq!(there, ["WEB-1", "WEB-3"]);
    // The next sync makes none of the others either; and what is bound stays bound, whatever it is now.
    host.sync("shop", json!({ "only": "products" })).await;
    assert_eq!(new(&shop).len(), 2);
    let changed = json!({ "name": "No lamp any more", "default_code": "SHOP-9" });
    host.call("record.write", json!({ "model": "product.template", "id": sold, "values": changed })).await;
    host.exported().await;
    assert!(shop.items("products").iter().any(|item| item["sku"] == "SHOP-9"), "{:#?}", shop.items("products"));
    // Somebody who asks for a record gets it.
    let request = json!({ "backend": "shop", "kind": "demo.product", "domain": [["default_code", "=", "WEB-2"]] });
    let job = host.call("export.start", request).await["jobs"][0]["id"].as_i64().expect("a job");
    host.wait(&[job]).await;
    assert_eq!(new(&shop).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_means_nothing_is_refused_when_it_is_set() {
    let shop = Shop::start(small());
    let host = TestHost::over(&shop).await;
    for domain in [json!([["no_such_field", "=", 1]]), json!([["name", "=~", "x"]]), json!(["|", ["name", "=", "x"]])] {
        let request = json!({ "name": "shop", "kind": "demo.product", "settings": { "export_domain": domain } });
        let refused = host.fails("backend.set", request).await;
        assert!(refused.fields.iter().any(|(name, _)| name == "export_domain"), "{domain}: {:?}", refused.fields);
    }
    let set = ["backend", "set", "shop", "--kind", "demo.product", "--set", "export_domain=[('name', '='"];
    let refused = host.run(set).await.fails(1);
    assert!(refused.contains("export_domain"), "{refused}");
    let fine = json!({ "export_domain": [["name", "=", "Lamp"]] });
    host.set_policy("shop", "demo.product", fine.clone()).await;
    let shown = host.call("backend.show", json!({ "name": "shop" })).await;
    assert_eq!(shown["business"]["kinds"]["demo.product"], fine);
    host.call("backend.set", json!({ "name": "shop", "kind": "demo.product", "unset": ["export_domain"] })).await;
    let shown = host.call("backend.show", json!({ "name": "shop" })).await;
    assert_eq!(shown["business"]["kinds"]["demo.product"], Value::Null);
}
