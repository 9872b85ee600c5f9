//! What the rules of mappers promise: order, marks, tri-state values, exact numbers, lines, refusals.

use bindery_plugin::{
    prelude::*,
    testing::{Harness, check_manifest},
};
use serde_json::json;

struct Sample;

impl Connector for Sample {
    const ID: &'static str = "sample";
    type Settings = NoSettings;

    fn components(c: &mut Components<Self>) {
        c.kind("sample.product", "product.template").field("external_sku", field::text()).import(Products).export(Out);
        c.kind("sample.order", "sale.order").import(Orders).importer(OrderImporter);
        c.kind("sample.order_line", "sale.order.line");
        c.kind("sample.final", "product.template").import(Final);
    }

    async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
        Ok(Report::connected("nothing"))
    }
}

struct Products;

impl ImportMapper<Sample> for Products {
    fn rules(r: &mut Rules<Sample>) {
        r.compute("shout", ["/title"], ["description"], |item| {
            set("description", item.text("/title")?.or_default().to_uppercase())
        });
        r.direct("/title", "name");
        r.direct("/short", "name");
        r.direct("/price", "list_price");
        r.direct("/deep/list/1", "weight");
        r.direct("/sku", "external_sku");
        r.direct("/cents", "standard_price").with(|cents| Ok(cents.decimal("")?.or_default().shift(-2)));
        r.set("type", "product").only_create();
        r.replace("type").set("type", "service");
        r.direct("/barcode", "barcode").changed_by(["/barcode"]);
        r.lookup("/category", "product.category", "name").set("categ_id").or_create();
        r.relation("/taxes", "sample.tax").set("taxes_id");
        r.mapping("hosted", ["/url"], ["website_url"], async |item, cx| {
            let Some(url) = item.text("/url")?.option() else { return Ok(Values::new()) };
            set("website_url", format!("{url}?from={}", cx.backend()))
        });
    }
}

struct Out;

impl ExportMapper<Sample> for Out {
    fn rules(r: &mut ExportRules<Sample>) {
        r.direct("name", "/product/title");
        r.direct("list_price", "/product/price").changed_by(["list_price", "currency_id"]);
        r.set("/product/status", "draft").only_create();
        r.relation("categ_id", "sample.category", "/product/category");
        r.children("lines", "/lines", "sample.order_line", OutLine);
        r.finalize(|_, body| Ok(body.wrapped("data")));
    }
}

struct OutLine;

impl ExportMapper<Sample> for OutLine {
    fn rules(r: &mut ExportRules<Sample>) {
        r.direct("qty", "/quantity");
    }
}

struct Orders;

impl ImportMapper<Sample> for Orders {
    fn rules(r: &mut Rules<Sample>) {
        r.direct("/number", "name");
        r.children("/lines", "/id", "order_line", "sample.order_line", Lines);
    }
}

struct Lines;

impl ImportMapper<Sample> for Lines {
    fn rules(r: &mut Rules<Sample>) {
        r.direct("/qty", "product_uom_qty");
        r.direct("/name", "name").only_create();
    }
}

struct OrderImporter;

impl Importer<Sample> for OrderImporter {
    fn hooks(h: &mut ImportHooks<Sample>) {
        h.must_skip(|order, _| Ok(order.boolean("/test")?.or(false).then(|| "a test order".to_owned())));
        h.validate(|_, values| values.require(["name"]));
        h.dependencies(|order| {
            Ok(order.id("/customer")?.option().map(|id| reference("sample.customer", id)).into_iter().collect())
        });
        h.after(async |written, cx| cx.with_delay().priority(5).import("sample.invoice", written.id).await.map(|_| ()));
    }
}

struct Final;

impl ImportMapper<Sample> for Final {
    fn rules(r: &mut Rules<Sample>) {
        r.direct("/a", "name");
        r.compute("liar", ["/lie"], ["barcode"], |item| match item.boolean("/lie")?.or(false) {
            true => set("default_code", "not declared"),
            false => Ok(Values::new()),
        });
        r.finalize(["name"], |item, values| Ok(values.set("name", item.text("/b")?.or("none".to_owned()))));
    }
}

