//! What is made or changed here arrives in Tryton: partners, products, orders, with every field that a user would compare,
//! once, and with nothing written there that was not meant.

use bindery_tests::Tryton;
use serde_json::{Value, json};

use super::{compare, giving, make, ours::Ours, refused, small};

#[test]
fn partners_products_and_orders_made_and_changed_here_arrive_there() {
    let tryton = small();
    let ours = giving(&tryton, &tryton.base);
    partners(&tryton, &ours);
    products(&tryton, &ours);
    orders(&tryton, &ours);
    // What came back is taken in, and after it nothing is left to do on either side.
    ours.sync(&[]);
    compare::all(&tryton, &ours);
    let before = writes(&tryton);
    assert_eq!(super::written(&ours.sync(&[])), super::written(&ours.sync(&["--force"])), "nothing changed");
    assert_eq!(writes(&tryton), before, "nothing was written there");
}

/// When each record was written last: an echo would show.
fn writes(tryton: &Tryton) -> Value {
    let of = |model: &str| json!(tryton.read(model, json!([]), &["id", "write_date", "create_date"]));
    json!(
        [
            "party.party",
            "party.address",
            "party.contact_mechanism",
            "product.template",
            "product.product",
            "sale.sale",
            "sale.line"
        ]
        .map(of)
    )
}

fn partners(tryton: &Tryton, ours: &Ours) {
    let belgium = ours.one("res.country", json!([["code", "=", "BE"]]));
    let ada = ours.create(
        "res.partner",
        json!({"name": "Ada Byron", "ref": "ADA", "email": "ada@example.org", "phone": "+32 2 555 01 00", "vat": "BE0403170701",
            "lang": "fr", "child_ids": [
                [0, 0, {"type": "invoice", "name": "Accounts", "street": "Rue Haute 1", "street2": "Boîte 2", "zip": "1000",
                    "city": "Bruxelles", "country_id": belgium}],
                [0, 0, {"type": "delivery", "name": "Store", "street": "Quai 9", "zip": "9000", "city": "Gent", "country_id": belgium}],
                [0, 0, {"type": "contact", "name": "At home", "mobile": "+32 470 55 01 00"}],
            ]}),
    );
    let plain =
        ours.create("res.partner", json!({"name": "Plain", "street": "Main street 1", "city": "Gent", "zip": "9000"}));
    ours.export("tryton.party");
    let there =
        tryton.read("party.party", json!([["code", "=", "ADA"]]), &["name", "email", "phone", "addresses", "mobile"]);
    assert_eq!(there.len(), 1, "{}", refused(ours, "tryton.party", ada));
    assert_eq!((&there[0]["email"], &there[0]["mobile"]), (&json!("ada@example.org"), &json!("+32 470 55 01 00")));
    assert_eq!(there[0]["addresses"].as_array().map(Vec::len), Some(2), "{there:?}");
    let own = tryton.read("party.address", json!([["party.name", "=", "Plain"]]), &["street", "city"]);
    assert_eq!(own[0]["street"], "Main street 1", "{}", refused(ours, "tryton.party", plain));

    // Changed: its own fields, a line, a line more, a line less.
    ours.sync(&[]);
    let child = |name: &str| ours.one("res.partner", json!([["parent_id", "=", ada], ["name", "=", name]]));
    ours.write("res.partner", ada, json!({"name": "Ada Lovelace", "email": "ada@lovelace.example"}));
    ours.write("res.partner", child("Accounts"), json!({"city": "Ixelles", "zip": "1050"}));
    ours.run(&["record", "unlink", "res.partner", &child("Store").to_string()]).ok();
    ours.create("res.partner", json!({"parent_id": ada, "type": "other", "name": "Garden", "city": "Leuven"}));
    ours.export("tryton.party");
    let there = tryton.read("party.address", json!([["party.code", "=", "ADA"]]), &["city"]);
    let cities: Vec<&str> = there.iter().filter_map(|row| row["city"].as_str()).collect();
    assert_eq!(cities, ["Ixelles", "Leuven"], "{}", refused(ours, "tryton.party", ada));
    let there = tryton.read("party.party", json!([["code", "=", "ADA"]]), &["name", "email"]);
    assert_eq!((&there[0]["name"], &there[0]["email"]), (&json!("Ada Lovelace"), &json!("ada@lovelace.example")));

    // Refused in Tryton's own words, and nothing is made.
    let wrong = ours.create("res.partner", json!({"name": "Wrong", "vat": "BE0000000001"}));
    ours.export("tryton.party");
    let said = refused(ours, "tryton.party", wrong);
    assert!(said.contains("BE0000000001") && said.contains("not valid"), "{said}");
    assert_eq!(tryton.read("party.party", json!([["name", "=", "Wrong"]]), &["id"]), [] as [Value; 0]);
    ours.run(&["record", "unlink", "res.partner", &wrong.to_string()]).ok();
}

