//! A variant has every field of its template: read, searched, ordered by and written through it.

use bindery::record::{Query, outbox::Op};
use bindery_tests::records::Records;
use serde_json::json;

struct Shoes {
    records: Records,
    template: i64,
    small: i64,
    large: i64,
    tax: i64,
}

fn shoes() -> Shoes {
    let records = Records::new();
    let tax = records.create("account.tax", json!({"name": "21 %", "amount": 21})).expect("is created");
    let category = records.create("product.category", json!({"name": "Shoes"})).expect("is created");
    let template = records
        .create(
            "product.template",
            json!({"name": "Boot", "list_price": "80.5", "categ_id": category, "taxes_id": [tax], "type": "consu"}),
        )
        .expect("is created");
    let of = |code: &str| {
        records
            .create("product.product", json!({"product_tmpl_id": template, "default_code": code}))
            .expect("a variant")
    };
    let (small, large) = (of("B-36"), of("B-48"));
    Shoes { records, template, small, large, tax }
}

#[test]
fn a_variant_is_read_with_every_field_of_its_template() {
    let Shoes { records, template, small, tax, .. } = shoes();
    let fields =
        ["default_code", "list_price", "categ_id", "taxes_id", "type", "name", "sale_ok", "product_variant_ids"];
    let row = records.read("product.product", small, &fields);
    let of = records.read("product.template", template, &["categ_id", "product_variant_ids"]);
    assert_eq!(row["default_code"], json!("B-36"));
    assert_eq!((&row["list_price"], &row["type"], &row["name"]), (&json!("80.5"), &json!("consu"), &json!("Boot")));
    assert_eq!((&row["taxes_id"], &row["sale_ok"]), (&json!([tax]), &json!(true)));
    assert_eq!((&row["categ_id"], &row["product_variant_ids"]), (&of["categ_id"], &of["product_variant_ids"]));

    let template = records.catalogue.need_model("product.template").expect("the model").clone();
    let variant = records.catalogue.need_model("product.product").expect("the model").clone();
    for field in &template.fields {
        assert!(variant.field(&field.name).is_some(), "product.product has no {}", field.name);
    }
}

#[test]
fn variants_are_found_and_ordered_by_what_their_template_has() {
    let Shoes { records, small, large, tax, .. } = shoes();
    let other = records.create("product.product", json!({"name": "Sock", "list_price": 4})).expect("is created");
    for (domain, expected) in [
        (json!([["list_price", ">", 80]]), vec![small, large]),
        (json!([["list_price", "<", 80]]), vec![other]),
        (json!([["categ_id.name", "=", "Shoes"]]), vec![small, large]),
        (json!([["categ_id", "=", false]]), vec![other]),
        (json!([["taxes_id", "in", [tax]]]), vec![small, large]),
        (json!(["!", ["type", "=", "consu"]]), vec![other]),
        (json!([["name", "ilike", "sock"]]), vec![other]),
        (json!(["&", ["default_code", "=", "B-48"], ["type", "=", "consu"]]), vec![large]),
    ] {
        assert_eq!(records.search("product.product", domain.clone()).expect("is found"), expected, "{domain}");
    }
    let order = |order: &str| {
        let query = Query { order: order.to_owned(), ..Query::default() };
        records.query("product.product", query).expect("is found")
    };
    assert_eq!(order("list_price, id"), [other, small, large]);
    assert_eq!(order("list_price desc, default_code desc"), [large, small, other]);
    // Lines of orders reach the template's fields through the variant.
    let partner = records.create("res.partner", json!({"name": "Ada"})).expect("is created");
    let lines = json!({"partner_id": partner, "order_line": [{"product_id": small}, {"product_id": other}]});
    let sale = records.create("sale.order", lines).expect("is created");
    let found = records.search("sale.order", json!([["order_line.product_id.list_price", ">", 80]]));
    assert_eq!(found.expect("is found"), [sale]);
}

