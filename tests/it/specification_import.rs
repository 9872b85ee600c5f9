//! The specification's mapper and importer over the real host: which values arrive, and when they are left alone.

use std::sync::{Arc, Mutex};

use bindery_tests::{
    TestHost,
    fake_http::{FakeHttp, Reply},
};
use serde_json::{Value, json};

use crate::specification_adapter::specimen;

/// A remote that lists one product, which the test changes.
struct Remote {
    product: Arc<Mutex<Value>>,
    server: FakeHttp,
}

impl Remote {
    async fn of(product: Value) -> Self {
        let product = Arc::new(Mutex::new(product));
        let shown = product.clone();
        let answer = move |_, request: &bindery_tests::fake_http::Received| {
            let product = shown.lock().unwrap().clone();
            let is_one = request.target.contains("/products/");
            Reply::json(&if is_one { product } else { json!({ "items": [product] }) }.to_string())
        };
        Self { product, server: FakeHttp::start(answer).await }
    }

    fn set(&self, name: &str, value: Value) {
        self.product.lock().unwrap()[name] = value;
    }
}

async fn import(host: &TestHost) {
    host.sync("one", json!({ "kind": "specimen.product" })).await;
}

async fn product(host: &TestHost) -> Value {
    let fields = ["name", "default_code", "type", "list_price", "barcode", "categ_id", "description"];
    host.rows("product.template", json!([]), &fields).await[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_of_a_mapper_sets_its_value() {
    let text = json!({ "id": 7, "name": "Lamp", "sku": "L-7", "cents": 1250, "barcode": "4006", "category_name": "Lights", "text": "Bright" });
    let remote = Remote::of(text).await;
    let host = specimen(&remote.server, "").await;
    let category =
        host.call("record.create", json!({ "model": "product.category", "values": { "name": "Lights" } })).await;
    import(&host).await;
    let found = product(&host).await;
    assert_eq!((&found["name"], &found["default_code"]), (&json!("Lamp"), &json!("L-7")), "direct");
    assert_eq!(found["list_price"], "12.5", "direct with a transformation");
    assert_eq!(found["type"], "consu", "only_create, at the creation");
    assert_eq!(found["description"], "Bright (one)", "a mapping in code, with the backend at hand");
    assert_eq!(found["categ_id"], category["ids"][0], "a look-up by name");
    let binding = &host.bindings("one", "specimen.product", "success").await[0];
    assert_eq!((&binding["backend"], &binding["external_id"]), (&json!("one"), &json!("7")), "the host's own mapping");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_finds_nothing_leaves_the_field_empty_and_finds_it_later() {
    let remote = Remote::of(json!({ "id": 7, "name": "Lamp", "category_name": "Lights" })).await;
    let host = specimen(&remote.server, "").await;
    import(&host).await;
    assert!(matches!(product(&host).await["categ_id"], Value::Null | Value::Bool(false)));
    let category =
        host.call("record.create", json!({ "model": "product.category", "values": { "name": "Lights" } })).await;
    import(&host).await;
    assert_eq!(product(&host).await["categ_id"], category["ids"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_creation_sets_is_left_alone_by_an_update() {
    let remote = Remote::of(json!({ "id": 7, "name": "Lamp" })).await;
    let host = specimen(&remote.server, "").await;
    import(&host).await;
    let id = product(&host).await["id"].clone();
    host.call("record.write", json!({ "model": "product.template", "id": id, "values": { "type": "service" } })).await;
    remote.set("name", json!("A better lamp"));
    import(&host).await;
    let found = product(&host).await;
    assert_eq!((&found["name"], &found["type"]), (&json!("A better lamp"), &json!("service")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_with_changed_by_runs_again_only_when_one_of_its_sources_has_changed() {
    let remote = Remote::of(json!({ "id": 7, "name": "Lamp", "sku": "L-7", "barcode": "4006" })).await;
    let host = specimen(&remote.server, "").await;
    import(&host).await;
    let id = product(&host).await["id"].clone();
    host.call("record.write", json!({ "model": "product.template", "id": id, "values": { "barcode": "ours" } })).await;
    remote.set("name", json!("A better lamp"));
    import(&host).await;
    assert_eq!(product(&host).await["barcode"], "ours", "neither barcode nor sku has changed there");
    remote.set("sku", json!("L-8"));
    import(&host).await;
    assert_eq!(product(&host).await["barcode"], "4006");
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_leaves_a_field_alone_null_clears_it_and_zero_is_a_value() {
    let remote = Remote::of(json!({ "id": 7, "name": "Lamp", "sku": "L-7", "cents": 1250, "text": "Bright" })).await;
    let host = specimen(&remote.server, "").await;
    import(&host).await;
    remote.product.lock().unwrap().as_object_mut().unwrap().remove("text");
    remote.set("sku", Value::Null);
    remote.set("cents", json!(0));
    import(&host).await;
    let found = product(&host).await;
    assert_eq!(found["description"], "Bright (one)", "absent");
    assert!(found["default_code"].is_null(), "null: {found}");
    assert_eq!(found["list_price"], "0", "zero");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_is_read_by_its_id_and_made_or_changed() {
    let remote = Remote::of(json!({ "id": 7, "name": "Lamp" })).await;
    let host = specimen(&remote.server, "").await;
    let one = json!({ "kind": "specimen.product", "id": "7" });
    host.sync("one", one.clone()).await;
    assert_eq!(remote.server.received()[0].target, "/v2/products/7");
    remote.set("name", json!("A better lamp"));
    host.sync("one", one).await;
    assert_eq!(host.count("product.template", json!([])).await, 1);
    assert_eq!(product(&host).await["name"], "A better lamp");
    assert_eq!(host.bindings("one", "specimen.product", "success").await.len(), 1);
}
