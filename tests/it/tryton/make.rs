//! Records as users make them here: a partner with contacts, a product with its taxes, an order with lines.

use serde_json::json;

use super::ours::Ours;

/// A partner with an e-mail address and two addresses, known by its reference.
pub fn partner(ours: &Ours, reference: &str) -> u64 {
    let address = |kind: &str, street: &str| json!([0, 0, {"type": kind, "name": kind, "street": street, "city": "Gent", "zip": "9000"}]);
    ours.create(
        "res.partner",
        json!({"name": format!("Partner {reference}"), "ref": reference, "email": format!("{reference}@example.org"),
            "child_ids": [address("invoice", "Main street 1"), address("delivery", "Quay 9")]}),
    )
}

/// A product that is taxed and has a price, known by its code.
pub fn product(ours: &Ours, code: &str) -> u64 {
    let tax = ours.one("account.tax", json!([["name", "=", "VAT 21 %"]]));
    let unit = ours.one("uom.uom", json!([["name", "=", "Unit"]]));
    ours.create(
        "product.template",
        json!({"name": format!("Product {code}"), "default_code": code, "list_price": "12.5", "type": "product",
            "uom_id": unit, "taxes_id": [[6, 0, [tax]]]}),
    )
}

/// An order of a customer of the seed in a state, with a product of the seed and a note, known by the customer's reference.
pub fn order(ours: &Ours, reference: &str, state: &str) -> u64 {
    let customer = ours.one("res.partner", json!([["ref", "=", "C014"]]));
    let delivery = ours.one("res.partner", json!([["parent_id", "=", customer], ["type", "=", "delivery"]]));
    let variant = ours.one("product.product", json!([["default_code", "=", "P004"]]));
    let tax = ours.one("account.tax", json!([["name", "=", "VAT 21 %"]]));
    let unit = ours.one("uom.uom", json!([["name", "=", "Unit"]]));
    let currency = ours.one("res.currency", json!([["name", "=", "EUR"]]));
    let lines = json!([
        [0, 0, {"name": "Desk lamp", "product_id": variant, "product_uom_qty": "3", "product_uom": unit, "price_unit": "9.99",
            "tax_id": [[6, 0, [tax]]], "sequence": 1}],
        [0, 0, {"name": "Thank you", "display_type": "line_note", "sequence": 2}],
    ]);
    ours.create(
        "sale.order",
        json!({"partner_id": customer, "partner_shipping_id": delivery, "state": state, "client_order_ref": reference,
            "date_order": "2026-11-24T09:30:00Z", "currency_id": currency, "note": "Ring twice", "order_line": lines}),
    )
}
