//! Records: made, read, changed and removed, with their lines, their computed fields and their traces in the outbox.

use bindery::{
    base::Coded,
    record::{Change, Error, outbox::Op},
};
use bindery_tests::records::{NOW, Records};
use serde_json::json;

fn code(error: Error) -> &'static str {
    error.code().name
}

#[test]
fn what_is_created_is_read_back_exactly() {
    let records = Records::new();
    let id = records
        .create(
            "product.template",
            json!({
                "name": "Bolt", "default_code": "B-1", "list_price": "19.990001", "weight": 0, "sale_ok": false,
                "description": "", "type": "consu", "image_1920": "AAEC", "sequence": 9_007_199_254_740_993_i64,
            }),
        )
        .expect("is created");
    let fields = [
        "name",
        "default_code",
        "list_price",
        "weight",
        "sale_ok",
        "description",
        "type",
        "image_1920",
        "sequence",
        "active",
        "barcode",
        "taxes_id",
        "create_date",
    ];
    let row = records.read("product.template", id, &fields);
    assert_eq!(
        serde_json::Value::Object(row),
        json!({
            "id": id, "name": "Bolt", "default_code": "B-1", "list_price": "19.990001", "weight": "0",
            "sale_ok": false, "description": "", "type": "consu", "image_1920": "AAEC",
            "sequence": 9_007_199_254_740_993_i64, "active": true, "barcode": null, "taxes_id": [],
            "create_date": NOW.to_rfc3339(),
        })
    );
}

#[test]
fn a_write_sets_only_what_differs() {
    let records = Records::new();
    let id = records.create("product.template", json!({"name": "Bolt", "list_price": 5})).expect("is created");
    let before = records.events(0).last().expect("an event").id;

    let same = records.write("product.template", id, json!({"name": "Bolt", "list_price": "5.0"})).expect("is written");
    assert_eq!((same.version, same.changed.len()), (1, 0));
    assert!(records.events(before).is_empty());
    assert_eq!(records.get("product.template", id, "write_date"), json!(NOW.to_rfc3339()));

    let other = records.write("product.template", id, json!({"name": "Nut", "list_price": 5})).expect("is written");
    assert_eq!((other.version, other.changed.len()), (2, 1));
    let events = records.events(before);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].op, events[0].record, events[0].changed.as_slice()),
        (Op::Write, id, &["name".to_owned()][..])
    );
    assert_eq!(records.get("product.template", id, "write_date"), json!(NOW.plus_seconds(1).to_rfc3339()));
}

#[test]
fn absent_leaves_a_field_alone_and_null_clears_it() {
    let records = Records::new();
    let id = records.create("res.partner", json!({"name": "Ada", "email": "a@x", "phone": "1"})).expect("is created");
    records.write("res.partner", id, json!({"phone": null})).expect("is written");
    let row = records.read("res.partner", id, &["email", "phone"]);
    assert_eq!((&row["email"], &row["phone"]), (&json!("a@x"), &json!(null)));
}

#[test]
fn problems_name_model_and_field_all_at_once() {
    let records = Records::new();
    let error = records
        .create("product.template", json!({"name": 5, "list_price": "x", "colour": 1, "qty_available": 3}))
        .expect_err("is refused");
    let fields: Vec<String> = error.fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["colour", "list_price", "name", "qty_available"]);
    assert!(error.to_string().starts_with("product.template: "));
    assert_eq!(code(error), "record.invalid_value");

    let missing = records.create("product.template", json!({"default_code": "x"})).expect_err("is refused");
    assert_eq!(missing.fields(), [("name".to_owned(), "a value is required".to_owned())]);
    let cleared = records.create("product.template", json!({"name": "x"})).expect("is created");
    let cleared = records.write("product.template", cleared, json!({"name": null})).expect_err("is refused");
    assert_eq!(cleared.to_string(), "product.template: name: a value is required");
}

#[test]
fn a_unique_field_and_a_dangling_reference_are_refused_by_name() {
    let records = Records::new();
    records.create("res.currency", json!({"name": "EUR"})).expect("is created");
    let twice = records.create("res.currency", json!({"name": "EUR"})).expect_err("is refused");
    assert_eq!(twice.to_string(), "res.currency: another record has the same name");
    let dangling = records.create("product.template", json!({"name": "x", "categ_id": 77})).expect_err("is refused");
    assert_eq!(dangling.to_string(), "product.template: categ_id: there is no record 77 of product.category");
    assert_eq!(
        code(records.write("res.currency", 99, json!({"symbol": "$"})).expect_err("is refused")),
        "record.missing"
    );
}

