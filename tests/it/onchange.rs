//! What follows from a choice: a new record gets what the ERP's form would fill in, where nothing was said.

use bindery_tests::records::Records;
use serde_json::{Value as Json, json};

fn made(records: &Records, model: &str, values: Json) -> i64 {
    records.create(model, values).expect("is created")
}

struct Trade {
    records: Records,
    euro: i64,
    company: i64,
    invoice: i64,
    delivery: i64,
    pricelist: i64,
    terms: i64,
    abroad: i64,
    tax: i64,
    export: i64,
    boot: i64,
    pair: i64,
}

/// A company with addresses and terms, a product, a pricelist, a fiscal position.
fn trade() -> Trade {
    let records = Records::new();
    let euro = made(&records, "res.currency", json!({"name": "EUR"}));
    let country = made(&records, "res.country", json!({"name": "Norway", "code": "NO"}));
    let tax = made(&records, "account.tax", json!({"name": "21 %", "amount": 21}));
    let export = made(&records, "account.tax", json!({"name": "0 %", "amount": 0}));
    let position = json!({"name": "Abroad", "tax_ids": [{"tax_src_id": tax, "tax_dest_id": export}]});
    let abroad = made(&records, "account.fiscal.position", position);
    let terms = made(&records, "account.payment.term", json!({"name": "30 days", "nb_days": 30}));
    let pricelist = made(&records, "product.pricelist", json!({"name": "Dealers", "currency_id": euro}));
    let pair = made(&records, "uom.uom", json!({"name": "Pair"}));
    let company = made(
        &records,
        "res.partner",
        json!({
            "name": "Acme", "is_company": true, "country_id": country, "user_name": "Eve",
            "property_product_pricelist": pricelist, "property_payment_term_id": terms,
            "property_account_position_id": abroad,
        }),
    );
    let below = |kind: &str| made(&records, "res.partner", json!({"name": kind, "type": kind, "parent_id": company}));
    let (invoice, delivery) = (below("invoice"), below("delivery"));
    let boot = made(
        &records,
        "product.product",
        json!({"name": "Boot", "default_code": "B", "list_price": 80, "uom_id": pair, "taxes_id": [tax],
               "description_sale": "Warm.", "sale_delay": 2, "standard_price": 30}),
    );
    Trade { records, euro, company, invoice, delivery, pricelist, terms, abroad, tax, export, boot, pair }
}

#[test]
fn a_customer_brings_addresses_pricelist_fiscal_position_and_terms() {
    let t = trade();
    let order = made(&t.records, "sale.order", json!({"partner_id": t.company}));
    let fields = [
        "partner_invoice_id",
        "partner_shipping_id",
        "pricelist_id",
        "currency_id",
        "fiscal_position_id",
        "payment_term_id",
        "user_name",
    ];
    let row = t.records.read("sale.order", order, &fields);
    assert_eq!((&row["partner_invoice_id"], &row["partner_shipping_id"]), (&json!(t.invoice), &json!(t.delivery)));
    assert_eq!((&row["pricelist_id"], &row["currency_id"]), (&json!(t.pricelist), &json!(t.euro)));
    assert_eq!((&row["fiscal_position_id"], &row["payment_term_id"]), (&json!(t.abroad), &json!(t.terms)));
    assert_eq!(row["user_name"], json!("Eve"));

    // A contact of the company has the company's terms, and is its own address where there is no other.
    let contact = made(&t.records, "res.partner", json!({"name": "Ada", "parent_id": t.company}));
    let order = made(&t.records, "sale.order", json!({"partner_id": contact}));
    let row = t.records.read("sale.order", order, &fields);
    assert_eq!((&row["partner_invoice_id"], &row["payment_term_id"]), (&json!(contact), &json!(t.terms)));
    assert_eq!(row["pricelist_id"], json!(t.pricelist));
}

