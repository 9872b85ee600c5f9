//! What the connector makes of answers that Tryton 8.2 gave, without a host.
#![allow(clippy::unwrap_used, reason = "a panic is how a test reports; clippy knows only functions marked as tests")]

use bindery_plugin::{
    ErrorClass, ListQuery,
    serde_json::{Value, from_str, json},
    testing::{Harness, Mapped, check_manifest},
};
use bindery_tryton::Tryton;

fn tryton(more: Value) -> Harness<Tryton> {
    let mut settings = json!({"api_url": "https://erp.example.com/company", "api_key": "key", "page_size": 2});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Harness::open(Tryton, settings).unwrap()
}

/// A recorded item of a kind, mapped as a new record.
fn mapped(kind: &str, text: &str, at: usize) -> Mapped {
    let items: Value = from_str(text).unwrap();
    tryton(json!({})).create(kind, &items[at].to_string()).unwrap()
}

fn bound(kind: &str, id: &str) -> Value {
    json!({"$ref": {"kind": kind, "id": id}})
}

const PARTY: &str = include_str!("recorded/party.json");
const PRODUCT: &str = include_str!("recorded/product.json");
const SALE: &str = include_str!("recorded/sale.json");
const INVOICE: &str = include_str!("recorded/invoice.json");

#[test]
fn the_manifest_is_valid_and_lines_are_kinds_of_their_own() {
    let manifest = check_manifest::<Tryton>().unwrap();
    let kind = |name: &str| manifest.kind(name).unwrap_or_else(|| panic!("{name}"));
    for name in ["tryton.address", "tryton.contact_mechanism", "tryton.variant"] {
        assert!(kind(name).import, "{name} can be imported on its own");
    }
    assert!(kind("tryton.stock").incremental, "stock goes by what was moved");
    assert!(kind("tryton.sale").scan_finds_deleted);
}

#[test]
fn a_party_brings_its_addresses_and_contact_mechanisms() {
    let party = mapped("tryton.party", PARTY, 0);
    for (field, value) in [
        ("name", "Customer 000"),
        ("ref", "C000"),
        ("email", "c000@example.org"),
        ("website", "https://c000.example.org"),
        ("lang", "fr"),
        ("vat", "BE0400000086"),
    ] {
        assert_eq!(party.values[field], value, "{field}");
    }
    let (field, addresses) = &party.lines[0];
    assert_eq!((field.as_str(), addresses.len()), ("child_ids", 2));
    let home = &addresses[0];
    assert_eq!((home.kind.as_str(), home.id.as_str()), ("tryton.address", "1"));
    assert_eq!((&home.values["street"], &home.values["street2"]), (&json!("Rue du Marché 1"), &json!("Boîte 0")));
    assert_eq!(home.values["country_id"], bound("tryton.country", "1"));
    assert_eq!(home.values["state_id"], bound("tryton.subdivision", "2"));
    assert_eq!(home.values["type"], "invoice");
    let depot = &addresses[1].values;
    assert_eq!(
        (&depot["name"], &depot["type"], &depot["state_id"]),
        (&json!("Depot 0"), &json!("delivery"), &Value::Null)
    );
    let reached: Vec<_> = party.lines[1].1.iter().map(|line| line.values["mobile"].clone()).collect();
    assert_eq!(reached, [Value::Null, Value::Null, json!("+32 470 55 0000"), Value::Null]);
}