#[test]
fn an_order_sums_up_its_lines_in_one_event() {
    let records = Records::new();
    let currency = records.create("res.currency", json!({"name": "EUR"})).expect("is created");
    let tax = records.create("account.tax", json!({"name": "21 %", "amount": 21})).expect("is created");
    let partner = records.create("res.partner", json!({"name": "Ada"})).expect("is created");
    let before = records.events(0).last().expect("an event").id;
    let order = records
        .create(
            "sale.order",
            json!({
                "partner_id": partner, "currency_id": currency,
                "order_line": [
                    {"name": "Bolt", "product_uom_qty": 3, "price_unit": "19.99", "tax_id": [tax]},
                    {"name": "Nut", "product_uom_qty": 1, "price_unit": "10", "discount": 50},
                ],
            }),
        )
        .expect("is created");
    let row = records.read("sale.order", order, &["amount_untaxed", "amount_tax", "amount_total", "order_line"]);
    assert_eq!(
        (&row["amount_untaxed"], &row["amount_tax"], &row["amount_total"]),
        (&json!("64.97"), &json!("12.59"), &json!("77.56"))
    );
    let events = records.events(before);
    let of_order: Vec<_> = events.iter().filter(|event| event.model == "sale.order").collect();
    assert_eq!((of_order.len(), of_order[0].op, events.len()), (1, Op::Create, 3));

    let line = row["order_line"][0].as_i64().expect("a line");
    let last = events.last().expect("an event").id;
    records
        .write("sale.order", order, json!({"order_line": {"update": {line.to_string(): {"product_uom_qty": 1}}}}))
        .expect("is written");
    assert_eq!(records.get("sale.order", order, "amount_total"), json!("29.19"));
    let of_order: Vec<_> = records.events(last).into_iter().filter(|event| event.model == "sale.order").collect();
    assert_eq!(of_order.len(), 1);
    assert_eq!(of_order[0].changed, ["order_line", "amount_untaxed", "amount_tax", "amount_total"]);

    records.unlink("sale.order.line", line).expect("is removed");
    assert_eq!(records.get("sale.order", order, "amount_total"), json!("5"));
}

#[test]
fn lines_take_the_erps_commands_and_plain_ones() {
    let records = Records::new();
    let partner = records.create("res.partner", json!({"name": "Ada"})).expect("is created");
    let lines = json!({"partner_id": partner, "order_line": [[0, 0, {"name": "a"}], [0, 0, {"name": "b"}]]});
    let order = records.create("sale.order", lines).expect("is created");
    let ids = |records: &Records| records.get("sale.order", order, "order_line").as_array().expect("a list").clone();
    let first = ids(&records);
    assert_eq!(first.len(), 2);
    for (commands, left) in [
        (json!([[1, first[0], {"name": "A"}]]), 2),
        (json!([[2, first[0]]]), 1),
        (json!({"create": [{"name": "c"}, {"name": "d"}], "unlink": [first[1]]}), 2),
        (json!([{"name": "only"}]), 1),
        (json!([[5]]), 0),
        (json!(null), 0),
    ] {
        records.write("sale.order", order, json!({"order_line": commands})).expect("is written");
        assert_eq!(ids(&records).len(), left, "{commands}");
    }
    let stranger = records.write("sale.order", order, json!({"order_line": [[1, 999, {}]]})).expect_err("is refused");
    assert!(stranger.to_string().contains("none of its lines"), "{stranger}");
}

#[test]
fn links_are_set_added_and_taken_away() {
    let records = Records::new();
    let tags: Vec<i64> = ["a", "b", "c"]
        .iter()
        .map(|name| records.create("product.tag", json!({"name": name})).expect("is created"))
        .collect();
    let id = records
        .create("product.template", json!({"name": "x", "product_tag_ids": [tags[0], tags[1]]}))
        .expect("is created");
    for (commands, expected, changes) in [
        (json!([[4, tags[2]]]), json!(tags), true),
        (json!([[4, tags[2]]]), json!(tags), false),
        (json!({"unlink": [tags[0]]}), json!([tags[1], tags[2]]), true),
        (json!([[6, 0, [tags[0]]]]), json!([tags[0]]), true),
        (json!([tags[0]]), json!([tags[0]]), false),
        (json!([]), json!([]), true),
    ] {
        let written = records.write("product.template", id, json!({"product_tag_ids": commands})).expect("is written");
        assert_eq!(records.get("product.template", id, "product_tag_ids"), expected, "{commands}");
        assert_eq!(!written.changed.is_empty(), changes, "{commands}");
    }
    let lost = records.write("product.template", id, json!({"product_tag_ids": [77]})).expect_err("is refused");
    assert_eq!(lost.to_string(), "product.template: product_tag_ids: there is no record 77 of product.tag");
}

