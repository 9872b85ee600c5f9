//! After the first import: what is gone there, what people do to bindings, what a plan says beforehand, and what a
//! comparison finds.

use bindery_tests::{Options, Shop, TestHost, import::account};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";

async fn connected() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 6, orders: 0, ..Options::default() });
    (TestHost::over(&shop).await, shop)
}

async fn set(host: &TestHost, settings: Value) {
    host.call("backend.set", json!({ "name": "shop", "settings": settings })).await;
}

async fn tax(host: &TestHost, record: &Value) -> Option<Value> {
    let request =
        json!({ "model": "account.tax", "domain": [["id", "=", record]], "fields": ["active"], "archived": true });
    let found = host.call("record.search", request).await;
    found["rows"].as_array().and_then(|rows| rows.first().cloned())
}

/// A tax that was imported is deleted there; answers our record of it, and the account of the next import.
async fn tax_deleted(policy: &str) -> (TestHost, Value) {
    let (host, shop) = connected().await;
    set(&host, json!({ "remote_deletion": policy })).await;
    let id = shop.add("taxes", json!({ "name": "Luxury", "rate": 30 }));
    host.import("demo.tax").await;
    let record = host.binding("demo.tax", &id.to_string()).await["record"].clone();
    assert!(shop.delete("taxes", id));
    let account = host.import("demo.tax").await;
    assert_eq!((account.gone, account.offered), (1, shop.len("taxes") as i64 + 1), "{account}");
    (host, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_list_does_not_have_any_more_is_left_alone_unless_the_operator_wants_otherwise() {
    let (host, record) = tax_deleted("ignore").await;
    assert_eq!(tax(&host, &record).await.unwrap()["active"], true);
    let found = host.bindings("shop", "demo.tax", "skipped").await;
    assert_eq!((found.len(), &found[0]["record"]), (1, &record));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_there_is_archived_where_the_operator_wants_it() {
    let (host, record) = tax_deleted("archive").await;
    assert_eq!(tax(&host, &record).await.unwrap()["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_there_is_deleted_where_the_operator_wants_it() {
    let (host, record) = tax_deleted("delete").await;
    assert_eq!(tax(&host, &record).await, None);
    assert!(host.bindings("shop", "demo.tax", "skipped").await.is_empty(), "its binding went with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_that_is_gone_there_is_treated_alike() {
    let (host, shop) = connected().await;
    set(&host, json!({ "remote_deletion": "archive" })).await;
    host.import(KIND).await;
    let record = host.binding(KIND, "5").await["record"].clone();
    shop.delete("customers", 5);
    let standing = host.sync("shop", json!({ "kind": KIND, "id": "5" })).await;
    assert_eq!(standing.jobs[0].job.result.as_ref().unwrap()["gone"], true);
    let found =
        host.call("record.read", json!({ "model": "res.partner", "ids": [record], "fields": ["active"] })).await;
    assert_eq!(found["rows"][0]["active"], false);
    // It was never here: that is said, and nothing is made.
    let standing = host.sync("shop", json!({ "kind": KIND, "id": "4711" })).await;
    assert_eq!(standing.jobs[0].job.result.as_ref().unwrap()["gone"], true);
    assert_eq!(host.bindings("shop", KIND, "").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_suddenly_misses_most_is_not_believed() {
    let (host, shop) = connected().await;
    set(&host, json!({ "remote_deletion": "delete" })).await;
    for at in 0..30 {
        shop.add("taxes", json!({ "name": format!("Tax {at}"), "rate": 1 }));
    }
    host.import("demo.tax").await;
    let all = host.bound("demo.tax").await;
    shop.fault("GET /taxes", 1, bindery_tests::Fault::raw(r#"{"items":[],"next":null}"#));
    let standing = host.sync("shop", json!({ "only": "products" })).await;
    assert_eq!(host.bound("demo.tax").await, all, "nothing is deleted");
    assert_eq!(account(&standing, "demo.tax").gone, 0);
    let told = standing.jobs[0].job.result.as_ref().unwrap().to_string();
    assert!(told.contains("not taken for gone"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_is_synced_anew_or_let_go_on_request() {
    let (host, shop) = connected().await;
    host.import(KIND).await;
    let binding = host.binding(KIND, "2").await;
    let record = binding["record"].clone();
    let change = json!({ "model": "res.partner", "id": record, "values": { "phone": "ours" } });
    host.call("record.write", change).await;
    let id = binding["id"].to_string();
    let gate = shop.gate("GET /customers/2");
    let told = host.run(["binding", "resync", &id, "--json"]).await.ok().json();
    let jobs: Vec<i64> = serde_json::from_value(told["jobs"].clone()).unwrap();
    gate.arrived().await;
    assert_eq!(host.binding(KIND, "2").await["sync_status"], "in_progress", "a job of this one record holds it");
    gate.release();
    assert_eq!(host.wait(&jobs).await.failed, 0);
    assert_eq!(host.binding(KIND, "2").await["sync_status"], "success");
    assert_eq!(host.record(KIND, "2", &["phone"]).await["phone"], shop.item("customers", 2)["phone"]);
    // Without its binding, the record stays; matched again, it is the same one.
    host.run(["binding", "unbind", &id]).await.ok();
    assert_eq!(host.bound(KIND).await, ["1", "3", "4", "5", "6"]);
    assert_eq!(host.count("res.partner", json!([["parent_id", "=", null]])).await, 6);
    let account = host.import_with(KIND, json!({ "force": true })).await;
    assert_eq!((account.created, account.matched), (0, 1), "{account}");
    assert_eq!(host.binding(KIND, "2").await["record"], record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_writes_nothing_and_says_what_the_sync_will_do() {
    let (host, shop) = connected().await;
    host.import(KIND).await;
    shop.edit("customers", 1, json!({ "phone": "+49 7" }));
    shop.add("customers", json!({ "name": "Newcomer", "email": "new@example.org" }));
    let mut bad = shop.item("customers", 3);
    bad["name"] = 5.into();
    shop.put_raw("customers", 3, &bad.to_string());
    let matched = json!({ "name": "Known", "email": "known@example.org" });
    host.call("record.create", json!({ "model": "res.partner", "values": matched })).await;
    shop.add("customers", json!({ "name": "Known There", "email": "known@example.org" }));
    let everything = async |host: &TestHost| {
        let bindings = host.bindings("shop", "", "").await;
        (bindings, host.rows("res.partner", json!([]), &["name", "phone"]).await, host.cursor(KIND).await)
    };
    let before = everything(&host).await;
    let planned = host.sync("shop", json!({ "kind": KIND, "plan": true })).await.jobs[0].job.result.clone().unwrap();
    assert_eq!(everything(&host).await, before, "a plan writes nothing");
    let plan = &planned["plan"][0];
    let action = |id: &str| {
        let records = plan["records"].as_array().unwrap();
        records.iter().find(|record| record["id"] == id).unwrap_or_else(|| panic!("{id}: {plan:#}")).clone()
    };
    assert_eq!(action("1")["fields"], json!([["phone", shop_phone(&before.1, &host).await, "+49 7"]]), "{plan:#}");
    assert_eq!((&action("1")["action"], &action("3")["action"]), (&json!("update"), &json!("quarantine")));
    assert_eq!((&action("7")["action"], &action("8")["action"]), (&json!("create"), &json!("match")));
    let shown = host.run(["sync", "shop", "--kind", KIND, "--plan"]).await.ok().out;
    for word in ["phone", "+49 7", "quarantine"] {
        assert!(shown.contains(word), "{word:?} is missing in\n{shown}");
    }
    let account = host.import(KIND).await;
    for count in ["offered", "created", "updated", "unchanged", "skipped", "quarantined", "matched"] {
        assert_eq!(plan["account"][count], json!(account)[count], "{count}: {plan:#}\n{account}");
    }
}

/// The phone of the first customer as it was.
async fn shop_phone(rows: &[Value], host: &TestHost) -> Value {
    let record = host.binding(KIND, "1").await["record"].clone();
    rows.iter().find(|row| row["id"] == record).expect("our record")["phone"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_finds_what_differs_and_mends_it_on_request() {
    let (host, shop) = connected().await;
    set(&host, json!({ "remote_deletion": "archive", "export": "none" })).await;
    host.import(KIND).await;
    let verify = async |host: &TestHost, repair: bool| {
        let started = host
            .call("verify.start", json!({ "backend": "shop", "kind": KIND, "repair": repair.then_some("both") }))
            .await;
        let job = started["jobs"][0]["id"].as_i64().unwrap();
        host.wait(&[job]).await.jobs[0].job.result.clone().unwrap()
    };
    assert_eq!(verify(&host, false).await["equal"], true);
    let added = shop.add("customers", json!({ "name": "Missed", "email": "missed@example.org" })).to_string();
    shop.edit("customers", 2, json!({ "phone": "+49 2" }));
    shop.delete("customers", 3);
    let ours = host.binding(KIND, "4").await["record"].clone();
    host.call("record.write", json!({ "model": "res.partner", "id": ours, "values": { "phone": "ours" } })).await;
    let found = verify(&host, false).await;
    let kind = &found["kinds"][0];
    assert_eq!(found["equal"], false);
    for (what, ids) in
        [("missing", vec![added.as_str()]), ("changed", vec!["2"]), ("edited", vec!["4"]), ("gone", vec!["3"])]
    {
        assert_eq!(kind[what], json!(ids), "{what}: {kind:#}");
    }
    assert_eq!(verify(&host, true).await["kinds"][0]["repaired"], 4);
    assert_eq!(verify(&host, false).await["equal"], true);
    assert_eq!(host.record(KIND, "4", &["phone"]).await["phone"], shop.item("customers", 4)["phone"]);
}