fn products(tryton: &Tryton, ours: &Ours) {
    let tax = ours.one("account.tax", json!([["name", "=", "VAT 21 %"]]));
    let shelf = ours.one("product.category", json!([["name", "=", "Shelf 1"]]));
    let unit = ours.one("uom.uom", json!([["name", "=", "Unit"]]));
    let lamp = ours.create(
        "product.template",
        json!({"name": "Lamp", "default_code": "LAMP", "barcode": "4006381333931", "description": "Of brass", "list_price": "12.3456",
            "standard_price": "4.5", "type": "product", "uom_id": unit, "categ_id": shelf, "taxes_id": [[6, 0, [tax]]]}),
    );
    let shirt = ours.create(
        "product.template",
        json!({"name": "Shirt", "default_code": "S", "list_price": "20", "type": "product", "uom_id": unit, "product_variant_ids": [
            [0, 0, {"default_code": "S-RED", "lst_price": "20"}], [0, 0, {"default_code": "S-BLUE", "lst_price": "22.5"}]]}),
    );
    ours.export("tryton.product");
    let there =
        tryton.read("product.template", json!([["name", "=", "Lamp"]]), &["products", "list_price", "sale_uom"]);
    assert_eq!(there.len(), 1, "{}", refused(ours, "tryton.product", lamp));
    let there = tryton.read("product.product", json!([["template.name", "=", "Shirt"]]), &["code", "list_price_used"]);
    assert_eq!(there.len(), 2, "{}", refused(ours, "tryton.product", shirt));
    ours.sync(&[]);
    ours.write(
        "product.template",
        lamp,
        json!({"list_price": "13", "default_code": "LAMP-2", "barcode": null, "active": false}),
    );
    let red = ours.one("product.product", json!([["default_code", "=", "S-RED"]]));
    ours.write("product.product", red, json!({"default_code": "S-CRIMSON", "barcode": "4006381333931"}));
    let box_ = ours.one("product.template", json!([["default_code", "=", "P003"]]));
    ours.write("product.template", box_, json!({"name": "Renamed here", "list_price": "99.9"}));
    ours.export("tryton.product");
    let there =
        tryton.read("product.product", json!([["template.name", "=", "Lamp"]]), &["code", "active", "identifiers"]);
    assert_eq!(
        (&there[0]["code"], &there[0]["identifiers"]),
        (&json!("LAMP-2"), &json!([])),
        "{}",
        refused(ours, "tryton.product", lamp)
    );
    assert_eq!(tryton.read("product.product", json!([["code", "=", "S-CRIMSON"]]), &["id"]).len(), 1);
    assert_eq!(tryton.read("product.template", json!([["name", "=", "Renamed here"]]), &["id"]).len(), 1);
}

fn orders(tryton: &Tryton, ours: &Ours) {
    let confirmed = make::order(ours, "PO-1", "sale");
    let draft = make::order(ours, "PO-2", "draft");
    ours.export("tryton.sale");
    let sale = |reference: &str| {
        let fields = ["state", "number", "total_amount", "shipment_address", "invoice_address", "lines", "comment"];
        tryton.read("sale.sale", json!([["reference", "=", reference]]), &fields)
    };
    let there = sale("PO-1");
    assert_eq!(there.len(), 1, "{}", refused(ours, "tryton.sale", confirmed));
    assert!(["confirmed", "processing"].contains(&there[0]["state"].as_str().expect("a state")), "{there:?}");
    assert_eq!(there[0]["total_amount"]["decimal"], "36.26");
    assert_ne!(there[0]["shipment_address"], there[0]["invoice_address"]);
    assert_eq!(sale("PO-2")[0]["state"], "draft", "{}", refused(ours, "tryton.sale", draft));

    ours.sync(&[]);
    let line = ours.one("sale.order.line", json!([["order_id", "=", draft], ["name", "=", "Desk lamp"]]));
    ours.write("sale.order.line", line, json!({"product_uom_qty": "5"}));
    ours.write("sale.order", draft, json!({"state": "sent"}));
    ours.export("tryton.sale");
    let there = sale("PO-2");
    assert_eq!(
        (&there[0]["state"], &there[0]["total_amount"]["decimal"]),
        (&json!("quotation"), &json!("60.44")),
        "{}",
        refused(ours, "tryton.sale", draft)
    );
    // Of a quotation the lines can be changed on the way through a draft; then it is confirmed.
    ours.write("sale.order.line", line, json!({"product_uom_qty": "6"}));
    ours.write("sale.order", draft, json!({"state": "sale"}));
    ours.export("tryton.sale");
    let there = sale("PO-2");
    assert_eq!(
        (&there[0]["state"], &there[0]["total_amount"]["decimal"]),
        (&json!("processing"), &json!("72.53")),
        "{}",
        refused(ours, "tryton.sale", draft)
    );
    // What Tryton does not let be changed any more is refused in its words.
    ours.write("sale.order.line", line, json!({"product_uom_qty": "7"}));
    ours.export("tryton.sale");
    let said = refused(ours, "tryton.sale", draft);
    assert!(said.contains("not allowed to modify"), "{said}");
    ours.write("sale.order.line", line, json!({"product_uom_qty": "6"}));
    ours.export("tryton.sale");
    // A quote that is refused leaves nothing behind.
    let bare = make::order(ours, "PO-3", "draft");
    for line in ours.lines_of(bare) {
        ours.run(&["record", "unlink", "sale.order.line", &line.to_string()]).ok();
    }
    ours.write("sale.order", bare, json!({"state": "sale"}));
    ours.export("tryton.sale");
    let said = refused(ours, "tryton.sale", bare);
    assert_eq!(sale("PO-3").len(), 0, "{said}");
    ours.run(&["record", "unlink", "sale.order", &bare.to_string()]).ok();
}
