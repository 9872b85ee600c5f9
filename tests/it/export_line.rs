//! Lines that go with their record: each is bound to the one of ours that it was made from, whatever kinds stand in one
//! field, and what only we changed of one is not undone by a change of its record there.

use std::collections::BTreeSet;

use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

/// A host whose new orders go to a shop, with an order there whose note and lines stand in one field here.
async fn with_order(shop: &Shop) -> (TestHost, i64) {
    let host = TestHost::new().await;
    host.connect_exporter(shop).await;
    for kind in ["exporter.customer", "exporter.order"] {
        host.set_policy("other", kind, json!({ "export": "all" })).await;
    }
    let customer = host.make("res.partner", json!({ "name": "Buyer", "email": "buyer@example.org" })).await;
    let note = |text: &str| json!([0, 0, { "name": text, "display_type": "line_note" }]);
    let line = |text: &str, quantity: u64| json!([0, 0, { "name": text, "product_uom_qty": quantity }]);
    let lines = json!([note("Ring twice"), line("First", 2), note("Thank you"), line("Second", 3)]);
    let order = host.make("sale.order", json!({ "partner_id": customer, "note": "Ours", "order_line": lines })).await;
    host.exported().await;
    (host, order)
}

fn small() -> Options {
    Options { products: 1, customers: 1, orders: 0, ..Options::default() }
}

fn order_there(shop: &Shop) -> Value {
    let mut all = shop.items("orders");
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// What is bound of a kind: their id, and our line's text.
async fn bound(host: &TestHost, kind: &str) -> BTreeSet<(String, String)> {
    let rows = host.rows(kind, json!([]), &["external_id", "name"]).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(&row["external_id"]), text(&row["name"]))).collect()
}