#[test]
fn what_is_said_is_never_overridden_and_null_is_said_too() {
    let t = trade();
    let other = made(&t.records, "res.partner", json!({"name": "Elsewhere"}));
    let order = made(
        &t.records,
        "sale.order",
        json!({
            "partner_id": t.company, "partner_shipping_id": other, "payment_term_id": null, "pricelist_id": null,
            "order_line": [
                {"product_id": t.boot, "price_unit": 0, "name": "", "tax_id": []},
                {"product_id": t.boot, "price_unit": "1.5", "name": null, "tax_id": [t.tax]},
            ],
        }),
    );
    let row =
        t.records.read("sale.order", order, &["partner_shipping_id", "payment_term_id", "pricelist_id", "order_line"]);
    assert_eq!((&row["partner_shipping_id"], &row["payment_term_id"]), (&json!(other), &json!(null)));
    assert_eq!(row["pricelist_id"], json!(null));
    let lines: Vec<i64> = serde_json::from_value(row["order_line"].clone()).expect("ids");
    let line = |id: i64| t.records.read("sale.order.line", id, &["price_unit", "name", "tax_id", "product_uom"]);
    let (first, second) = (line(lines[0]), line(lines[1]));
    assert_eq!((&first["price_unit"], &first["name"], &first["tax_id"]), (&json!("0"), &json!(""), &json!([])));
    assert_eq!(
        (&second["price_unit"], &second["name"], &second["tax_id"]),
        (&json!("1.5"), &json!(null), &json!([t.tax]))
    );
    assert_eq!(first["product_uom"], json!(t.pair));
    // A later change of the choice changes nothing by itself.
    t.records.write("sale.order", order, json!({"partner_id": other})).expect("is written");
    assert_eq!(t.records.get("sale.order", order, "partner_invoice_id"), json!(t.invoice));
}

#[test]
fn a_product_on_a_line_brings_name_unit_price_and_the_taxes_of_the_fiscal_position() {
    let t = trade();
    let line = |order: Json| {
        let order = made(&t.records, "sale.order", order);
        let lines = t.records.get("sale.order", order, "order_line");
        let id = lines[0].as_i64().expect("a line");
        let fields =
            ["name", "product_uom", "price_unit", "tax_id", "product_template_id", "customer_lead", "price_total"];
        t.records.read("sale.order.line", id, &fields)
    };
    let plain = made(&t.records, "res.partner", json!({"name": "Ada"}));
    let at_home = line(json!({"partner_id": plain, "order_line": [{"product_id": t.boot, "product_uom_qty": 2}]}));
    assert_eq!(at_home["name"], json!("[B] Boot\nWarm."));
    assert_eq!((&at_home["product_uom"], &at_home["price_unit"]), (&json!(t.pair), &json!("80")));
    assert_eq!((&at_home["tax_id"], &at_home["customer_lead"]), (&json!([t.tax]), &json!("2")));
    assert_eq!(at_home["price_total"], json!("193.6"));
    let abroad = line(json!({"partner_id": t.company, "order_line": [{"product_id": t.boot}]}));
    assert_eq!((&abroad["tax_id"], &abroad["price_total"]), (&json!([t.export]), &json!("80")));
}

#[test]
fn the_closest_rule_of_the_pricelist_makes_the_price() {
    let t = trade();
    let category = made(&t.records, "product.category", json!({"name": "Shoes"}));
    t.records.write("product.product", t.boot, json!({"categ_id": category})).expect("is written");
    let price = |quantity: i64| {
        let order = json!({"partner_id": t.company, "date_order": "2026-06-01T00:00:00Z",
                           "order_line": [{"product_id": t.boot, "product_uom_qty": quantity}]});
        let order = made(&t.records, "sale.order", order);
        let line = t.records.get("sale.order", order, "order_line")[0].as_i64().expect("a line");
        t.records.get("sale.order.line", line, "price_unit")
    };
    let rule = |values: Json| {
        let mut all = json!({"pricelist_id": t.pricelist});
        all.as_object_mut().expect("an object").extend(values.as_object().expect("an object").clone());
        made(&t.records, "product.pricelist.item", all)
    };
    assert_eq!(price(1), json!("80"));
    rule(json!({"applied_on": "3_global", "compute_price": "percentage", "percent_price": 10}));
    assert_eq!(price(1), json!("72"));
    rule(json!({"applied_on": "2_product_category", "categ_id": category, "compute_price": "formula",
                "price_discount": 50, "price_surcharge": "1.25"}));
    assert_eq!(price(1), json!("41.25"));
    rule(json!({"applied_on": "0_product_variant", "product_id": t.boot, "compute_price": "fixed", "fixed_price": 33,
                "min_quantity": 10}));
    assert_eq!((price(9), price(10)), (json!("41.25"), json!("33")));
    rule(json!({"applied_on": "0_product_variant", "product_id": t.boot, "compute_price": "fixed", "fixed_price": 1,
                "date_end": "2026-05-01T00:00:00Z", "min_quantity": 100}));
    assert_eq!(price(100), json!("33"));
}

