//! What the operator wants at the edges of an export: records that are removed here, gone there, or never exported; and
//! what the connector's own hooks and exporters do.

use bindery_tests::{Options, Point, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 4, customers: 4, orders: 0, ..Options::default() }
}

async fn in_step(kind: &str, settings: Value) -> (TestHost, Shop) {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", kind, settings).await;
    (host, shop)
}

async fn remove(host: &TestHost, kind: &str, external_id: &str) {
    let record = host.binding(kind, external_id).await["record"].clone();
    host.call("record.unlink", json!({ "model": "res.partner", "ids": [record] })).await;
    host.exported().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_here_is_ignored_archived_or_deleted_there() {
    let (host, shop) = in_step("demo.customer", json!({ "local_deletion": "ignore" })).await;
    remove(&host, "demo.customer", "1").await;
    assert_eq!((shop.len("customers"), shop.requests().len()), (4, 0));
    host.set_policy("shop", "demo.customer", json!({ "local_deletion": "archive" })).await;
    remove(&host, "demo.customer", "2").await;
    assert_eq!((shop.len("customers"), &shop.item("customers", 2)["active"]), (4, &json!(false)));
    host.set_policy("shop", "demo.customer", json!({ "local_deletion": "delete" })).await;
    remove(&host, "demo.customer", "3").await;
    assert_eq!((shop.len("customers"), shop.item("customers", 3)), (3, Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_removed_while_it_is_made_there_goes_the_way_of_every_removal() {
    let (host, shop) = in_step("demo.customer", json!({ "export": "all", "local_deletion": "delete" })).await;
    let gate = shop.gate_at("POST /customers", Point::After);
    let record = host.make("res.partner", json!({ "name": "Short-lived", "email": "short@example.org" })).await;
    gate.arrived().await;
    host.call("record.unlink", json!({ "model": "res.partner", "ids": [record] })).await;
    gate.release();
    host.exported().await;
    assert!(shop.items("customers").iter().all(|item| item["name"] != "Short-lived"));
    assert_eq!(shop.len("customers"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_came_from_there_is_not_sent_back() {
    let (host, shop) =
        in_step("demo.customer", json!({ "local_deletion": "delete", "remote_deletion": "delete" })).await;
    shop.delete("customers", 2);
    let started = json!({ "backend": "shop", "kind": "demo.customer", "id": "2" });
    let job = host.call("sync.start", started).await["jobs"][0]["id"].as_i64().expect("a job");
    host.wait(&[job]).await;
    host.exported().await;
    assert_eq!(host.bindings("shop", "demo.customer", "").await.len(), 3);
    assert_eq!(shop.count("DELETE /customers/2"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_gone_there_fails_is_made_anew_or_is_unbound() {
    let (host, shop) = in_step("demo.customer", json!({ "missing_remotely": "fail" })).await;
    for id in [1, 2, 3] {
        shop.delete("customers", id);
    }
    let record = host.binding("demo.customer", "1").await["record"].as_i64().expect("ours");
    host.edit("demo.customer", "1", json!({ "name": "Fails" })).await;
    host.exported().await;
    let binding = host.binding_of("shop", "demo.customer", record).await.expect("it says why");
    assert_eq!(binding["sync_status"], "failed");
    assert!(binding["last_error"].as_str().unwrap_or_default().contains("does not exist there any more"), "{binding}");

    host.set_policy("shop", "demo.customer", json!({ "missing_remotely": "recreate" })).await;
    let record = host.binding("demo.customer", "2").await["record"].as_i64().expect("ours");
    host.edit("demo.customer", "2", json!({ "name": "Anew" })).await;
    host.exported().await;
    let binding = host.binding_of("shop", "demo.customer", record).await.expect("bound anew");
    let anew: Vec<Value> = shop.items("customers").into_iter().filter(|item| item["name"] == "Anew").collect();
    assert_eq!((anew.len(), &binding["external_id"]), (1, &json!(anew[0]["id"].to_string())), "{binding}");
    assert!(!anew[0]["email"].is_null(), "all of it was sent");

    host.set_policy("shop", "demo.customer", json!({ "missing_remotely": "unbind" })).await;
    let record = host.binding("demo.customer", "3").await["record"].as_i64().expect("ours");
    host.edit("demo.customer", "3", json!({ "name": "Stays here" })).await;
    host.exported().await;
    assert!(host.binding_of("shop", "demo.customer", record).await.is_none());
    assert_eq!(host.count("res.partner", json!([["name", "=", "Stays here"]])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_says_so_is_never_exported() {
    let (host, shop) = in_step("demo.customer", json!({})).await;
    let binding = host.binding("demo.customer", "1").await;
    let request = json!({ "model": "demo.customer", "id": binding["id"], "values": { "no_export": true } });
    host.call("record.write", request).await;
    host.edit("demo.customer", "1", json!({ "name": "Kept here" })).await;
    host.exported().await;
    assert!(shop.requests().is_empty());
    let binding = host.binding("demo.customer", "1").await;
    assert_eq!((&binding["no_export"], &binding["sync_status"]), (&json!(true), &json!("skipped")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_leave_out_refuse_and_are_told() {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    let host = TestHost::new().await;
    host.connect_exporter(&shop).await;
    host.set_policy("other", "exporter.customer", json!({ "export": "all" })).await;
    host.make("res.partner", json!({ "name": "Private person" })).await;
    let refused = host.make("res.partner", json!({ "name": "Odd", "email": "none" })).await;
    let sent = host.make("res.partner", json!({ "name": "Fine", "email": "fine@example.org", "phone": "12" })).await;
    host.exported().await;
    let there = shop.items("customers");
    assert_eq!(there.len(), 1, "{there:#?}");
    assert_eq!(
        (&there[0]["name"], &there[0]["phone"], &there[0]["language"]),
        (&json!("Fine"), &json!("tel 12"), &json!("de"))
    );
    let binding = host.binding_of("other", "exporter.customer", refused).await.expect("it says why");
    assert!(binding["last_error"].as_str().unwrap_or_default().contains("the email is none"), "{binding}");
    let backend = host.call("backend.show", json!({ "name": "other" })).await["id"].as_i64().expect("an id");
    let key = format!("sent {sent}");
    let told = host.store().read(move |tx| bindery::storage::kv::get(tx, backend, &key)).await.expect("read");
    assert!(told.is_some(), "the hook after the send has kept it");
    // A rule that runs only for new ones does not run again, and one that watches a field runs only then.
    host.call("record.write", json!({ "model": "res.partner", "id": sent, "values": { "name": "Finer" } })).await;
    host.exported().await;
    let id = &there[0]["id"];
    assert_eq!(shop.bodies(&format!("PUT /customers/{id}")), [json!({ "name": "Finer" })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_have_their_part_in_what_is_sent() {
    let (host, shop) = in_step("demo.customer", json!({})).await;
    host.install("extend").await;
    host.edit("demo.customer", "1", json!({ "ref": "C-1" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /customers/1"), [json!({ "ref": "C-1" })], "a field that only the extension reads");
    host.edit("demo.customer", "1", json!({ "phone": "12" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /customers/1")[1], json!({ "phone": "extended 12" }), "in place of the rule");
    host.edit("demo.customer", "1", json!({ "name": "Plain" })).await;
    host.exported().await;
    assert_eq!(shop.bodies("PUT /customers/1")[2], json!({ "name": "Plain" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_of_the_connectors_own_does_it_all_and_binds_what_it_makes() {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    let host = TestHost::new().await;
    host.connect_exporter(&shop).await;
    host.set_policy("other", "exporter.product", json!({ "export": "all" })).await;
    let record = host.make("product.template", json!({ "name": "lamp" })).await;
    host.exported().await;
    let there = shop.items("products");
    assert_eq!((there.len(), &there[0]["title"]), (1, &json!("Whole lamp")));
    let binding = host.binding_of("other", "exporter.product", record).await.expect("it is bound");
    assert_eq!(
        (&binding["external_id"], &binding["sync_status"]),
        (&json!(there[0]["id"].to_string()), &json!("success"))
    );
    host.call("record.write", json!({ "model": "product.template", "id": record, "values": { "name": "light" } }))
        .await;
    host.exported().await;
    assert_eq!((shop.len("products"), &shop.items("products")[0]["title"]), (1, &json!("Whole light")));
}