#[test]
fn a_write_of_a_delegated_field_goes_to_the_template_and_is_seen_by_all_variants() {
    let Shoes { records, template, small, large, .. } = shoes();
    let before = records.events(0).last().expect("an event").id;
    let written = records
        .write("product.product", small, json!({"list_price": 90, "weight": "1.5", "name": "Boots", "taxes_id": []}))
        .expect("is written");
    let variant = records.catalogue.need_model("product.product").expect("the model").clone();
    let mut changed: Vec<&str> = written.changed.iter().map(|index| variant.fields[*index].name.as_str()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["list_price", "name", "taxes_id", "weight"]);
    // What is the variant's own stays with it.
    assert_eq!(records.get("product.template", template, "weight"), json!("0"));
    assert_eq!(records.get("product.template", template, "list_price"), json!("90"));
    assert_eq!(records.get("product.template", template, "taxes_id"), json!([]));
    assert_eq!(records.get("product.product", large, "list_price"), json!("90"));
    assert_eq!(records.get("product.product", large, "display_name"), json!("[B-48] Boots"));
    let events = records.events(before);
    let of = |model: &str| events.iter().filter(|event| event.model == model).count();
    assert_eq!((of("product.template"), of("product.product")), (1, 2));

    // Writing the same again writes nothing, on either.
    let last = events.last().expect("an event").id;
    let again = records.write("product.product", large, json!({"list_price": "90.0", "name": "Boots"}));
    assert!(again.expect("is written").changed.is_empty());
    assert!(records.events(last).is_empty());
}

#[test]
fn a_new_variant_without_a_template_gets_one_made_of_what_it_delegates() {
    let records = Records::new();
    let id = records
        .create("product.product", json!({"name": "Sock", "default_code": "S", "list_price": 4, "weight": 2}))
        .expect("is created");
    let row = records.read("product.product", id, &["product_tmpl_id", "name", "list_price", "weight"]);
    let template = row["product_tmpl_id"].as_i64().expect("a template");
    assert_eq!((&row["name"], &row["list_price"], &row["weight"]), (&json!("Sock"), &json!("4"), &json!("2")));
    assert_eq!(records.get("product.template", template, "product_variant_ids"), json!([id]));
    assert_eq!(records.get("product.template", template, "product_variant_count"), json!(1));
    let seen: Vec<(String, Op)> = records.events(0).into_iter().map(|event| (event.model, event.op)).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");

    let missing = records.create("product.product", json!({"list_price": 4})).expect_err("is refused");
    assert_eq!(missing.to_string(), "product.template: name: a value is required");
    let none = records.create("product.product", json!({"default_code": "x"})).expect_err("is refused");
    assert_eq!(none.to_string(), "product.product: product_tmpl_id: a value is required");
    let closed = records.write("product.product", id, json!({"product_variant_count": 3})).expect_err("is refused");
    assert!(closed.to_string().starts_with("product.product: product_variant_count: the host works"), "{closed}");
}

#[test]
fn a_field_that_an_operator_adds_to_the_template_is_the_variants_too() {
    let mut records = Records::new();
    let id = records.create("product.product", json!({"name": "Sock"})).expect("is created");
    let file = "extend = 'product.template'\nfields = [{name = 'x_colour', type = 'text'}]";
    records.install(&[("mine.toml", file)]).expect("is installed");
    records.write("product.product", id, json!({"x_colour": "red"})).expect("is written");
    assert_eq!(records.search("product.product", json!([["x_colour", "=", "red"]])).expect("is found"), [id]);
    assert_eq!(records.search("product.template", json!([["x_colour", "=", "red"]])).expect("is found").len(), 1);

    let wrong = "extend = 'product.tag'\nfields = [{name = 'x_of', type = 'text', delegate = true}]";
    let refused = records.install(&[("mine.toml", wrong)]).expect_err("is refused");
    assert!(refused.to_string().contains("only a required many2one can delegate"), "{refused}");
}
