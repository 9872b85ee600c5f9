//! What is sent and has no answer yet, changed here once more: an import that comes in between, whatever stopped the host,
//! takes what it finds there for our own, and our newer change is not lost.

use bindery_tests::{Data, Fault, Gate, Options, Point, Shop, TestHost};
use serde_json::{Value, json};

/// A host over a shop with one product that both have; where both sides changed a field, theirs wins.
fn with_product() -> (Data, Shop, String) {
    let shop = Shop::start(Options { products: 1, customers: 0, orders: 0, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    data.run(["backend", "set", "shop", "--set", "conflict=remote"]).ok();
    data.run(["sync", "shop", "--only", "products"]).ok();
    let found = data.run(["binding", "list", "--backend", "shop", "--kind", "demo.product", "--json"]).ok().json();
    let record = found["bindings"][0]["record"].to_string();
    (data, shop, record)
}

fn name(data: &Data, record: &str, name: &str) {
    data.run(["record", "write", "product.template", record, &format!("name={name}")]).ok();
}

/// Changes the name and kills the host once that has arrived and before its answer has; then the name is changed again.
async fn killed_in_between(data: &Data, shop: &Shop, record: &str, again: &str) {
    let gate = shop.gate_at("PUT /products/*", Point::After);
    let host = data.serve();
    name(data, record, "First");
    gate.arrived().await;
    host.kill();
    gate.release();
    name(data, record, again);
}

/// Imports before anything can be sent; then what is still to be sent is.
async fn imported_then_sent(data: Data, shop: &Shop, still: &str) {
    shop.fault_always("PUT /products/*", Fault::status(503));
    let host = TestHost::start(data, |_| {}).await;
    host.import("demo.product").await;
    assert_eq!(shop.item("products", 1)["title"], "First", "the first has arrived");
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], still, "it is still to be sent");
    shop.clear_faults();
    host.exported().await;
    host.retry_exports().await;
    assert_eq!(shop.item("products", 1)["title"], still);
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], still);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_whose_answer_never_came_is_our_own_when_an_import_finds_it() {
    let (data, shop, record) = with_product();
    killed_in_between(&data, &shop, &record, "Second").await;
    imported_then_sent(data, &shop, "Second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_back_here_is_no_change_of_theirs() {
    let (data, shop, record) = with_product();
    let before = shop.item("products", 1)["title"].as_str().expect("a title").to_owned();
    killed_in_between(&data, &shop, &record, &before).await;
    imported_then_sent(data, &shop, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_they_changed_after_it_arrived_is_theirs_all_the_same() {
    let (data, shop, record) = with_product();
    killed_in_between(&data, &shop, &record, "Second").await;
    shop.edit("products", 1, json!({ "title": "Theirs" }));
    let host = TestHost::start(data, |_| {}).await;
    host.import("demo.product").await;
    host.exported().await;
    host.retry_exports().await;
    assert_eq!(host.record("demo.product", "1", &["name"]).await["name"], "Theirs", "as the policy says");
    assert_eq!(shop.item("products", 1)["title"], "Theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_made_there_and_changed_since_is_not_brought_back_to_what_was_sent() {
    let (data, shop, _) = with_product();
    data.run(["backend", "set", "shop", "--kind", "demo.product", "--set", "export=all"]).ok();
    let gate = shop.gate_at("POST /products", Point::After);
    let host = data.serve();
    let made = data.run(["record", "create", "product.template", "--json", "name=First", "default_code=F-1"]).ok();
    let record = made.json()["ids"][0].to_string();
    gate.arrived().await;
    host.kill();
    gate.release();
    name(&data, &record, "Second");
    // The create is settled, and what changed since can't be sent yet.
    shop.fault_always("PUT /products/*", Fault::status(503));
    let host = TestHost::start(data, |_| {}).await;
    host.exported().await;
    let id = host.binding_of("shop", "demo.product", record.parse().expect("a number")).await.expect("it is bound");
    let id = id["external_id"].as_str().expect("it is there").to_owned();
    host.import("demo.product").await;
    assert_eq!(host.record("demo.product", &id, &["name"]).await["name"], "Second", "it is still to be sent");
    shop.clear_faults();
    host.retry_exports().await;
    assert_eq!(shop.item("products", id.parse().expect("a number"))["title"], "Second");
    assert_eq!(shop.len("products"), 2);
}

/// A host with an order that went to a shop, and its line.
struct Ordered {
    host: TestHost,
    shop: Shop,
    order: i64,
    line: i64,
}

impl Ordered {
    async fn new() -> Self {
        let shop = Shop::start(Options { products: 1, customers: 1, orders: 0, ..Options::default() });
        let host = TestHost::new().await;
        host.connect_exporter(&shop).await;
        for kind in ["exporter.customer", "exporter.order"] {
            host.set_policy("other", kind, json!({ "export": "all", "conflict": "remote" })).await;
        }
        let customer = host.make("res.partner", json!({ "name": "Buyer", "email": "buyer@example.org" })).await;
        let lines = json!([[0, 0, { "name": "Lamp", "product_uom_qty": 2 }]]);
        let order = host.make("sale.order", json!({ "partner_id": customer, "order_line": lines })).await;
        host.exported().await;
        let line = host.rows("sale.order.line", json!([["order_id", "=", order]]), &["id"]).await[0]["id"].clone();
        let ordered = Self { host, shop, order, line: line.as_i64().expect("an id") };
        ordered.import().await;
        ordered
    }

    async fn import(&self) {
        let account = self.host.sync("other", json!({ "kind": "exporter.order", "force": true })).await;
        assert_eq!(account.failed, 0);
    }

    async fn write(&self, quantity: u64) {
        let values = json!({ "product_uom_qty": quantity });
        self.host.call("record.write", json!({ "model": "sale.order.line", "id": self.line, "values": values })).await;
    }

    /// Changes the quantity; the send has arrived there, and its answer is held.
    async fn sent(&self, quantity: u64) -> Gate {
        let gate = self.shop.gate_at("PUT /orders/*", Point::After);
        self.write(quantity).await;
        gate.arrived().await;
        gate
    }

    /// Quantities here, in the order of our lines.
    async fn here(&self) -> Vec<f64> {
        let domain = json!([["order_id", "=", self.order]]);
        let rows = self.host.rows("sale.order.line", domain, &["id", "product_uom_qty"]).await;
        let mut all: Vec<(i64, f64)> =
            rows.iter().map(|row| (row["id"].as_i64().expect("an id"), quantity(row))).collect();
        all.sort_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, quantity)| quantity).collect()
    }

    /// Quantities there.
    fn there(&self) -> Vec<f64> {
        let order = self.shop.items("orders").remove(0);
        let lines = order["lines"].as_array().expect("lines").iter();
        lines.map(|line| line["quantity"].as_f64().expect("a number")).collect()
    }
}

fn quantity(row: &Value) -> f64 {
    row["product_uom_qty"].as_str().and_then(|text| text.parse().ok()).expect("a quantity")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_an_import_finds_as_it_was_sent_keeps_what_changed_here_since() {
    let ordered = Ordered::new().await;
    let held = ordered.sent(5).await;
    ordered.write(6).await;
    ordered.import().await;
    assert_eq!((ordered.here().await, ordered.there()), (vec![6.0], vec![5.0]));
    held.release();
    ordered.host.exported().await;
    assert_eq!((ordered.here().await, ordered.there()), (vec![6.0], vec![6.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_an_import_finds_before_its_answer_is_no_other_line() {
    let ordered = Ordered::new().await;
    let held = ordered.shop.gate_at("PUT /orders/*", Point::After);
    let lines = json!([[0, 0, { "name": "Shade", "product_uom_qty": 3 }]]);
    let values = json!({ "order_line": lines });
    let write = json!({ "model": "sale.order", "id": ordered.order, "values": values });
    ordered.host.call("record.write", write).await;
    held.arrived().await;
    let domain = json!([["order_id", "=", ordered.order], ["name", "=", "Shade"]]);
    let shade = ordered.host.rows("sale.order.line", domain, &["id"]).await[0]["id"].clone();
    let change = json!({ "model": "sale.order.line", "id": shade, "values": { "product_uom_qty": 4 } });
    ordered.host.call("record.write", change).await;
    ordered.import().await;
    assert_eq!((ordered.here().await, ordered.there()), (vec![2.0, 4.0], vec![2.0, 3.0]));
    held.release();
    ordered.host.exported().await;
    assert_eq!((ordered.here().await, ordered.there()), (vec![2.0, 4.0], vec![2.0, 4.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_they_make_of_a_line_is_taken_over_where_it_was_not_changed_here_since() {
    for (again, stands) in [(None, 10.0), (Some(6), 6.0)] {
        let ordered = Ordered::new().await;
        let held = ordered.sent(5).await;
        // They sell by tens only, which the answer tells.
        let mut order = ordered.shop.items("orders").remove(0);
        order["lines"][0]["quantity"] = json!(10);
        ordered.shop.edit("orders", order["id"].as_u64().expect("a number"), json!({ "lines": order["lines"] }));
        if let Some(quantity) = again {
            ordered.write(quantity).await;
        }
        held.release();
        ordered.host.exported().await;
        ordered.import().await;
        ordered.host.exported().await;
        assert_eq!((ordered.here().await, ordered.there()), (vec![stands], vec![stands]), "changed again: {again:?}");
        ordered.host.stop().await;
    }
}
