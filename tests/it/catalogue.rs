//! The catalogue: the models there are, who may declare what, and what a change of a declaration does to what is stored.

use bindery::base::Coded;
use bindery_contract::{
    field::{FieldDecl, FieldType},
    manifest::{Constraint, Kind, Manifest, ModelField},
};
use bindery_tests::records::Records;
use serde_json::json;

use crate::reference::compare;

fn with_field(name: &str, field_type: FieldType) -> Manifest {
    Manifest { fields: vec![ModelField::new("product.template", name, field_type)], ..Manifest::default() }
}

fn with_kind(kind: Kind) -> Manifest {
    Manifest { kinds: vec![kind], ..Manifest::default() }
}

fn kind(name: &str, model: &str) -> Kind {
    Kind { name: name.to_owned(), model: model.to_owned(), ..Kind::default() }
}

#[track_caller]
fn refused(result: Result<(), bindery::record::Error>, code: &str, parts: &[&str]) {
    let error = result.expect_err("is refused");
    assert_eq!(error.code().name, code, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{part:?} is missing in: {error}");
    }
}

#[test]
fn the_page_of_models_is_that_of_the_catalogue() {
    let records = Records::new();
    compare("models.md", &bindery::record::page::models(&records.catalogue));
}

#[test]
fn the_fourteen_models_are_there_with_their_fields() {
    let records = Records::new();
    for (model, fields) in [
        (
            "product.template",
            "name default_code barcode type active categ_id list_price standard_price uom_id weight volume taxes_id description image_1920 attribute_line_ids product_variant_ids",
        ),
        ("product.product", "product_tmpl_id default_code barcode product_template_attribute_value_ids lst_price"),
        ("product.category", "name parent_id complete_name child_id"),
        (
            "sale.order",
            "name partner_id partner_invoice_id partner_shipping_id date_order state client_order_ref origin pricelist_id currency_id company_id warehouse_id note order_line amount_untaxed amount_tax amount_total",
        ),
        (
            "sale.order.line",
            "order_id product_id product_uom_qty price_unit discount tax_id price_subtotal price_total",
        ),
        ("res.partner", "name email phone street zip city state_id country_id vat parent_id child_ids is_company"),
        ("stock.picking", "name partner_id location_id location_dest_id state move_ids carrier_tracking_ref"),
        ("stock.move", "product_id product_uom_qty quantity picking_id location_id location_dest_id state"),
        ("stock.quant", "product_id location_id quantity reserved_quantity available_quantity"),
        ("stock.warehouse", "name code lot_stock_id"),
        ("stock.location", "name complete_name location_id usage"),
        ("account.move", "name move_type state partner_id invoice_date invoice_line_ids amount_total payment_state"),
        ("account.payment", "amount currency_id partner_id date payment_type state"),
        ("account.tax", "name amount amount_type type_tax_use price_include"),
    ] {
        let known = records.catalogue.need_model(model).expect("the model");
        for field in fields.split(' ') {
            assert!(known.field(field).is_some(), "{model}.{field}");
        }
    }
}

#[test]
fn installing_again_changes_nothing() {
    let mut records = Records::new();
    let before: Vec<(String, u64)> =
        records.catalogue.models().map(|model| (model.name.clone(), model.digest)).collect();
    records.install(&[]).expect("is installed again");
    let after: Vec<(String, u64)> =
        records.catalogue.models().map(|model| (model.name.clone(), model.digest)).collect();
    assert_eq!(before, after);
}

#[test]
fn the_same_definition_is_shared_and_hidden_only_by_its_last_owner() {
    let mut records = Records::new();
    let product = records.create("product.template", json!({"name": "Bolt"})).expect("is created");
    records.register("acme", with_field("x_colour", FieldType::Text)).expect("is registered");
    assert_eq!(records.get("product.template", product, "x_colour"), json!(null));
    records.write("product.template", product, json!({"x_colour": "red"})).expect("is written");
    records.register("other", with_field("x_colour", FieldType::Text)).expect("is shared");

    records.register("acme", Manifest::default()).expect("is withdrawn");
    assert_eq!(records.get("product.template", product, "x_colour"), json!("red"));
    records.register("other", Manifest::default()).expect("is withdrawn");
    let hidden = records.write("product.template", product, json!({"x_colour": "blue"})).expect_err("is hidden");
    assert!(hidden.to_string().contains("x_colour: there is no such field"), "{hidden}");
    records.register("other", with_field("x_colour", FieldType::Text)).expect("comes back");
    assert_eq!(records.get("product.template", product, "x_colour"), json!("red"));
}

#[test]
fn a_different_definition_is_refused_naming_both_owners() {
    let mut records = Records::new();
    records.register("acme", with_field("x_size", FieldType::Text)).expect("is registered");
    refused(
        records.register("other", with_field("x_size", FieldType::Integer)),
        "record.definition_collision",
        &["product.template.x_size", "acme", "other", "text", "integer"],
    );
    refused(
        records.register("other", with_field("name", FieldType::Integer)),
        "record.definition_collision",
        &["product.template.name", "bindery", "other"],
    );
    let mut required = with_field("x_size", FieldType::Text);
    required.fields[0].field.required = true;
    refused(records.register("other", required), "record.definition_collision", &["acme", "other", "required"]);
    // All of a refused manifest is refused.
    let mut both = with_field("x_new", FieldType::Text);
    both.fields.extend(with_field("x_size", FieldType::Integer).fields);
    records.register("other", both).expect_err("is refused");
    assert!(records.catalogue.model("product.template").expect("the model").field("x_new").is_none());
}