fn told(order: &Value, list: &str, field: &str) -> BTreeSet<(String, String)> {
    let lines = order[list].as_array().expect("a list").iter();
    lines.map(|line| (line["id"].to_string(), line[field].as_str().unwrap_or_default().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_two_kinds_in_one_field_are_each_bound_to_ours() {
    let shop = Shop::start(small());
    let (host, order) = with_order(&shop).await;
    let there = order_there(&shop);
    assert_eq!(there["lines"].as_array().map(Vec::len), Some(2), "{there:#}");
    assert_eq!(bound(&host, "exporter.order_line").await, told(&there, "lines", "title"));
    assert_eq!(bound(&host, "exporter.order_note").await, told(&there, "notes", "text"));
    let account = host.sync("other", json!({ "kind": "exporter.order", "force": true })).await;
    assert_eq!(account.failed, 0);
    let count = host.count("sale.order.line", json!([["order_id", "=", order]])).await;
    assert_eq!(count, 4, "no line came back as another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_only_we_changed_survives_a_change_of_its_record_there() {
    let shop = Shop::start(small());
    let (host, order) = with_order(&shop).await;
    host.sync("other", json!({ "kind": "exporter.order" })).await;
    shop.fault_always("PUT /orders/*", Fault::status(503));
    let first = json!([["order_id", "=", order], ["name", "=", "First"]]);
    let line = host.rows("sale.order.line", first, &["id"]).await[0]["id"].clone();
    let change = json!({ "model": "sale.order.line", "id": line, "values": { "product_uom_qty": 5 } });
    host.call("record.write", change).await;
    host.exported().await;
    let there = order_there(&shop);
    shop.edit("orders", there["id"].as_u64().expect("a number"), json!({ "note": "Theirs" }));
    host.sync("other", json!({ "kind": "exporter.order" })).await;
    let quantity = |lines: &[Value]| lines[0]["product_uom_qty"].as_str().and_then(|text| text.parse::<f64>().ok());
    let ours = host.rows("sale.order.line", json!([["id", "=", line]]), &["product_uom_qty"]).await;
    assert_eq!(quantity(&ours), Some(5.0), "it is still to be sent: {ours:?}");
    shop.clear_faults();
    host.retry_exports().await;
    let there = order_there(&shop);
    let sent = there["lines"].as_array().expect("lines").iter().find(|line| line["title"] == "First");
    assert_eq!((&sent.expect("it is there")["quantity"].as_f64(), &there["note"]), (&Some(5.0), &json!("Theirs")));
    let ours = host.rows("sale.order", json!([["id", "=", order]]), &["note"]).await;
    assert_eq!(ours[0]["note"], "Theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_both_sides_changed_is_brought_together_field_by_field() {
    for (policy, title) in [("remote", "Theirs"), ("local", "Ours")] {
        let shop = Shop::start(small());
        let (host, order) = with_order(&shop).await;
        host.set_policy("other", "exporter.order", json!({ "conflict": policy })).await;
        host.sync("other", json!({ "kind": "exporter.order" })).await;
        shop.fault_always("PUT /orders/*", Fault::status(503));
        let line = async |name: &str| {
            let rows =
                host.rows("sale.order.line", json!([["order_id", "=", order], ["name", "=", name]]), &["id"]).await;
            rows[0]["id"].clone()
        };
        let write = async |line: Value, values: Value| {
            host.call("record.write", json!({ "model": "sale.order.line", "id": line, "values": values })).await;
        };
        // Of the first line each side changes another field, of the second one both change the title.
        write(line("First").await, json!({ "product_uom_qty": 5 })).await;
        write(line("Second").await, json!({ "name": "Ours" })).await;
        host.exported().await;
        let mut there = order_there(&shop);
        for line in there["lines"].as_array_mut().expect("lines") {
            line["title"] = if line["title"] == "First" { json!("First of all") } else { json!("Theirs") };
        }
        shop.edit("orders", there["id"].as_u64().expect("a number"), json!({ "lines": there["lines"] }));
        host.sync("other", json!({ "kind": "exporter.order" })).await;
        shop.clear_faults();
        host.retry_exports().await;
        let there = order_there(&shop);
        let lines: BTreeSet<(String, String)> = there["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| (line["title"].as_str().unwrap_or_default().to_owned(), line["quantity"].to_string()))
            .collect();
        let text = |pair: [&str; 2]| (pair[0].to_owned(), pair[1].to_owned());
        assert_eq!(lines, BTreeSet::from([text(["First of all", "5"]), text([title, "3"])]), "{policy}");
        let here = host.rows("sale.order.line", json!([["order_id", "=", order]]), &["name"]).await;
        let here: BTreeSet<&str> = here.iter().filter_map(|row| row["name"].as_str()).collect();
        assert!(here.contains("First of all") && here.contains(title), "{policy}: {here:?}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_removed_here_does_not_come_back_with_a_change_of_its_record_there() {
    let shop = Shop::start(small());
    let (host, order) = with_order(&shop).await;
    host.sync("other", json!({ "kind": "exporter.order" })).await;
    shop.fault_always("PUT /orders/*", Fault::status(503));
    let first = json!([["order_id", "=", order], ["name", "=", "First"]]);
    let line = host.rows("sale.order.line", first.clone(), &["id"]).await[0]["id"].clone();
    let lines = json!({ "order_line": [[2, line, 0]] });
    host.call("record.write", json!({ "model": "sale.order", "id": order, "values": lines })).await;
    host.exported().await;
    let mut there = order_there(&shop);
    let added = json!({ "title": "Third", "quantity": 1 });
    there["lines"].as_array_mut().expect("lines").push(added);
    let id = there["id"].as_u64().expect("a number");
    shop.edit("orders", id, json!({ "note": "Theirs", "lines": there["lines"] }));
    for _ in 0..2 {
        host.sync("other", json!({ "kind": "exporter.order", "force": true })).await;
        assert_eq!(host.count("sale.order.line", first.clone()).await, 0, "it is still to be removed there");
        assert_eq!(host.count("sale.order.line", json!([["order_id", "=", order]])).await, 4, "theirs has come");
    }
    shop.clear_faults();
    host.retry_exports().await;
    let there = order_there(&shop);
    let titles: BTreeSet<&str> =
        there["lines"].as_array().expect("lines").iter().filter_map(|line| line["title"].as_str()).collect();
    assert_eq!((titles, &there["note"]), (BTreeSet::from(["Second", "Third"]), &json!("Theirs")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_changed_again_while_it_is_sent_is_sent_again_whatever_comes_in_between() {
    let shop = Shop::start(small());
    let (host, order) = with_order(&shop).await;
    host.sync("other", json!({ "kind": "exporter.order" })).await;
    let first = json!([["order_id", "=", order], ["name", "=", "First"]]);
    let line = host.rows("sale.order.line", first, &["id"]).await[0]["id"].clone();
    let change = async |quantity: u64| {
        let values = json!({ "product_uom_qty": quantity });
        host.call("record.write", json!({ "model": "sale.order.line", "id": line, "values": values })).await;
    };
    // The first send is held until the line has changed once more; the next ones fail for now.
    let held = shop.gate("PUT /orders/*");
    shop.fault_after("PUT /orders/*", 1, 1_000, Fault::status(503));
    change(5).await;
    held.arrived().await;
    change(6).await;
    held.release();
    host.exported().await;
    let quantity_there = || {
        let order = order_there(&shop);
        let sent = order["lines"].as_array().expect("lines").iter().find(|line| line["title"] == "First").cloned();
        sent.expect("it is there")["quantity"].as_f64()
    };
    assert_eq!(quantity_there(), Some(5.0), "only the first has arrived");
    host.sync("other", json!({ "kind": "exporter.order" })).await;
    let ours = host.rows("sale.order.line", json!([["id", "=", line]]), &["product_uom_qty"]).await;
    let quantity = ours[0]["product_uom_qty"].as_str().and_then(|text| text.parse::<f64>().ok());
    assert_eq!(quantity, Some(6.0), "it is still to be sent");
    shop.clear_faults();
    host.retry_exports().await;
    assert_eq!(quantity_there(), Some(6.0));
}