#[test]
fn a_fiscal_position_applies_by_itself_where_the_customer_is() {
    let t = trade();
    let country = t.records.get("res.partner", t.company, "country_id");
    let auto = |values: Json| {
        let mut all = json!({"name": "auto", "auto_apply": true, "country_id": country});
        all.as_object_mut().expect("an object").extend(values.as_object().expect("an object").clone());
        made(&t.records, "account.fiscal.position", all)
    };
    let (private, business) = (auto(json!({})), auto(json!({"vat_required": true})));
    for (partner, expected) in [
        (json!({"name": "Ada", "country_id": country}), json!(private)),
        (json!({"name": "Acme", "country_id": country, "vat": "NO1"}), json!(business)),
        (json!({"name": "Eve"}), json!(null)),
    ] {
        let partner = made(&t.records, "res.partner", partner);
        let order = made(&t.records, "sale.order", json!({"partner_id": partner}));
        assert_eq!(t.records.get("sale.order", order, "fiscal_position_id"), expected);
    }
}

#[test]
fn an_invoice_follows_partner_product_terms_and_journal() {
    let t = trade();
    let journal = made(&t.records, "account.journal", json!({"name": "Sales", "type": "sale", "currency_id": t.euro}));
    let invoice = made(
        &t.records,
        "account.move",
        json!({"move_type": "out_invoice", "partner_id": t.company, "invoice_date": "2026-01-15", "journal_id": journal,
               "invoice_line_ids": [{"product_id": t.boot}]}),
    );
    let fields =
        ["invoice_payment_term_id", "invoice_date_due", "partner_shipping_id", "fiscal_position_id", "currency_id"];
    let row = t.records.read("account.move", invoice, &fields);
    assert_eq!((&row["invoice_payment_term_id"], &row["invoice_date_due"]), (&json!(t.terms), &json!("2026-02-14")));
    assert_eq!((&row["partner_shipping_id"], &row["fiscal_position_id"]), (&json!(t.delivery), &json!(t.abroad)));
    assert_eq!(row["currency_id"], json!(t.euro));
    assert_eq!(t.records.get("account.move", invoice, "amount_total"), json!("80"));

    let bill =
        json!({"move_type": "in_invoice", "partner_id": t.company, "invoice_line_ids": [{"product_id": t.boot}]});
    let bill = made(&t.records, "account.move", bill);
    assert_eq!(t.records.get("account.move", bill, "amount_untaxed"), json!("30"));
    let entry = made(&t.records, "account.move", json!({"partner_id": t.company}));
    assert_eq!(t.records.get("account.move", entry, "invoice_payment_term_id"), json!(null));
    let payment = made(&t.records, "account.payment", json!({"amount": 5, "journal_id": journal}));
    assert_eq!(t.records.get("account.payment", payment, "currency_id"), json!(t.euro));
}

#[test]
fn a_transfer_follows_its_order_and_a_move_its_transfer() {
    let t = trade();
    let order = made(&t.records, "sale.order", json!({"name": "S1", "partner_id": t.company}));
    let (stock, out) = (
        made(&t.records, "stock.location", json!({"name": "Stock"})),
        made(&t.records, "stock.location", json!({"name": "Out", "usage": "customer"})),
    );
    let picking = made(
        &t.records,
        "stock.picking",
        json!({"sale_id": order, "location_id": stock, "location_dest_id": out, "move_ids": [{"product_id": t.boot}]}),
    );
    let row = t.records.read("stock.picking", picking, &["partner_id", "origin", "move_ids"]);
    assert_eq!((&row["partner_id"], &row["origin"]), (&json!(t.delivery), &json!("S1")));
    let id = row["move_ids"][0].as_i64().expect("a move");
    let row = t.records.read("stock.move", id, &["name", "product_uom", "location_id", "location_dest_id", "origin"]);
    assert_eq!((&row["name"], &row["product_uom"]), (&json!("[B] Boot"), &json!(t.pair)));
    assert_eq!((&row["location_id"], &row["location_dest_id"]), (&json!(stock), &json!(out)));
    assert_eq!(row["origin"], json!("S1"));
}