#[test]
fn a_removal_cascades_restricts_or_clears_as_declared() {
    let records = Records::new();
    let category = records.create("product.category", json!({"name": "Shoes"})).expect("is created");
    let template = records.create("product.template", json!({"name": "x", "categ_id": category})).expect("is created");
    let variant = records.create("product.product", json!({"product_tmpl_id": template})).expect("is created");
    let partner = records.create("res.partner", json!({"name": "Ada"})).expect("is created");
    let order = records
        .create("sale.order", json!({"partner_id": partner, "order_line": [{"product_id": variant}]}))
        .expect("is created");

    let held = records.unlink("res.partner", partner).expect_err("is refused");
    assert_eq!(
        held.to_string(),
        format!("res.partner: record {partner} can't be removed, since partner_id of sale.order {order} refers to it")
    );
    let held = records.unlink("product.template", template).expect_err("is refused");
    assert_eq!(code(held), "record.in_use");
    assert_eq!(records.search("product.product", json!([])).expect("is found"), [variant]);

    let last = records.events(0).last().expect("an event").id;
    records.unlink("product.category", category).expect("is removed");
    assert_eq!(records.get("product.template", template, "categ_id"), json!(null));
    let seen: Vec<(String, Op)> = records.events(last).into_iter().map(|event| (event.model, event.op)).collect();
    assert!(seen.contains(&("product.category".to_owned(), Op::Unlink)), "{seen:?}");
    assert!(seen.contains(&("product.template".to_owned(), Op::Write)), "{seen:?}");

    records.unlink("sale.order", order).expect("is removed");
    assert!(records.search("sale.order.line", json!([])).expect("is found").is_empty());
    records.unlink("product.template", template).expect("is removed");
    assert!(records.search("product.product", json!([])).expect("is found").is_empty());
}

#[test]
fn names_follow_those_above_them() {
    let records = Records::new();
    let all = records.create("product.category", json!({"name": "All"})).expect("is created");
    let shoes = records.create("product.category", json!({"name": "Shoes", "parent_id": all})).expect("is created");
    let boots = records.create("product.category", json!({"name": "Boots", "parent_id": shoes})).expect("is created");
    assert_eq!(records.get("product.category", boots, "complete_name"), json!("All / Shoes / Boots"));
    records.write("product.category", all, json!({"name": "Everything"})).expect("is written");
    assert_eq!(records.get("product.category", boots, "complete_name"), json!("Everything / Shoes / Boots"));
    let circle = records.write("product.category", all, json!({"parent_id": boots})).expect_err("is refused");
    assert!(circle.to_string().contains("its own parent"), "{circle}");

    let company = records.create("res.partner", json!({"name": "Acme"})).expect("is created");
    let contact = records.create("res.partner", json!({"name": "Ada", "parent_id": company})).expect("is created");
    assert_eq!(records.get("res.partner", contact, "display_name"), json!("Acme, Ada"));
    records.write("res.partner", company, json!({"name": "Acme Ltd"})).expect("is written");
    assert_eq!(records.get("res.partner", contact, "display_name"), json!("Acme Ltd, Ada"));
    records.write("res.partner", contact, json!({"email": "a@x"})).expect("is written");
    assert_eq!(records.get("res.partner", contact, "display_name"), json!("Acme Ltd, Ada"));
}

#[test]
fn stock_is_summed_up_to_the_template() {
    let records = Records::new();
    let template = records.create("product.template", json!({"name": "Bolt"})).expect("is created");
    let variant = records
        .create("product.product", json!({"product_tmpl_id": template, "default_code": "B"}))
        .expect("is created");
    assert_eq!(records.get("product.product", variant, "display_name"), json!("[B] Bolt"));
    let internal = records.create("stock.location", json!({"name": "Stock"})).expect("is created");
    let outside = records.create("stock.location", json!({"name": "Out", "usage": "customer"})).expect("is created");
    for (location, quantity) in [(internal, "5.5"), (internal, "2"), (outside, "100")] {
        let quant =
            json!({"product_id": variant, "location_id": location, "quantity": quantity, "reserved_quantity": 1});
        records.create("stock.quant", quant).expect("is created");
    }
    assert_eq!(records.get("product.product", variant, "qty_available"), json!("7.5"));
    let row = records.read("product.template", template, &["qty_available", "product_variant_count"]);
    assert_eq!((&row["qty_available"], &row["product_variant_count"]), (&json!("7.5"), &json!(1)));
    let free = records.search("stock.quant", json!([["available_quantity", "=", "4.5"]])).expect("is found");
    assert_eq!(free.len(), 1);
}

#[test]
fn an_event_carries_who_made_the_change() {
    let records = Records::new();
    let backend = records.backend("shop");
    let id = records
        .create_as("res.partner", json!({"name": "Ada"}), Change::from_backend(backend, NOW))
        .expect("is created");
    records.write("res.partner", id, json!({"name": "Eve"})).expect("is written");
    let events = records.events(0);
    assert_eq!((events[0].origin.backend, events[0].origin.chain.as_slice()), (Some(backend), &[backend][..]));
    assert_eq!((events[1].origin.backend, events[1].origin.actor.as_str()), (None, "test"));
    assert_eq!(events[1].changed, ["name", "display_name"]);
}
