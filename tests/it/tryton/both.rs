//! Both sides change the same record between two syncs, and Tryton ends as we do: as the policy says, a person, or the one
//! that came later.

use bindery_tests::Tryton;
use serde_json::{Value, json};

use super::{compare, giving, ours::Ours, small};

/// A product of which both change the name and the list price, and we alone whether it is sold.
struct Product<'a> {
    tryton: &'a Tryton,
    ours: &'a Ours,
    code: String,
}

impl Product<'_> {
    fn by_them(&self) {
        let found = self.tryton.read("product.product", json!([["code", "=", self.code]]), &["template"]);
        let price = json!({"__class__": "Decimal", "decimal": "7.5"});
        let values = json!({"name": "By them", "list_price": price});
        self.tryton.call("product.template.write", &[json!([found[0]["template"]]), values]);
    }

    fn by_us(&self) {
        let product = self.ours.one("product.template", json!([["default_code", "=", self.code]]));
        self.ours.write("product.template", product, json!({"name": "By us", "list_price": "99.5", "sale_ok": false}));
    }

    /// Name, price, and whether it is sold, there and here.
    fn ends(&self) -> [Value; 3] {
        let code = json!([["products.code", "=", self.code]]);
        let there = self.tryton.read("product.template", code, &["name", "list_price", "salable"]).remove(0);
        let domain = json!([["default_code", "=", self.code]]).to_string();
        let fields = "name,list_price,sale_ok";
        let here = self.ours.run(&["record", "search", "product.template", &domain, "--fields", fields, "--json"]);
        let here = here.ok().json()["rows"][0].clone();
        let number = |value: &Value| value.as_str().map(|text| text.parse::<f64>().expect("a number"));
        let there =
            [there["name"].clone(), json!(number(&there["list_price"]["decimal"])), json!(there["salable"] == 1)];
        assert_eq!(there, [here["name"].clone(), json!(number(&here["list_price"])), here["sale_ok"].clone()]);
        there
    }
}

fn conflicts(ours: &Ours) -> Vec<Value> {
    ours.run(&["conflict", "list", "--json"]).ok().json()["conflicts"].as_array().expect("a list").clone()
}

#[test]
fn what_both_sides_changed_between_two_syncs_ends_as_the_policy_says() {
    let tryton = small();
    let ours = giving(&tryton, &tryton.base);
    let set = |settings: &[&str]| {
        let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", *setting]).collect();
        ours.run(&[&["backend", "set", "erp", "--kind", "tryton.product"], &flags[..]].concat()).ok();
    };
    let them = |price: f64| [json!("By them"), json!(price), json!(false)];
    let us = |price: f64| [json!("By us"), json!(price), json!(false)];
    let code = |nth: u32| Product { tryton: &tryton, ours: &ours, code: format!("P{nth:03}") };
    let cases = [
        ("conflict=remote", "conflict_fields={}", true, them(7.5)),
        ("conflict=local", "conflict_fields={}", true, us(99.5)),
        ("conflict=newest", "conflict_fields={}", true, us(99.5)),
        ("conflict=newest", "conflict_fields={}", false, them(7.5)),
        ("conflict=remote", r#"conflict_fields={"list_price": "local"}"#, true, them(99.5)),
    ];
    for (nth, (policy, fields, are_we_last, expected)) in (1..).zip(cases) {
        set(&[policy, fields]);
        let product = code(nth);
        if are_we_last {
            product.by_them();
            product.by_us();
        } else {
            product.by_us();
            product.by_them();
        }
        ours.sync(&[]);
        assert_eq!(product.ends(), expected, "{policy} {fields}");
        assert_eq!(conflicts(&ours), [] as [Value; 0], "{policy}");
    }

    // A person decides; until then nothing is written on either side.
    set(&["conflict=ask", "conflict_fields={}"]);
    for (nth, side, expected) in [(8, "--ours", us(99.5)), (12, "--theirs", them(7.5))] {
        let product = code(nth);
        product.by_them();
        product.by_us();
        ours.run(&["sync", "erp", "--wait"]);
        let held = conflicts(&ours);
        assert_eq!(held.len(), 1, "{held:?}");
        ours.run(&["conflict", "resolve", &held[0]["id"].to_string(), side]).ok();
        ours.sync(&[]);
        assert_eq!(product.ends(), expected, "{side}");
    }
    assert_eq!(conflicts(&ours), [] as [Value; 0]);
    compare::all(&tryton, &ours);
}

#[test]
fn lines_that_both_sides_changed_go_with_the_policy_and_what_one_side_changed_survives() {
    let tryton = small();
    let ours = giving(&tryton, &tryton.base);
    for (code, policy, city) in [("C001", "remote", "By them"), ("C002", "local", "By us")] {
        ours.run(&["backend", "set", "erp", "--kind", "tryton.party", "--set", &format!("conflict={policy}")]).ok();
        let partner = ours.one("res.partner", json!([["ref", "=", code]]));
        let line = ours.one("res.partner", json!([["parent_id", "=", partner], ["type", "=", "invoice"]]));
        let way = ours.one("res.partner", json!([["parent_id", "=", partner], ["email", "like", "@"]]));
        let there = tryton.id("party.address", json!([["party.code", "=", code]]));
        tryton.call("party.address.write", &[json!([there]), json!({"city": "By them"})]);
        let party = tryton.id("party.party", json!([["code", "=", code]]));
        tryton.call("party.party.write", &[json!([party]), json!({"name": format!("{code} by them")})]);
        ours.write("res.partner", line, json!({"city": "By us"}));
        ours.write("res.partner", way, json!({"comment": "Only by us"}));
        ours.sync(&[]);
        let address = tryton.read("party.address", json!([["id", "=", there]]), &["city"]);
        assert_eq!(address[0]["city"], city, "{policy}");
        let ways = tryton.read(
            "party.contact_mechanism",
            json!([["party", "=", party], ["type", "=", "email"]]),
            &["comment"],
        );
        assert_eq!(ways[0]["comment"], "Only by us", "{policy}: {}", super::refused(&ours, "tryton.party", partner));
        let name = tryton.read("party.party", json!([["id", "=", party]]), &["name"]);
        assert_eq!(name[0]["name"], format!("{code} by them"), "{policy}");
        compare::all(&tryton, &ours);
    }
}