#[test]
fn a_changed_type_is_a_new_field() {
    let mut records = Records::new();
    records.register("acme", with_field("x_size", FieldType::Text)).expect("is registered");
    for again in ["acme", "later"] {
        refused(
            records.register(again, with_field("x_size", FieldType::Decimal { scale: 2 })),
            "record.definition_collision",
            &["give it another name"],
        );
        records.register("acme", Manifest::default()).expect("is withdrawn");
    }
    let with_size = |field_type| {
        with_kind(Kind { fields: vec![FieldDecl::new("size", field_type)], ..kind("acme.product", "product.template") })
    };
    records.register("acme", with_size(FieldType::Text)).expect("is registered");
    records.register("acme", with_kind(kind("acme.product", "product.template"))).expect("the field is withdrawn");
    refused(
        records.register("acme", with_size(FieldType::Integer)),
        "record.definition_collision",
        &["acme.product.size", "text", "integer"],
    );
}

#[test]
fn kinds_have_one_owner_and_one_model() {
    let mut records = Records::new();
    records.register("acme", with_kind(kind("acme.product", "product.template"))).expect("is registered");
    refused(
        records.register("other", with_kind(kind("acme.product", "product.template"))),
        "record.definition_collision",
        &["acme.product", "by acme", "other"],
    );
    refused(
        records.register("acme", with_kind(kind("acme.product", "res.partner"))),
        "record.definition_collision",
        &["another model"],
    );
    refused(
        records.register("acme", with_kind(kind("res.partner", "res.partner"))),
        "record.definition_collision",
        &["name of a model"],
    );
    refused(
        records.register("acme", with_kind(kind("acme.x", "no.model"))),
        "record.invalid_definition",
        &["no.model"],
    );
    for (field, part) in [
        (FieldDecl::new("external_id", FieldType::Text), "every binding has"),
        (FieldDecl::new("Size", FieldType::Text), "not a name"),
        (FieldDecl::new("tags", FieldType::Many2many { model: "product.tag".to_owned() }), "no relations to many"),
        (FieldDecl::new("x", FieldType::Unknown), "newer contract"),
    ] {
        let declared = Kind { fields: vec![field], ..kind("acme.y", "product.template") };
        refused(records.register("acme", with_kind(declared)), "record.invalid_definition", &[part]);
    }
    records.register("acme", Manifest::default()).expect("is withdrawn");
    assert!(records.catalogue.kind("acme.product").is_none());
}

#[test]
fn a_rule_that_stored_bindings_break_is_refused_with_the_duplicates() {
    let mut records = Records::new();
    let declared = |constraints: Vec<Constraint>| {
        let fields = vec![FieldDecl::new("sku", FieldType::Text)];
        with_kind(Kind { fields, constraints, ..kind("acme.product", "product.template") })
    };
    records.register("acme", declared(vec![])).expect("is registered");
    let backend = records.backend("shop");
    for id in ["1", "2"] {
        records.bind(backend, "acme.product", Some(id), None, json!({"sku": "A"})).expect("is bound");
    }
    let rule = Constraint { name: "sku".to_owned(), unique: vec!["sku".to_owned()], message: String::new() };
    refused(
        records.register("acme", declared(vec![rule.clone()])),
        "record.definition_collision",
        &["constraint sku of acme.product", "A (2 times)"],
    );
    let lost = Constraint { unique: vec!["nothing".to_owned()], ..rule };
    refused(records.register("acme", declared(vec![lost])), "record.invalid_definition", &["nothing"]);
}

#[test]
fn operators_add_models_and_fields_by_files() {
    let shelf = r#"
        name = "mine.shelf"
        label = "Shelf"
        fields = [
          { name = "name", type = "text", required = true, unique = true },
          { name = "location_id", type = "many2one", model = "stock.location", ondelete = "cascade" },
          { name = "height", type = "decimal", scale = 3, default = "1.5" },
        ]"#;
    let extension = r#"
        extend = "product.template"
        fields = [{ name = "x_shelf", type = "many2one", model = "mine.shelf" }]"#;
    let mut records = Records::with_models(&[("shelf.toml", shelf), ("product.toml", extension)]);
    let shelf_id = records.create("mine.shelf", json!({"name": "A1"})).expect("is created");
    assert_eq!(records.get("mine.shelf", shelf_id, "height"), json!("1.5"));
    let product = records.create("product.template", json!({"name": "Bolt", "x_shelf": shelf_id})).expect("is created");
    let found = records.search("product.template", json!([["x_shelf.name", "=", "A1"]])).expect("is found");
    assert_eq!(found, [product]);
    let twice = records.create("mine.shelf", json!({"name": "A1"})).expect_err("is refused");
    assert_eq!(twice.code().name, "record.not_unique");

    refused(
        records.install(&[(
            "bad.toml",
            "extend = 'product.template'\nfields = [{name = 'x_a', type = 'many2one', model = 'no.model'}]",
        )]),
        "record.invalid_definition",
        &["product.template.x_a", "no.model"],
    );
    refused(
        records.install(&[("bad.toml", "name = 'product.template'\nfields = [{name = 'name', type = 'text'}]")]),
        "record.definition_collision",
        &["product.template", "bindery", "operator"],
    );
    refused(records.install(&[("bad.toml", "extend = 'x.y'")]), "record.invalid_definition", &["x.y"]);
}

#[test]
fn a_unique_field_that_stored_values_break_is_refused_with_the_duplicates() {
    let declared = |unique: bool| {
        format!("extend = 'product.template'\nfields = [{{name = 'x_code', type = 'text', unique = {unique}}}]")
    };
    let mut records = Records::with_models(&[("code.toml", &declared(false))]);
    for _ in 0..2 {
        records.create("product.template", json!({"name": "x", "x_code": "C"})).expect("is created");
    }
    refused(
        records.install(&[("code.toml", &declared(true))]),
        "record.definition_collision",
        &["product.template.x_code", "C (2 times)"],
    );
}
