//! How components are registered and found: names, parents, what they apply to, usages, and the errors of a lookup.

use bindery_plugin::{
    prelude::*,
    testing::{Harness, check_manifest},
};
use serde_json::json;

/// A component of the connector's own: says which one it is.
struct Pricing(&'static str);

struct Shop;

impl Connector for Shop {
    const ID: &'static str = "shop";
    const BACKEND_TYPES: &'static [&'static str] = &["shop", "shop_b2b"];
    type Settings = NoSettings;

    fn components(c: &mut Components<Self>) {
        c.adapter("shop.adapter", General);
        c.adapter("shop.order.adapter", Orders).inherit("shop.adapter").apply_on(["shop.order"]);
        c.kind("shop.product", "product.template").import(Products).export(Out);
        c.kind("shop.order", "sale.order");
        c.kind("shop.quote", "sale.order");
        c.component("shop.pricing", "pricing", Pricing("any"));
        c.component("shop.pricing.b2b", "pricing", Pricing("backend type")).backend_types(["shop_b2b"]);
        c.component("shop.pricing.sale", "pricing", Pricing("model")).apply_on(["sale.order"]);
        c.component("shop.pricing.order", "pricing", Pricing("kind")).apply_on(["shop.order"]);
        c.several("check");
        c.component("shop.check.one", "check", Pricing("one"));
        c.component("shop.check.two", "check", Pricing("two"));
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        cx.get("/ping").await?;
        Ok(Report::connected("the shop"))
    }
}

struct General;

impl Adapter<Shop> for General {
    fn api_headers(&self, _: &Context<Shop>, parent: Headers) -> Headers {
        parent.set("X-Shop", "general")
    }

    fn base_url(&self, _: &Context<Shop>) -> String {
        "https://shop.example".to_owned()
    }

    async fn list(&self, cx: Context<Shop>, kind: Kind, _: ListQuery) -> Result<Page> {
        cx.get(format!("/{}", kind.as_str())).page("/items", "/id").await
    }
}

struct Orders;

impl Adapter<Shop> for Orders {
    fn api_headers(&self, _: &Context<Shop>, parent: Headers) -> Headers {
        parent.set("X-Orders", "yes")
    }

    async fn read(&self, cx: Context<Shop>, _: Kind, id: String) -> Result<External> {
        cx.get(format!("/orders/{id}")).external("/id").await
    }
}

struct Products;

impl ImportMapper<Shop> for Products {
    fn rules(r: &mut Rules<Shop>) {
        r.direct("/title", "name");
    }
}

struct Out;

impl ExportMapper<Shop> for Out {
    fn rules(r: &mut ExportRules<Shop>) {
        r.direct("name", "/title");
    }
}

fn shop() -> Harness<Shop> {
    Harness::open(Shop, json!({})).expect("it opens")
}

#[test]
fn adapters_and_mappers_are_components_with_names_and_usages() {
    let manifest = check_manifest::<Shop>().expect("sound declarations");
    let usage = |name: &str| {
        let found = manifest.components.iter().find(|component| component.name == name);
        found.map(|component| (component.usage.as_str(), component.apply_on.clone()))
    };
    assert_eq!(usage("shop.adapter"), Some(("backend.adapter", vec![])), "without apply_on it serves all");
    assert_eq!(usage("shop.order.adapter"), Some(("backend.adapter", vec!["shop.order".to_owned()])));
    let of_product =
        |wanted: &str| manifest.components.iter().any(|c| c.usage == wanted && c.apply_on == ["shop.product"]);
    assert!(of_product("import.mapper") && of_product("export.mapper"), "{:?}", manifest.components);
    assert_eq!(usage("shop.pricing"), Some(("pricing", vec![])), "a usage of its own");
}

#[test]
fn the_most_specific_component_of_a_usage_wins() {
    let shop = shop();
    let cx = shop.context();
    let found = |kind: Option<&str>| {
        let lookup = cx.components().usage("pricing");
        let lookup = kind.map_or(cx.components().usage("pricing"), |kind| lookup.for_kind(kind));
        lookup.one::<Pricing>().expect("one fits").0
    };
    assert_eq!(found(None), "any");
    assert_eq!(found(Some("shop.product")), "any");
    assert_eq!(found(Some("shop.quote")), "model");
    assert_eq!(found(Some("sale.order")), "model", "a record model may be asked for too");
    assert_eq!(found(Some("shop.order")), "kind");
    let all = cx.components().usage("pricing").for_kind("shop.order").all::<Pricing>().expect("some");
    let all: Vec<&str> = all.iter().map(|pricing| pricing.0).collect();
    assert_eq!(all, ["kind", "model", "any"], "the closest first, none of another backend type");
}

#[test]
fn a_component_is_found_by_name() {
    let shop = shop();
    let cx = shop.context();
    assert_eq!(cx.components().named::<Pricing>("shop.pricing.b2b").expect("it is there").0, "backend type");
    let error = cx.components().named::<Pricing>("shop.prices").err().expect("it is not there");
    assert!(error.to_string().contains("shop.pricing"), "it names those that are: {error}");
    let error = cx.components().named::<String>("shop.pricing").expect_err("another type");
    assert!(error.to_string().contains("is not a"), "{error}");
}

#[test]
fn none_and_several_are_distinct_errors() {
    let shop = shop();
    let cx = shop.context();
    let none = cx.components().usage("packing").one::<Pricing>().err().expect("there is none");
    assert_eq!(none.class(), ErrorClass::Unsupported);
    assert!(none.to_string().contains("no component of usage \"packing\""), "{none}");
    let several = cx.components().usage("check").one::<Pricing>().err().expect("there are two");
    assert_eq!(several.class(), ErrorClass::Failed);
    assert!(several.to_string().contains("shop.check.one, shop.check.two"), "{several}");
    assert!(cx.components().usage("packing").all::<Pricing>().expect("none is fine").is_empty());
}

#[test]
fn an_adapter_adds_to_its_parent_s_headers_and_leaves_to_it_what_it_does_not_do() {
    let shop = shop();
    shop.respond("GET", "/orders/7", 200, json!({"id": 7}));
    shop.respond("GET", "/shop.order", 200, json!({"items": [{"id": 7}]}));
    shop.respond("GET", "/shop.product", 200, json!({"items": []}));
    assert_eq!(shop.read("shop.order", "7").expect("read").id, "7");
    let sent = &shop.sent()[0];
    assert_eq!((sent.header("x-shop"), sent.header("x-orders")), (Some("general"), Some("yes")));
    shop.list("shop.order", ListQuery::default()).expect("its parent lists");
    shop.list("shop.product", ListQuery::default()).expect("the general one serves every kind");
    assert_eq!(shop.sent()[2].header("x-orders"), None);
    assert_eq!(shop.read("shop.product", "7").expect_err("nobody reads it").class(), ErrorClass::Unsupported);
}

struct Twice;

impl Connector for Twice {
    const ID: &'static str = "twice";
    type Settings = NoSettings;

    fn components(c: &mut Components<Self>) {
        c.component("twice.a", "pricing", Pricing("one"));
        c.component("twice.a", "pricing", Pricing("two"));
        c.component("twice.b", "pricing", Pricing("three")).inherit("twice.nobody");
    }

    async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
        Ok(Report::connected("nothing"))
    }
}

#[test]
fn a_name_given_twice_and_a_parent_that_is_not_there_are_wrong_declarations() {
    let error = check_manifest::<Twice>().expect_err("wrong").to_string();
    assert!(error.contains("twice.a"), "{error}");
    assert!(error.contains("twice.nobody"), "{error}");
}