/// (what is written to the line, what the document comes to then)
const CHANGES: [(&str, &str); 5] = [
    (r#"{"Q": 3}"#, "290.4"),
    (r#"{"P": 10}"#, "36.3"),
    (r#"{"discount": 50}"#, "18.15"),
    (r#"{"T": "none"}"#, "15"),
    (r#"{"T": "tax"}"#, "18.15"),
];

#[test]
fn a_changed_quantity_price_discount_or_tax_is_summed_up_again_on_orders_and_invoices() {
    let t = trade();
    let plain = made(&t.records, "res.partner", json!({"name": "Ada"}));
    let boots = json!([{"product_id": t.boot}]);
    for (model, line_model, lines, quantity, taxes) in [
        ("sale.order", "sale.order.line", "order_line", "product_uom_qty", "tax_id"),
        ("account.move", "account.move.line", "invoice_line_ids", "quantity", "tax_ids"),
    ] {
        let mut values = json!({"partner_id": plain, lines: boots});
        if model == "account.move" {
            values["move_type"] = json!("out_invoice");
        }
        let id = made(&t.records, model, values);
        let line = t.records.get(model, id, lines)[0].as_i64().expect("a line");
        for (change, expected) in CHANGES {
            let change = change.replace("\"Q\"", &format!("\"{quantity}\"")).replace("\"P\"", "\"price_unit\"");
            let change = change.replace("\"T\": \"none\"", &format!("\"{taxes}\": []"));
            let change = change.replace("\"T\": \"tax\"", &format!("\"{taxes}\": [{}]", t.tax));
            let values: Json = serde_json::from_str(&change).expect("JSON");
            t.records.write(line_model, line, values).expect("is written");
            assert_eq!(t.records.get(model, id, "amount_total"), json!(expected), "{model} {change}");
        }
        // A rate that changes later leaves what was agreed alone, until a line is written again.
        t.records.write("account.tax", t.tax, json!({"amount": 10})).expect("is written");
        assert_eq!(t.records.get(model, id, "amount_total"), json!("18.15"));
        t.records.write(line_model, line, json!({quantity: 6})).expect("is written");
        assert_eq!(t.records.get(model, id, "amount_total"), json!("33"));
        t.records.write("account.tax", t.tax, json!({"amount": 21})).expect("is written");
    }
}

#[test]
fn taxes_are_rounded_once_a_line_or_once_a_document_as_the_company_says() {
    let t = trade();
    let company = |method: &str| {
        made(&t.records, "res.company", json!({ "name": method, "tax_calculation_rounding_method": method }))
    };
    let (by_line, at_once) = (company("round_per_line"), company("round_globally"));
    let vat = made(&t.records, "account.tax", json!({ "name": "21 %", "amount": "21", "amount_type": "percent" }));
    // Eight times 0.0693: 0.56 by lines, 0.5544 altogether.
    let line = |taxes: &str, quantity: &str| json!({ "name": "a", quantity: 1, "price_unit": "0.33", taxes: [vat] });
    let totals = |model: &str, id: i64| {
        ["amount_untaxed", "amount_tax", "amount_total"].map(|field| t.records.get(model, id, field))
    };
    let order = |company: Option<i64>| {
        let lines = vec![line("tax_id", "product_uom_qty"); 8];
        made(&t.records, "sale.order", json!({ "partner_id": t.company, "company_id": company, "order_line": lines }))
    };
    assert_eq!(totals("sale.order", order(Some(by_line))), ["2.64", "0.56", "3.2"]);
    assert_eq!(totals("sale.order", order(None)), ["2.64", "0.56", "3.2"], "the first company's way");
    let at_once_order = order(Some(at_once));
    assert_eq!(totals("sale.order", at_once_order), ["2.64", "0.55", "3.19"]);
    let lines = vec![line("tax_ids", "quantity"); 8];
    let invoice = json!({ "move_type": "out_invoice", "partner_id": t.company, "company_id": at_once,
        "invoice_line_ids": lines });
    let invoice = made(&t.records, "account.move", invoice);
    assert_eq!(totals("account.move", invoice), ["2.64", "0.55", "3.19"]);
    // A changed line counts at once, and so does another company.
    let first = t.records.get("sale.order", at_once_order, "order_line")[0].as_i64().expect("a line");
    t.records.write("sale.order.line", first, json!({ "product_uom_qty": 2 })).expect("is written");
    assert_eq!(totals("sale.order", at_once_order), ["2.97", "0.62", "3.59"]);
    t.records.write("sale.order", at_once_order, json!({ "company_id": by_line })).expect("is written");
    assert_eq!(totals("sale.order", at_once_order), ["2.97", "0.63", "3.6"]);
}
