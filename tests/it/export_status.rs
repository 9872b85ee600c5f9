//! What an operator sees of changes that are still to be sent: how many, since when, and what the next sync would send.

use bindery::base::{Clock, Timestamp};
use bindery_tests::{Data, Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 4, customers: 2, orders: 0, ..Options::default() }
}

async fn products(host: &TestHost) -> Value {
    let status = host.run(["status", "--json"]).await.ok().json();
    let kinds = status["backends"][0]["kinds"].as_array().expect("kinds").clone();
    kinds.into_iter().find(|kind| kind["kind"] == "demo.product").expect("products")
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_what_waits_to_be_sent_and_after_an_hour_somebody_should_look() {
    let shop = Shop::start(small());
    let noon = Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").expect("a time");
    let host = TestHost::start(Data::new(), |options| options.clock = Clock::manual(noon)).await;
    host.connect(&shop).await;
    for kind in ["demo.category", "demo.tax", "demo.product"] {
        host.import(kind).await;
    }
    shop.fault_always("PUT /products/1", Fault::status(422));
    for id in ["1", "2"] {
        host.edit("demo.product", id, json!({ "name": format!("Changed {id}") })).await;
    }
    host.exported().await;
    let kind = products(&host).await;
    assert_eq!((&kind["due"], &kind["due_age"]), (&json!(1), &json!(0)), "{kind:#}");
    let is_told = |shown: &str| shown.contains("wait to be sent");
    let shown = host.run(["status"]).await.ok().out;
    assert!(shown.contains("1, first just now") && !is_told(&shown), "{shown}");
    host.clock().advance_seconds(2 * 3_600);
    let shown = host.run(["status"]).await.ok().out;
    assert!(shown.contains("demo.product: 1 records wait to be sent, the first of them for 2 h"), "{shown}");
    assert!(shown.contains("`bindery export shop --kind demo.product --wait` sends them"), "{shown}");
    shop.clear_faults();
    host.run(["export", "shop", "--kind", "demo.product", "--wait"]).await.ok();
    assert_eq!(products(&host).await["due"], 0);
    assert!(!is_told(&host.run(["status"]).await.ok().out));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_a_step_shows_what_its_second_half_would_send() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "all" })).await;
    let record = host.binding("demo.product", "1").await["record"].clone();
    shop.edit("products", 2, json!({ "title": "By them" }));
    let data = host.stop().await;
    data.run(["record", "create", "product.template", "name=Ours", "default_code=OURS-1"]).ok();
    data.run(["record", "write", "product.template", &record.to_string(), "name=By us"]).ok();
    let shown = data.run(["sync", "shop", "--only", "products", "--plan"]).ok().out;
    assert!(shown.contains("demo.product to be sent: 2 offered: 1 to create, 1 to update"), "{shown}");
    assert!(shown.contains("By them") && shown.contains("By us"), "{shown}");
    assert!(shop.requests().iter().all(|request| request.method == "GET"));
    let plan = data.run(["sync", "shop", "--only", "products", "--plan", "--json"]).ok().json();
    let plans = plan["jobs"][0]["result"]["plan"].as_array().expect("plans").iter();
    let halves: Vec<&Value> = plans.filter(|one| one["kind"] == "demo.product").collect();
    assert_eq!((&halves[0]["direction"], &halves[1]["direction"]), (&json!("import"), &json!("export")), "{plan:#}");
    assert_eq!(halves[1]["account"]["offered"], 2);
    data.run(["sync", "shop", "--only", "products"]).ok();
    assert_eq!(shop.item("products", 1)["title"], "By us");
    assert_eq!(shop.items("products").iter().filter(|item| item["title"] == "Ours").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_exports_nothing_by_itself_is_in_no_plan_of_a_step() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "export": "none" } })).await;
    let plan = host.run(["sync", "shop", "--only", "products", "--plan", "--json"]).await.ok().json();
    let plans = plan["jobs"][0]["result"]["plan"].as_array().expect("plans").clone();
    assert!(!plans.is_empty() && plans.iter().all(|one| one["direction"] == "import"), "{plan:#}");
}
