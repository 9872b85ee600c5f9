//! What plans, comparisons and the state of syncs look like for people, word for word; `--json` carries the same data.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::json;

async fn prepared() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 4, customers: 3, orders: 2, ..Options::default() });
    let host = TestHost::new().await;
    host.connect(&shop).await;
    (host, shop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_shows_counts_and_fields_ours_beside_theirs() {
    let (host, shop) = prepared().await;
    let email = shop.item("customers", 2)["email"].clone();
    host.call("record.create", json!({ "model": "res.partner", "values": { "name": "Known here", "email": email } }))
        .await;
    let plan = host.run(["sync", "shop", "--kind", "demo.customer", "--plan"]).await.ok();
    insta::assert_snapshot!("plan_of_a_first_sync", plan.out);
    assert_eq!(host.count("res.partner", json!([["email", "!=", null]])).await, 1, "a plan writes nothing");

    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    shop.edit("customers", 1, json!({ "name": "Renamed there" }));
    shop.edit("customers", 3, json!({ "phone": "+49 30 1234567", "note": "A note that goes on and on, far beyond what fits into one line of a table" }));
    let plan = host.run(["sync", "shop", "--kind", "demo.customer", "--plan"]).await.ok();
    insta::assert_snapshot!("plan_of_a_change", plan.out);
    let plan = host.run(["sync", "shop", "--kind", "demo.customer", "--plan", "--json"]).await.ok().json();
    let planned = &plan["jobs"][0]["result"]["plan"][0];
    assert_eq!((&planned["account"]["updated"], &planned["account"]["unchanged"]), (&json!(2), &json!(1)), "{planned}");
    assert_eq!(planned["records"][0]["fields"][0][0], "name");

    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let plan = host.run(["sync", "shop", "--kind", "demo.customer", "--plan"]).await.ok();
    insta::assert_snapshot!("plan_of_nothing", plan.out);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_lists_what_differs_and_what_to_press_next() {
    let (host, shop) = prepared().await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "export": "none" } })).await;
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let equal = host.run(["verify", "shop", "--kind", "demo.customer"]).await.ok();
    insta::assert_snapshot!("verify_equal", equal.out);

    shop.edit("customers", 1, json!({ "name": "Renamed there" }));
    shop.add_sample("customers");
    assert!(shop.delete("customers", 3));
    let edited = host.bindings("shop", "demo.customer", "").await.into_iter().find(|one| one["external_id"] == "2");
    let record = edited.expect("it is bound")["record"].clone();
    host.call("record.write", json!({ "model": "res.partner", "id": record, "values": { "phone": "1" } })).await;
    let differs = host.run(["verify", "shop", "--kind", "demo.customer"]).await.ok();
    insta::assert_snapshot!("verify_differs", differs.out);
    let differs = host.run(["verify", "shop", "--kind", "demo.customer", "--json"]).await.ok().json();
    let kind = &differs["jobs"][0]["result"]["kinds"][0];
    assert_eq!((&kind["changed"], &kind["edited"], &kind["gone"]), (&json!(["1"]), &json!(["2"]), &json!(["3"])));
    let repaired = host.run(["verify", "shop", "--kind", "demo.customer", "--repair"]).await.ok();
    insta::assert_snapshot!("verify_repaired", repaired.out);
    let again = host.run(["verify", "shop", "--kind", "demo.customer"]).await.ok();
    insta::assert_snapshot!("verify_equal_again", again.out);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_how_the_sync_of_each_kind_stands() {
    let (host, _shop) = prepared().await;
    host.sync("shop", json!({ "kind": "demo.customer" })).await;
    let status = host.run(["status", "--json"]).await.ok().json();
    let kinds = status["backends"][0]["kinds"].as_array().unwrap();
    let kind = kinds.iter().find(|kind| kind["kind"] == "demo.customer").unwrap();
    assert_eq!(kind["last_run"]["state"], "done");
    let account = &kind["last_run"]["account"];
    assert_eq!(
        (&account["offered"], &account["created"], &kind["last_run"]["unaccounted"]),
        (&json!(3), &json!(3), &json!(0))
    );
    assert!(kind["cursor"].is_string() && kind["cursor_age"].is_i64(), "{kind}");
    let text = host.run(["status"]).await.ok().out;
    assert!(text.contains("3 offered: 3 created"), "{text}");
    assert!(text.contains("Nothing is wrong."), "{text}");
    host.stop().await;
}
