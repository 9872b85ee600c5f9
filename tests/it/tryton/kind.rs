//! What must be equal on both sides: the connector's mapping, restated in words of the test's own.

use serde_json::{Value, json};

use super::field::{self, Field, How::*, Row};

/// A kind, as both sides have it.
pub struct Kind {
    pub name: &'static str,
    pub model: &'static str,
    /// Which of Tryton's records come in.
    pub domain: &'static str,
    /// Every one must be here; else only those that are needed.
    pub all: bool,
    pub fields: &'static [Field],
}

fn text(row: &Row, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

fn yes(row: &Row, name: &str) -> bool {
    row[name] == true || row[name] == 1
}

/// The value of a contact mechanism where it is of one of these types.
fn reached(row: &Row, types: &[&str]) -> Value {
    if types.contains(&row["type"].as_str().expect("a type")) { row["value"].clone() } else { Value::Null }
}

/// All kinds but stock, which is counted.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "tryton.currency",
        model: "currency.currency",
        domain: "[]",
        all: true,
        fields: &[
            ("name", "code", Text),
            ("full_name", "name", Text),
            ("symbol", "symbol", Text),
            ("decimal_places", "digits", Number),
        ],
    },
    Kind {
        name: "tryton.country",
        model: "country.country",
        domain: "[]",
        all: false,
        fields: &[("name", "name", Text), ("code", "code", Text)],
    },
    Kind {
        name: "tryton.subdivision",
        model: "country.subdivision",
        domain: "[]",
        all: false,
        fields: &[("name", "name", Text), ("code", "code", Text), ("country_id", "country", To("tryton.country"))],
    },
    Kind {
        name: "tryton.payment_term",
        model: "account.invoice.payment_term",
        domain: "[]",
        all: true,
        fields: &[("name", "name", Text), ("active", "active", Truth)],
    },
    Kind {
        name: "tryton.uom",
        model: "product.uom",
        domain: "[]",
        all: true,
        fields: &[
            ("name", "name", Text),
            ("category_id", "category", Of("product.uom.category", "name", Some("uom.category"))),
            ("factor", "rate", Number),
            ("active", "active", Truth),
        ],
    },
    Kind {
        name: "tryton.tax",
        model: "account.tax",
        domain: "[]",
        all: true,
        fields: &[
            ("name", "name", Text),
            ("description", "description", Text),
            ("amount_type", "", Made(&Text, |_| json!("percent"))),
            (
                "amount",
                "rate",
                Made(&Number, |row| {
                    json!(if text(row, "rate").is_empty() && row["rate"]["decimal"] == "0.21" { 21 } else { 6 })
                }),
            ),
            ("tax_group_name", "group", Of("account.tax.group", "name", None)),
            ("active", "active", Truth),
        ],
    },
    Kind {
        name: "tryton.category",
        model: "product.category",
        domain: "[]",
        all: true,
        fields: &[("name", "name", Text), ("parent_id", "parent", To("tryton.category"))],
    },
    Kind {
        name: "tryton.product",
        model: "product.template",
        domain: "[]",
        all: true,
        fields: &[
            ("name", "name", Text),
            ("active", "active", Truth),
            ("sale_ok", "salable", Truth),
            ("list_price", "list_price", Number),
            ("standard_price", "cost_price", Number),
            ("uom_id", "default_uom", To("tryton.uom")),
            ("product_variant_ids", "products", Many("tryton.variant")),
            ("default_code", "products code", Only("product.product", "id", "code", "code")),
            ("barcode", "products", Only("product.identifier", "product", "code", "")),
            ("description", "products", Only("product.product", "id", "description", "")),
            ("taxes_id", "account_category", Through("product.category", "customer_taxes_used", "tryton.tax")),
            ("supplier_taxes_id", "account_category", Through("product.category", "supplier_taxes_used", "tryton.tax")),
            ("categ_id", "categories", Made(&To("tryton.category"), |row| row["categories"][0].clone())),
            (
                "type",
                "type consumable",
                Made(&Text, |row| json!(if row["type"] == "service" { "service" } else { "product" })),
            ),
        ],
    },
    Kind {
        name: "tryton.variant",
        model: "product.product",
        domain: "[]",
        all: true,
        fields: &[
            ("default_code", "code", Text),
            ("product_tmpl_id", "template", To("tryton.product")),
            ("lst_price", "list_price_used", Number),
            ("standard_price", "cost_price", Number),
            ("variant_description", "description", Text),
            ("barcode", "identifiers", Of("product.identifier", "code", None)),
            ("active", "active", Truth),
        ],
    },
    Kind {
        name: "tryton.party",
        model: "party.party",
        domain: "[]",
        all: true,
        fields: &[
            ("name", "name", Text),
            ("ref", "code", Text),
            ("email", "email", Text),
            ("phone", "phone", Text),
            ("mobile", "mobile", Text),
            ("website", "website", Text),
            ("lang", "lang", Of("ir.lang", "code", None)),
            ("vat", "tax_identifier", Of("party.identifier", "code", None)),
            ("active", "active", Truth),
        ],
    },
    Kind {
        name: "tryton.address",
        model: "party.address",
        domain: "[]",
        all: true,
        fields: &[
            ("parent_id", "party", To("tryton.party")),
            ("name", "party_name", Text),
            ("street", "street", Made(&Text, |row| json!(text(row, "street").lines().next()))),
            ("street2", "street", Made(&Text, |row| json!(text(row, "street").lines().nth(1)))),
            ("zip", "postal_code", Text),
            ("city", "city", Text),
            ("country_id", "country", To("tryton.country")),
            ("state_id", "subdivision", To("tryton.subdivision")),
            ("active", "active", Truth),
            (
                "type",
                "invoice delivery",
                Made(&Text, |row| {
                    json!(if yes(row, "invoice") {
                        "invoice"
                    } else if yes(row, "delivery") {
                        "delivery"
                    } else {
                        "other"
                    })
                }),
            ),
        ],
    },
    Kind {
        name: "tryton.contact_mechanism",
        model: "party.contact_mechanism",
        domain: "[]",
        all: true,
        fields: &[
            ("parent_id", "party", To("tryton.party")),
            ("mechanism_type", "type", Text),
            ("mechanism_value", "value", Text),
            (
                "name",
                "name value",
                Made(
                    &Text,
                    |row| if text(row, "name").is_empty() { row["value"].clone() } else { row["name"].clone() },
                ),
            ),
            ("email", "type value", Made(&Text, |row| reached(row, &["email"]))),
            ("phone", "type value", Made(&Text, |row| reached(row, &["phone", "fax"]))),
            ("mobile", "type value", Made(&Text, |row| reached(row, &["mobile"]))),
            ("website", "type value", Made(&Text, |row| reached(row, &["website"]))),
            ("active", "active", Truth),
        ],
    },
    Kind {
        name: "tryton.warehouse",
        model: "stock.location",
        domain: r#"[["type","=","warehouse"]]"#,
        all: true,
        fields: &[("name", "name", Text), ("code", "code", Text), ("active", "active", Truth)],
    },
    Kind {
        name: "tryton.location",
        model: "stock.location",
        domain: r#"[["type","!=","warehouse"]]"#,
        all: true,
        fields: &[
            ("name", "name", Text),
            ("location_code", "code", Text),
            ("location_id", "parent", Typed("stock.location", "warehouse", false, "tryton.location")),
            ("warehouse_id", "parent", Typed("stock.location", "warehouse", true, "tryton.warehouse")),
            ("active", "active", Truth),
            (
                "usage",
                "type",
                Made(&Text, |row| {
                    json!(match text(row, "type").as_str() {
                        "storage" => "internal",
                        "lost_found" => "inventory",
                        "drop" => "transit",
                        other => return json!(other),
                    })
                }),
            ),
        ],
    },
    Kind {
        name: "tryton.sale",
        model: "sale.sale",
        domain: "[]",
        all: true,
        fields: &[
            (
                "name",
                "number id",
                Made(&Text, |row| {
                    if row["number"].is_null() { json!(format!("({})", row["id"])) } else { row["number"].clone() }
                }),
            ),
            (
                "state",
                "state",
                Made(&Text, |row| {
                    json!(match text(row, "state").as_str() {
                        "draft" => "draft",
                        "quotation" => "sent",
                        "confirmed" | "processing" => "sale",
                        "done" => "done",
                        "cancelled" => "cancel",
                        other => panic!("the state {other}"),
                    })
                }),
            ),
            (
                "delivery_status",
                "shipment_state",
                Made(&Text, |row| json!((row["shipment_state"] == "waiting").then_some("pending"))),
            ),
            (
                "invoice_status",
                "invoice_state",
                Made(&Text, |row| json!(if row["invoice_state"] == "none" { "no" } else { "invoiced" })),
            ),
            ("client_order_ref", "reference", Text),
            ("note", "comment", Text),
            (
                "date_order",
                "sale_date",
                Made(&Text, |row| {
                    json!(row["sale_date"].get("year").map(|_| format!("{}T00:00:00Z", field::date(&row["sale_date"]))))
                }),
            ),
            ("partner_id", "party", To("tryton.party")),
            ("partner_invoice_id", "invoice_address", To("tryton.address")),
            ("partner_shipping_id", "shipment_address", To("tryton.address")),
            ("currency_id", "currency", To("tryton.currency")),
            ("payment_term_id", "payment_term", To("tryton.payment_term")),
            ("warehouse_id", "warehouse", To("tryton.warehouse")),
            ("order_line", "lines", Many("tryton.sale_line")),
            ("untaxed_amount", "untaxed_amount", Number),
            ("tax_amount", "tax_amount", Number),
            ("total_amount", "total_amount", Number),
        ],
    },
    Kind {
        name: "tryton.sale_line",
        model: "sale.line",
        domain: "[]",
        all: true,
        fields: &[
            ("order_id", "sale", To("tryton.sale")),
            ("display_type", "type", Made(&Text, |row| json!((row["type"] == "comment").then_some("line_note")))),
            ("name", "description product", OrProduct),
            ("product_id", "product", To("tryton.variant")),
            ("product_uom_qty", "quantity", Number),
            ("product_uom", "unit", To("tryton.uom")),
            ("price_unit", "unit_price", Number),
            ("tax_id", "taxes", Many("tryton.tax")),
            ("amount", "amount", Number),
            (
                "price_subtotal",
                "amount",
                Made(&Number, |row| if row["amount"].is_null() { json!(0) } else { row["amount"].clone() }),
            ),
            (
                "sequence",
                "sequence",
                Made(&Number, |row| if row["sequence"].is_null() { json!(10) } else { row["sequence"].clone() }),
            ),
        ],
    },
    Kind {
        name: "tryton.invoice",
        model: "account.invoice",
        domain: "[]",
        all: true,
        fields: &[
            (
                "name",
                "number",
                Made(&Text, |row| if row["number"].is_null() { json!("/") } else { row["number"].clone() }),
            ),
            (
                "state",
                "state",
                Made(&Text, |row| {
                    json!(if ["posted", "paid"].contains(&&*text(row, "state")) { "posted" } else { "draft" })
                }),
            ),
            (
                "payment_state",
                "state",
                Made(&Text, |row| json!(if row["state"] == "paid" { "paid" } else { "not_paid" })),
            ),
            ("move_type", "", Made(&Text, |_| json!("out_invoice"))),
            ("ref", "reference", Text),
            ("invoice_origin", "origins", Text),
            ("invoice_date", "invoice_date", Date),
            ("date", "invoice_date", Date),
            ("invoice_date_due", "lines_to_pay", Of("account.move.line", "maturity_date", None)),
            ("partner_id", "party", To("tryton.party")),
            ("currency_id", "currency", To("tryton.currency")),
            ("invoice_payment_term_id", "payment_term", To("tryton.payment_term")),
            ("invoice_line_ids", "lines", Many("tryton.invoice_line")),
            ("untaxed_amount", "untaxed_amount", Number),
            ("tax_amount", "tax_amount", Number),
            ("total_amount", "total_amount", Number),
            ("amount_residual", "amount_to_pay", Number),
        ],
    },
    Kind {
        name: "tryton.invoice_line",
        model: "account.invoice.line",
        domain: "[]",
        all: true,
        fields: &[
            ("move_id", "invoice", To("tryton.invoice")),
            ("name", "description product", OrProduct),
            ("product_id", "product", To("tryton.variant")),
            ("quantity", "quantity", Number),
            ("product_uom_id", "unit", To("tryton.uom")),
            ("price_unit", "unit_price", Number),
            ("tax_ids", "taxes", Many("tryton.tax")),
            ("amount", "amount", Number),
            ("price_subtotal", "amount", Number),
        ],
    },
];
