//! Twenty changes and some in Tryton, as its users make them, and what a sync must write for them.

use std::collections::BTreeMap;

use bindery_tests::Tryton;
use serde_json::{Value, json};

/// Makes the changes; answers how many records of each kind are new here, and how many differ.
pub fn twenty(tryton: &Tryton) -> BTreeMap<&'static str, [u64; 2]> {
    parties(tryton);
    products(tryton);
    stock(tryton);
    sales(tryton);
    BTreeMap::from([
        ("tryton.party", [1, 7]),
        ("tryton.category", [0, 1]),
        ("tryton.product", [1, 5]),
        ("tryton.stock", [0, 1]),
        // One of them was deleted there, and is here.
        ("tryton.sale", [0, 6]),
        ("tryton.invoice", [1, 1]),
    ])
}

fn parties(tryton: &Tryton) {
    let party = |code: &str| tryton.id("party.party", json!([["code", "=", code]]));
    let write = |code: &str, values: Value| {
        tryton.call("party.party.write", &[json!([party(code)]), values]);
    };
    write("C001", json!({"name": "Renamed there"}));
    write("C002", json!({"name": "Ünïcode & Söhne, 株式会社"}));
    write("C003", json!({"active": false}));
    write(
        "C004",
        json!({"addresses": [["create", [{"street": "New street 1", "city": "Gent", "postal_code": "9000"}]]]}),
    );
    let email = tryton.id("party.contact_mechanism", json!([["value", "=", "c005@example.org"]]));
    tryton.call("party.contact_mechanism.write", &[json!([email]), json!({"value": "new005@example.org"})]);
    let address = tryton.read("party.address", json!([["party.code", "=", "C006"]]), &["id"]);
    tryton.call("party.address.write", &[json!([address[0]["id"]]), json!({"city": "Antwerpen", "street": "Kaai 6"})]);
    let mobile = tryton.id("party.contact_mechanism", json!([["party.code", "=", "C008"], ["type", "=", "mobile"]]));
    write("C008", json!({"contact_mechanisms": [["delete", [mobile]]]}));
    tryton.call("party.party.create", &[json!([{"name": "New there", "code": "C900"}])]);
}

fn products(tryton: &Tryton) {
    let template = |code: &str| {
        let found = tryton.read("product.product", json!([["code", "=", code]]), &["template"]);
        found[0]["template"].clone()
    };
    let write = |code: &str, values: Value| {
        tryton.call("product.template.write", &[json!([template(code)]), values]);
    };
    write("P011", json!({"list_price": decimal("1234.5678")}));
    write("P012", json!({"list_price": decimal("0")}));
    // Of goods in stock Tryton would warn.
    let service = tryton.read("product.template", json!([["type", "=", "service"], ["active", "=", true]]), &["id"]);
    tryton.call("product.template.write", &[json!([service[0]["id"]]), json!({"active": false})]);
    let variant = tryton.id("product.product", json!([["code", "=", "P014"]]));
    let code = json!({"identifiers": [["create", [{"type": "ean", "code": "4006381333931"}]]], "description": null});
    tryton.call("product.product.write", &[json!([variant]), code]);
    let variant = tryton.id("product.product", json!([["code", "=", "P015"]]));
    tryton.call("product.product.write", &[json!([variant]), json!({"suffix_code": "P015B"})]);
    let shelf = tryton.id("product.category", json!([["name", "=", "Shelf 3"]]));
    tryton.call("product.category.write", &[json!([shelf]), json!({"name": "Third shelf"})]);
    let unit = tryton.id("product.uom", json!([["name", "=", "Unit"]]));
    let new = json!([{"name": "New product", "default_uom": unit, "sale_uom": unit, "list_price": decimal("3.50"), "type": "goods",
        "products": [["create", [{"suffix_code": "NEW"}]]]}]);
    tryton.call("product.template.create", &[new]);
}

/// A count of one product at one place, which moves what is missing.
fn stock(tryton: &Tryton) {
    let place = tryton.id("stock.location", json!([["code", "=", "TOP"]]));
    let product = tryton.id("product.product", json!([["code", "=", "P000"]]));
    let count =
        json!([{"location": place, "company": 1, "lines": [["create", [{"product": product, "quantity": 2.0}]]]}]);
    let made = tryton.call("stock.inventory.create", &[count]);
    tryton.call("stock.inventory.confirm", &[made]);
}

fn sales(tryton: &Tryton) {
    let drafts = tryton.read("sale.sale", json!([["state", "=", "draft"]]), &["id", "lines"]);
    let quotations = tryton.read("sale.sale", json!([["state", "=", "quotation"]]), &["id"]);
    let product = tryton.id("product.product", json!([["code", "=", "P022"]]));
    let unit = tryton.id("product.uom", json!([["name", "=", "Unit"]]));
    let line =
        json!({"product": product, "quantity": 3.0, "unit": unit, "unit_price": decimal("9.99"), "type": "line"});
    tryton.call("sale.sale.write", &[json!([drafts[0]["id"]]), json!({"lines": [["create", [line]]]})]);
    tryton.call("sale.line.write", &[json!([drafts[1]["lines"][0]]), json!({"quantity": 12.0})]);
    tryton.call(
        "sale.sale.write",
        &[json!([drafts[2]["id"]]), json!({"comment": "Call first", "lines": [["delete", [drafts[2]["lines"][0]]]]})],
    );
    tryton.call("sale.sale.delete", &[json!([drafts[3]["id"]])]);
    // Confirmed, it is processed: a shipment and an invoice are made.
    tryton.call("sale.sale.confirm", &[json!([quotations[0]["id"]])]);
    tryton.call("sale.sale.cancel", &[json!([quotations[1]["id"]])]);
    let invoice = tryton.read("account.invoice", json!([["state", "=", "draft"]]), &["id"]);
    // On SQLite Tryton may do it, find its table of numbers locked, and report the second try: what counts is the state.
    let _ = tryton.try_call("account.invoice.post", &[json!([invoice[0]["id"]])]);
    let posted = tryton.read("account.invoice", json!([["id", "=", invoice[0]["id"]]]), &["state"]);
    assert_eq!(posted[0]["state"], "posted");
}

fn decimal(text: &str) -> Value {
    json!({"__class__": "Decimal", "decimal": text})
}