fn sample() -> Harness<Sample> {
    Harness::open(Sample, json!({})).expect("the settings are empty")
}

#[test]
fn data_runs_before_code_and_later_rules_win() {
    let item = r#"{"title": "Lamp", "short": "L", "price": 12.30}"#;
    let mapped = sample().create("sample.product", item).expect("mapped");
    assert_eq!(mapped.values["name"], "L");
    assert_eq!(mapped.values["description"], "LAMP");
    let mapped = sample().create("sample.product", r#"{"title": "Lamp"}"#).expect("mapped");
    assert_eq!(mapped.values["name"], "Lamp", "an absent later source leaves what the earlier rule set");
}

#[test]
fn absent_null_and_empty_values_are_three_things() {
    let mapped =
        sample().update("sample.product", r#"{"title": "", "price": 0, "barcode": null}"#, None).expect("mapped");
    assert_eq!(mapped.values, json!({"name": "", "list_price": 0, "barcode": null, "description": ""}));
}

#[test]
fn numbers_keep_every_digit() {
    let item =
        r#"{"title":"x","price":12345678901234567890.12345678901234567890,"deep":{"list":[1,2.50]},"cents":1999}"#;
    let text = sample().create("sample.product", item).expect("mapped").text;
    assert!(text.contains("\"list_price\":12345678901234567890.12345678901234567890"), "{text}");
    assert!(text.contains("\"weight\":2.50") && text.contains("\"standard_price\":19.99"), "{text}");
}

#[test]
fn a_replacing_rule_keeps_the_marks_of_the_replaced() {
    let created = sample().create("sample.product", "{}").expect("mapped");
    assert_eq!(created.values["type"], "service");
    let updated = sample().update("sample.product", "{}", None).expect("mapped");
    assert_eq!(updated.values.get("type"), None);
}

#[test]
fn changed_by_runs_a_rule_again_only_when_its_sources_changed() {
    let first = sample().create("sample.product", r#"{"barcode": "1"}"#).expect("mapped");
    let digests = first.digests.expect("digests of the rule");
    let same = sample().update("sample.product", r#"{"barcode": "1", "price": 2}"#, Some(&digests)).expect("mapped");
    assert_eq!(same.values.get("barcode"), None);
    let other = sample().update("sample.product", r#"{"barcode": "2"}"#, Some(&digests)).expect("mapped");
    assert_eq!(other.values["barcode"], "2");
    let gone = sample().update("sample.product", r#"{"barcode": null}"#, Some(&digests)).expect("mapped");
    assert_eq!(gone.values["barcode"], json!(null));
}

#[test]
fn relations_are_symbols_for_the_host() {
    let mapped = sample().create("sample.product", r#"{"category": "Lamps", "taxes": [1, "b"]}"#).expect("mapped");
    let category = json!({"$find": {"model": "product.category", "field": "name", "value": "Lamps", "create": true}});
    assert_eq!(mapped.values["categ_id"], category);
    let tax = |id: &str| json!({"$ref": {"kind": "sample.tax", "id": id}});
    assert_eq!(mapped.values["taxes_id"], json!([tax("1"), tax("b")]));
    let mapped = sample().create("sample.product", r#"{"category": "", "taxes": []}"#).expect("mapped");
    assert_eq!((&mapped.values["categ_id"], &mapped.values["taxes_id"]), (&json!(null), &json!([])));
    let error = sample().create("sample.product", r#"{"category": {"id": 1}}"#).expect_err("an object is no text");
    assert_eq!(error.path(), Some("/category"));
}

#[test]
fn fields_of_the_binding_stand_apart() {
    let mapped = sample().create("sample.product", r#"{"sku": "A-1"}"#).expect("mapped");
    assert_eq!(mapped.extra, json!({"external_sku": "A-1"}));
    assert_eq!(mapped.values.get("external_sku"), None);
}

#[test]
fn code_may_ask_the_host() {
    let mapped = sample().create("sample.product", r#"{"url": "https://a.example"}"#).expect("mapped");
    assert_eq!(mapped.values["website_url"], "https://a.example?from=test");
}

#[test]
fn lines_are_known_by_their_ids_and_new_ones_get_what_only_they_get() {
    let order = r#"{"number": "S1", "lines": [{"id": 5, "qty": 2, "name": "Lamp"}, {"id": "6", "qty": 0}]}"#;
    let mapped = sample().update("sample.order", order, None).expect("mapped");
    let (field, lines) = &mapped.lines[0];
    assert_eq!((field.as_str(), lines.len()), ("order_line", 2));
    assert_eq!((lines[0].id.as_str(), lines[0].kind.as_str()), ("5", "sample.order_line"));
    assert_eq!(lines[0].values, json!({"product_uom_qty": 2}));
    assert_eq!(lines[0].create_values, json!({"name": "Lamp"}));
    assert_eq!(lines[1].values, json!({"product_uom_qty": 0}));
    let none = sample().update("sample.order", r#"{"number": "S1"}"#, None).expect("mapped");
    assert!(none.lines.is_empty(), "an absent list leaves the lines alone");
    let cleared = sample().update("sample.order", r#"{"number": "S1", "lines": null}"#, None).expect("mapped");
    assert!(cleared.lines[0].1.is_empty(), "null takes them all away");
    let error = sample().update("sample.order", r#"{"number": "S1", "lines": [{"qty": 1}]}"#, None).expect_err("no id");
    assert_eq!(error.path(), Some("/lines/0/id"));
}

#[test]
fn an_importer_skips_checks_and_names_what_must_come_first() {
    let skipped = sample().create("sample.order", r#"{"test": true}"#).expect("skipped");
    assert_eq!(skipped.skip.as_deref(), Some("a test order"));
    let error = sample().create("sample.order", r#"{"number": ""}"#).expect_err("a name is needed");
    assert_eq!(error.class(), ErrorClass::Invalid);
    let mapped = sample().create("sample.order", r#"{"number": "S1", "customer": 3}"#).expect("mapped");
    assert_eq!(mapped.dependencies, [("sample.customer".to_owned(), "3".to_owned())]);
}

#[test]
fn what_a_rule_does_not_declare_it_can_not_set() {
    let error = sample().create("sample.final", r#"{"lie": true}"#).expect_err("undeclared");
    assert!(error.message().contains("default_code") && error.message().contains("liar"), "{error}");
}

#[test]
fn finalize_has_the_last_word() {
    assert_eq!(
        sample().create("sample.final", r#"{"a": 1, "b": "two"}"#).expect("mapped").values,
        json!({"name": "two"})
    );
}

#[test]
fn what_finalizes_a_body_is_declared_as_no_rule() {
    let manifest = check_manifest::<Sample>().expect("sound declarations");
    let product = manifest.kinds.iter().find(|kind| kind.name == "sample.product").expect("it is declared");
    let names: Vec<&str> = product.export_rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["/product/title", "/product/price", "/product/status", "/product/category", "/lines"]);
}

#[test]
fn one_broken_record_says_where_and_breaks_nothing_else() {
    for (item, message) in [
        ("[1]", "the record is not a JSON object"),
        (r#"{"price": 1.}"#, "the record is not JSON from byte 12 on"),
        (r#"{"title": "a"#, "the record is not JSON from byte 12 on"),
    ] {
        let error = sample().create("sample.product", item).expect_err(item);
        assert_eq!((error.message(), error.path()), (message, None), "{item}");
    }
}

#[test]
fn an_export_sends_what_changed_exactly() {
    let record = r#"{"name": "Lamp", "list_price": 12.3000000000000000001, "categ_id": {"id": 4, "external": {"sample.category": "9"}},
        "lines": [{"qty": 2.50}]}"#;
    let body = sample().export("sample.product", None, record, None).expect("body");
    assert_eq!(
        body,
        r#"{"data":{"product":{"title":"Lamp","price":12.3000000000000000001,"status":"draft","category":"9"},"lines":[{"quantity":2.50}]}}"#
    );
    let body = sample().export("sample.product", Some("7"), record, Some(&["currency_id"])).expect("body");
    assert_eq!(body, r#"{"data":{"product":{"price":12.3000000000000000001}}}"#);
    let unbound = sample().export("sample.product", None, r#"{"categ_id": {"id": 4, "external": {}}}"#, None);
    assert!(unbound.expect_err("needs its category").message().contains("sample.category"));
}
