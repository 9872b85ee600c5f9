//! What a connector asks to write while it maps a page: committed with the page or not at all, and never for a look.

use bindery_tests::{
    TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::json;

use crate::specification_adapter::specimen;

/// A remote with one product on a shelf; the connector makes a category of the shelf while it maps.
async fn on_a_shelf() -> (TestHost, FakeHttp) {
    let page = json!({ "items": [{ "id": 7, "name": "Lamp", "shelf": "Lights", "price": 1 }] }).to_string();
    let server = FakeHttp::start(move |_, _| Reply::json(&page)).await;
    let host = specimen(&server, "").await;
    host.call("backend.set", json!({ "name": "one", "settings": { "models": ["product.category"] } })).await;
    (host, server)
}

async fn shelves(host: &TestHost) -> Vec<serde_json::Value> {
    host.rows("product.category", json!([["name", "=", "Lights"]]), &["name"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_while_a_page_is_mapped_is_there_with_the_page_and_named_by_it() {
    let (host, _server) = on_a_shelf().await;
    host.try_sync("one", json!({ "kind": "specimen.product", "plan": true })).await;
    assert!(shelves(&host).await.is_empty(), "a plan writes nothing");
    host.sync("one", json!({ "kind": "specimen.product" })).await;
    let made = shelves(&host).await;
    assert_eq!(made.len(), 1);
    let product = host.rows("product.template", json!([]), &["categ_id"]).await;
    assert_eq!(product[0]["categ_id"], made[0]["id"], "the temporary id has become the record's");
    host.sync("one", json!({ "kind": "specimen.product" })).await;
    assert_eq!(shelves(&host).await.len(), 1, "what is unchanged is not mapped again");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_keeps_the_record_back_and_makes_nothing() {
    let (host, _server) = on_a_shelf().await;
    host.call("backend.set", json!({ "name": "one", "settings": { "models": [] } })).await;
    let standing = host.try_sync("one", json!({ "kind": "specimen.product" })).await;
    let told = serde_json::to_value(&standing.jobs).expect("jobs are JSON").to_string();
    assert!(told.contains("product.category"), "the model is named: {told}");
    assert!(shelves(&host).await.is_empty());
    assert_eq!(host.count("product.template", json!([])).await, 0);
    host.stop().await;
}

/// A remote with three products; the connector makes the countries that they are made in.
async fn made_in(codes: [&'static str; 3]) -> (TestHost, FakeHttp) {
    let item = |(at, code): (usize, &&str)| json!({ "id": at + 1, "name": format!("Lamp {code}"), "made_in": code });
    let items: Vec<_> = codes.iter().enumerate().map(item).collect();
    let page = json!({ "items": items }).to_string();
    let server = FakeHttp::start(move |_, request| {
        let one = request.target.rsplit('/').next().and_then(|id| id.parse::<usize>().ok());
        one.map_or_else(|| Reply::json(&page), |id| Reply::json(&items[id - 1].to_string()))
    })
    .await;
    let host = specimen(&server, "").await;
    let models = json!({ "models": ["product.category", "res.country"] });
    host.call("backend.set", json!({ "name": "one", "settings": models })).await;
    (host, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_refused_keeps_back_the_item_that_asked_for_it_and_no_other() {
    // Germany is known already, and its code is unique.
    let (host, _server) = made_in(["x1", "DE", "x2"]).await;
    let standing = host.sync("one", json!({ "kind": "specimen.product" })).await;
    let result = standing.jobs[0].job.result.clone().expect("it is done");
    let account = &result["account"];
    assert_eq!((&account["offered"], &account["created"], &account["quarantined"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(result["problems"][0][0], "2", "{result}");
    let names = host.rows("product.template", json!([]), &["name"]).await;
    let mut names: Vec<&str> = names.iter().filter_map(|row| row["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Lamp x1", "Lamp x2"]);
    assert_eq!(host.count("res.country", json!([["code", "in", ["x1", "x2"]]])).await, 2, "what the others asked for");
    let failed = host.bindings("one", "specimen.product", "failed").await;
    let why = failed[0]["last_error"].as_str().expect("why");
    assert!(failed.len() == 1 && failed[0]["external_id"] == "2" && why.contains("res.country"), "{failed:?}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_write_was_refused_arrives_once_nothing_stands_in_its_way() {
    let (host, _server) = made_in(["x1", "DE", "x2"]).await;
    host.sync("one", json!({ "kind": "specimen.product" })).await;
    let germany = host.rows("res.country", json!([["code", "=", "DE"]]), &["name"]).await;
    let again = host.try_sync("one", json!({ "kind": "specimen.product", "id": "2" })).await;
    let why = again.jobs[0].job.error.clone().expect("it is refused again").message;
    assert!(why.contains("res.country"), "{why}");
    let other = json!({ "model": "res.country", "id": germany[0]["id"], "values": { "code": "D1" } });
    host.call("record.write", other).await;
    let standing = host.sync("one", json!({ "kind": "specimen.product", "id": "2" })).await;
    assert_eq!(standing.failed, 0, "{standing:#?}");
    assert_eq!(host.count("product.template", json!([])).await, 3);
    assert_eq!(host.bindings("one", "specimen.product", "failed").await.len(), 0);
    host.stop().await;
}
