//! Two Trytons through one host: what is made in one appears in the other, what is changed in the other comes back, and at
//! neither is anything written that was not meant.

use bindery_tests::Tryton;
use serde_json::{Value, json};

use super::{gateway::Gateway, make, ours::Ours, small};

struct Spoke {
    name: &'static str,
    tryton: Tryton,
    gateway: Gateway,
}

impl Spoke {
    fn new(name: &'static str) -> Self {
        let tryton = small();
        let gateway = Gateway::before(&tryton.base);
        Self { name, tryton, gateway }
    }

    fn template(&self, code: &str) -> Value {
        let found = self.tryton.read(
            "product.template",
            json!([["products.code", "=", code]]),
            &["name", "list_price", "type", "consumable", "salable", "account_category", "categories", "default_uom"],
        );
        assert_eq!(found.len(), 1, "{code} at {}: {found:?}", self.name);
        let mut found = found[0].clone();
        // Its number is its own.
        found.as_object_mut().expect("an object").remove("id");
        found
    }

    fn variant(&self, code: &str) -> Value {
        let fields = ["code", "description", "active", "cost_price"];
        let found = self.tryton.read("product.product", json!([["code", "=", code]]), &fields);
        json!(fields.map(|field| found[0][field].clone()))
    }

    fn id(&self, code: &str) -> u64 {
        self.tryton.id("product.template", json!([["products.code", "=", code]]))
    }
}

/// Both are asked what is new, one after the other, and everything comes to its end.
fn in_step(ours: &Ours, spokes: [&Spoke; 2], more: &[&str]) {
    for spoke in spokes {
        ours.run(&[&["sync", spoke.name, "--only", "products", "--wait"], more].concat()).ok();
        ours.wait_for_jobs(|| ());
    }
}

fn settled(ours: &Ours, spokes: [&Spoke; 2]) {
    in_step(ours, spokes, &[]);
}

#[test]
fn a_product_made_in_one_appears_in_the_other_an_edit_there_comes_back_and_nothing_echoes() {
    let (a, b) = (Spoke::new("a"), Spoke::new("b"));
    let ours = Ours::connected(&a.tryton, &a.gateway.base);
    for spoke in [&a, &b] {
        ours.add(spoke.name, &spoke.gateway.base, &spoke.tryton.key);
        ours.run(&["backend", "set", spoke.name, "--set", "export=none"]).ok();
    }
    let host = ours.data.serve();
    settled(&ours, [&a, &b]);
    for spoke in [&a, &b] {
        ours.run(&["backend", "set", spoke.name, "--set", "export=all"]).ok();
    }
    settled(&ours, [&a, &b]);
    assert_eq!((a.gateway.written(), b.gateway.written()), (vec![], vec![]), "both had the same");

    // Made in A.
    let unit = a.tryton.id("product.uom", json!([["name", "=", "Unit"]]));
    let known = a.template("P003");
    let price = json!({"__class__": "Decimal", "decimal": "12.3456"});
    let new = json!({"name": "Hub lamp", "default_uom": unit, "sale_uom": unit, "salable": true, "type": "goods", "list_price": price,
        "account_category": known["account_category"], "categories": [["add", known["categories"]]],
        "products": [["create", [{"suffix_code": "HUB-1", "description": "Of brass"}]]]});
    a.tryton.call("product.template.create", &[json!([new])]);
    settled(&ours, [&a, &b]);
    assert_eq!(a.template("HUB-1"), b.template("HUB-1"));
    assert_eq!(a.variant("HUB-1"), b.variant("HUB-1"));
    assert_eq!((a.gateway.written(), b.gateway.written()), (vec![], vec!["POST product.template".to_owned()]));

    // Changed in B.
    let price = json!({"__class__": "Decimal", "decimal": "15.5678"});
    b.tryton
        .call("product.template.write", &[json!([b.id("HUB-1")]), json!({"name": "Hub lamp B", "list_price": price})]);
    settled(&ours, [&a, &b]);
    settled(&ours, [&a, &b]);
    assert_eq!(a.template("HUB-1")["name"], "Hub lamp B");
    assert_eq!(a.template("HUB-1"), b.template("HUB-1"));
    let change = format!("PUT product.template/{}", a.id("HUB-1"));
    assert_eq!((a.gateway.written(), b.gateway.written()), (vec![change], vec![]));

    // Made and changed here.
    let lamp = make::product(&ours, "HUB-2");
    settled(&ours, [&a, &b]);
    settled(&ours, [&a, &b]);
    // It goes to both at once, is made once in each, and is the same.
    assert_eq!(a.template("HUB-2"), b.template("HUB-2"));
    for spoke in [&a, &b] {
        assert_eq!(spoke.gateway.written(), ["POST product.template"], "{}", spoke.name);
    }
    ours.write("product.template", lamp, json!({"name": "Renamed here", "list_price": "20"}));
    settled(&ours, [&a, &b]);
    assert_eq!([&a, &b].map(|spoke| spoke.template("HUB-2")["name"].clone()), ["Renamed here", "Renamed here"]);
    let change = |spoke: &Spoke| vec![format!("PUT product.template/{}", spoke.id("HUB-2"))];
    assert_eq!((a.gateway.written(), b.gateway.written()), (change(&a), change(&b)));

    // All of it looked at again: nothing is written anywhere.
    in_step(&ours, [&a, &b], &["--force"]);
    assert_eq!((a.gateway.written(), b.gateway.written()), (vec![], vec![]));
    assert!(host.stop(), "it stops as asked");
}