#[test]
fn what_was_never_entered_is_cleared_and_what_may_not_be_read_is_left() {
    let archived = mapped("tryton.party", PARTY, 1).values;
    assert_eq!(
        (&archived["active"], &archived["mobile"], &archived["vat"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    let short = tryton(json!({})).create("tryton.party", r#"{"id": 1, "name": "Ada"}"#).unwrap();
    assert_eq!(short.values, json!({"name": "Ada", "customer_rank": 1}));
    assert!(short.lines.is_empty());
}

#[test]
fn a_template_with_one_variant_takes_over_its_codes() {
    let one = mapped("tryton.product", PRODUCT, 0);
    assert_eq!((&one.values["default_code"], &one.values["barcode"]), (&json!("P000"), &json!("4000000000006")));
    assert_eq!(one.values["taxes_id"], json!([bound("tryton.tax", "2")]));
    assert_eq!(one.values["categ_id"], bound("tryton.category", "4"));
    assert!(one.text.contains(r#""standard_price":5.25"#), "{}", one.text);
    let two = mapped("tryton.product", PRODUCT, 1);
    assert_eq!((&two.values["default_code"], &two.values["barcode"]), (&json!("T009"), &Value::Null));
    let codes: Vec<_> = two.lines[0].1.iter().map(|line| line.values["default_code"].clone()).collect();
    assert_eq!(codes, ["T009-P009", "T009-P010"]);
}

#[test]
fn a_variant_an_address_and_a_contact_mechanism_find_their_parents() {
    let variant = mapped("tryton.variant", include_str!("recorded/variant.json"), 0);
    assert_eq!(variant.values["product_tmpl_id"], bound("tryton.product", "1"));
    assert_eq!(variant.extra, json!({"variant_description": "About product 0"}));
    let address = mapped("tryton.address", include_str!("recorded/address.json"), 0).values;
    assert_eq!(address["parent_id"], bound("tryton.party", "2"));
    let mechanism = mapped("tryton.contact_mechanism", include_str!("recorded/contact_mechanism.json"), 0);
    assert_eq!(mechanism.extra, json!({"mechanism_type": "email", "mechanism_value": "c000@example.org"}));
}

#[test]
fn a_sale_keeps_its_totals_and_the_kinds_of_its_lines() {
    let draft = mapped("tryton.sale", SALE, 0);
    assert_eq!((&draft.values["name"], &draft.values["state"]), (&json!("(1)"), &json!("draft")));
    assert_eq!(draft.values["date_order"], "2026-01-01T00:00:00Z");
    assert_eq!(draft.extra, json!({"untaxed_amount": 10.00, "tax_amount": 0.60, "total_amount": 10.60}));
    let lines = &draft.lines[0].1;
    assert_eq!(
        (&lines[0].values["display_type"], &lines[1].values["display_type"]),
        (&Value::Null, &json!("line_note"))
    );
    assert_eq!((&lines[0].values["name"], &lines[1].values["name"]), (&json!("Product 000"), &json!("Thank you 0")));
    let processed = mapped("tryton.sale", SALE, 1).values;
    assert_eq!((&processed["state"], &processed["delivery_status"]), (&json!("sale"), &json!("pending")));
    assert_eq!(processed["partner_shipping_id"], bound("tryton.address", "3"));
}

#[test]
fn an_invoice_has_its_dates_and_a_negative_one_is_a_refund() {
    let posted = mapped("tryton.invoice", INVOICE, 0).values;
    assert_eq!(
        (&posted["name"], &posted["state"], &posted["payment_state"]),
        (&json!("1"), &json!("posted"), &json!("not_paid"))
    );
    for date in ["invoice_date", "date", "invoice_date_due"] {
        assert_eq!(posted[date], "2026-11-24", "{date}");
    }
    let draft = mapped("tryton.invoice", INVOICE, 1).values;
    assert_eq!((&draft["name"], &draft["invoice_date_due"]), (&json!("/"), &Value::Null));
    for (kind, total, expected) in
        [("out", "-1.00", "out_refund"), ("in", "1.00", "in_invoice"), ("in", "-1", "in_refund")]
    {
        let total = json!({"__class__": "Decimal", "decimal": total});
        let item = json!({"id": 1, "type": kind, "state": "paid", "total_amount": total}).to_string();
        let values = tryton(json!({})).create("tryton.invoice", &item).unwrap().values;
        assert_eq!((&values["move_type"], &values["payment_state"]), (&json!(expected), &json!("paid")));
    }
}

#[test]
fn unknown_states_name_their_place() {
    for (kind, item) in [
        ("tryton.sale", r#"{"id": 1, "state": "odd"}"#),
        ("tryton.invoice", r#"{"id": 1, "type": "out", "state": "odd"}"#),
    ] {
        let error = tryton(json!({})).create(kind, item).unwrap_err();
        assert_eq!((error.class(), error.path()), (ErrorClass::Invalid, Some("/state")), "{kind}");
    }
}

#[test]
fn units_taxes_and_locations_are_translated() {
    let gram = mapped("tryton.uom", include_str!("recorded/uom.json"), 0).values;
    assert_eq!((&gram["uom_type"], &gram["factor"]), (&json!("smaller"), &json!(1000.0)));
    let tax = mapped("tryton.tax", include_str!("recorded/tax.json"), 0).values;
    assert_eq!((&tax["amount_type"], &tax["type_tax_use"]), (&json!("percent"), &json!("sale")));
    assert_eq!(tax["amount"].as_f64(), Some(21.0));
    let locations = include_str!("recorded/location.json");
    let shelf = mapped("tryton.location", locations, 0);
    assert_eq!((&shelf.values["usage"], &shelf.extra["location_code"]), (&json!("internal"), &json!("TOP")));
    assert_eq!(shelf.values["location_id"], bound("tryton.location", "3"));
    assert_eq!(mapped("tryton.location", locations, 1).values["usage"], "customer");
}

#[test]
fn pages_go_by_id_and_a_short_one_is_the_last() {
    let tryton = tryton(json!({"language": "pt_BR", "company": 3}));
    tryton.respond("GET", "/company/rest/model/party.party", 200, json!([{"id": 4}, {"id": 9}]));
    tryton.respond("GET", "/company/rest/model/party.party", 200, json!([{"id": 12}]));
    let first = tryton.list("tryton.party", ListQuery::default()).unwrap();
    assert_eq!(first.next.as_deref(), Some("9"));
    let rest = tryton.list("tryton.party", ListQuery { cursor: first.next, ..ListQuery::default() }).unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let sent = &tryton.sent()[1];
    assert_eq!(sent.header("Accept-Language"), Some("pt-BR"));
    assert_eq!(sent.header("Authorization"), Some("Bearer key"));
}

#[test]
fn a_run_for_changes_tells_first_what_was_deleted() {
    let tryton = tryton(json!({}));
    let log = "/company/rest/model/ir.model.log";
    // Two entries, of the parties 7 and 40: asked for digit by digit, from the last to the first.
    tryton.respond("GET", log, 200, json!([{"id": 1}, {"id": 2}]));
    for place in [["2", "", "", "", "", "", "", "1", "", ""], ["", "", "", "", "2", "", "", "", "", ""], [""; 10]] {
        for entry in place {
            let found = entry.parse::<u64>().map(|id| vec![json!({"id": id})]).unwrap_or_default();
            tryton.respond("GET", log, 200, found.into());
        }
    }
    let since = ListQuery { since: Some("2026-11-24T07:00:00Z".into()), ..ListQuery::default() };
    let page = tryton.list("tryton.party", since.clone()).unwrap();
    let gone: Vec<_> = page.items.iter().map(|item| (item.id.as_str(), item.deleted)).collect();
    assert_eq!(gone, [("7", true), ("40", true)]);
    assert_eq!(page.next.as_deref(), Some("0"));
    tryton.respond("GET", "/company/rest/model/party.party", 200, json!([]));
    assert_eq!(tryton.list("tryton.party", ListQuery { cursor: page.next, ..since }).unwrap().next, None);
}

#[test]
fn stock_is_counted_location_by_location_and_then_where_something_moved() {
    let tryton = tryton(json!({}));
    let (places, goods) = ("/company/rest/model/stock.location", "/company/rest/model/product.product");
    tryton.respond("GET", places, 200, json!([{"id": 3}]));
    tryton.respond("GET", goods, 200, json!([{"id": 1, "quantity": 4.5}]));
    tryton.respond("GET", places, 200, json!([]));
    let all = tryton.list("tryton.stock", ListQuery::default()).unwrap();
    assert_eq!((all.items[0].id.as_str(), all.next), ("1@3", None));
    let tryton = self::tryton(json!({}));
    let moves = json!([{"id": 8, "product": 1, "from_location": 3, "to_location": 6}]);
    tryton.respond("GET", "/company/rest/model/stock.move", 200, moves);
    tryton.respond("GET", places, 200, json!([{"id": 3}]));
    tryton.respond("GET", goods, 200, json!([{"id": 1, "quantity": 0.30000000000000004}]));
    let since = ListQuery { since: Some("2026-11-24T07:00:00Z".into()), ..ListQuery::default() };
    let moved = tryton.list("tryton.stock", since).unwrap();
    let values = tryton.create("tryton.stock", &moved.items[0].json).unwrap().values;
    assert_eq!(values["quantity"].as_f64(), Some(0.3), "what is counted in binary is rounded");
}

#[test]
fn a_refused_key_says_how_to_get_one() {
    let company = "/company/rest/model/company.company/1";
    let refused = tryton(json!({}));
    refused.respond("GET", company, 401, json!("no"));
    let error = refused.test_connection().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Auth);
    let stranger = tryton(json!({}));
    stranger.respond("GET", company, 404, json!("no"));
    assert!(stranger.test_connection().unwrap_err().to_string().contains("company 1"));
    let small = tryton(json!({}));
    small.respond("GET", company, 200, json!({"party": {"name": "Demo"}, "currency": {"code": "EUR"}}));
    small.respond("GET", "/company/rest/model/sale.sale", 500, json!("'sale.sale'"));
    assert!(small.test_connection().unwrap_err().to_string().contains("module"));
}
