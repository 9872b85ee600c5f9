//! Mixed edits of partners, products and orders on both sides while the host is killed again and again: in the end both sides
//! are equal, each edit that nobody else made differently has survived, and nothing is there twice.

use std::{collections::BTreeMap, time::Instant};

use bindery_tests::{Tryton, full};
use serde_json::{Value, json};

use super::{compare, gateway::Gateway, giving, make, ours::Ours, small};

/// A field that somebody edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    PartyName,
    City,
    Zip,
    ProductName,
    ListPrice,
    CostPrice,
    IsSold,
    Note,
    Reference,
    Quantity,
}

use Field::*;

/// What is edited here and there: some on one side only, the rest on both.
const HERE: [Field; 9] = [PartyName, City, Zip, ProductName, ListPrice, IsSold, Note, Quantity, Reference];
const THERE: [Field; 7] = [PartyName, City, Zip, ProductName, ListPrice, CostPrice, Note];

/// Which of a field's records: some of the seed that are active, not in stock where that matters, and still drafts.
fn keys(field: Field) -> Vec<String> {
    match field {
        PartyName | City | Zip => (1..19).map(|n| format!("C{n:03}")).collect(),
        ProductName | ListPrice | IsSold => (1..9).chain(12..20).map(|n| format!("P{n:03}")).collect(),
        // Of goods that have moved Tryton lets nobody change it.
        CostPrice => vec!["P007".to_owned()],
        Note | Reference | Quantity => (0..24).step_by(8).map(|n| (n + 1).to_string()).collect(),
    }
}

struct Edits<'a> {
    tryton: &'a Tryton,
    ours: &'a Ours,
    random: u64,
    number: u32,
    /// The last value that each side has given a field of a record: here, there.
    last: BTreeMap<(Field, String), [Option<Value>; 2]>,
    /// Names of partners, products and orders that were made.
    made: [Vec<String>; 3],
}

impl Edits<'_> {
    fn random(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).expect("31 bits") % below
    }

    /// One edit by somebody, somewhere.
    fn make(&mut self) {
        self.number += 1;
        let (is_there, is_new) = (self.random(2) == 1, self.random(12) == 0);
        if is_new {
            return self.make_new(is_there);
        }
        let fields: &[Field] = if is_there { &THERE } else { &HERE };
        let field = fields[self.random(fields.len())];
        let keys = keys(field);
        let key = keys[self.random(keys.len())].clone();
        let value = match field {
            IsSold => json!(self.random(2) == 1),
            ListPrice | CostPrice => json!(f64::from(1_000 + self.number) / 4.0),
            Quantity => json!(f64::from(self.number)),
            _ => json!(format!("Edit {}", self.number)),
        };
        if is_there {
            self.write_there(field, &key, &value);
        } else {
            self.write_here(field, &key, &value);
        }
        self.last.entry((field, key)).or_default()[usize::from(is_there)] = Some(value);
    }

    fn make_new(&mut self, is_there: bool) {
        let (what, name) = (self.random(3), format!("M{:03}", self.number));
        match (what, is_there) {
            (0, true) => {
                self.call("party.party.create", &[json!([{"name": name, "code": name}])]);
            }
            (1, true) => {
                let unit = self.tryton.id("product.uom", json!([["name", "=", "Unit"]]));
                let new = json!({"name": name, "default_uom": unit, "sale_uom": unit, "type": "goods",
                    "list_price": decimal(3.5), "products": [["create", [{"suffix_code": name}]]]});
                self.call("product.template.create", &[json!([new])]);
            }
            (0, false) => {
                make::partner(self.ours, &name);
            }
            (1, false) => {
                make::product(self.ours, &name);
            }
            _ => {
                make::order(self.ours, &name, "sent");
            }
        }
        self.made[what].push(name);
    }

    fn write_here(&self, field: Field, key: &str, value: &Value) {
        let ours = self.ours;
        let (model, id, name) = match field {
            PartyName => ("res.partner", ours.one("res.partner", json!([["ref", "=", key]])), "name"),
            City | Zip => {
                let party = ours.one("res.partner", json!([["ref", "=", key]]));
                let domain = json!([["parent_id", "=", party], ["type", "=", "invoice"]]);
                ("res.partner", ours.one("res.partner", domain), if field == City { "city" } else { "zip" })
            }
            ProductName | ListPrice | CostPrice | IsSold => {
                let name = match field {
                    ProductName => "name",
                    ListPrice => "list_price",
                    CostPrice => "standard_price",
                    _ => "sale_ok",
                };
                ("product.template", ours.one("product.template", json!([["default_code", "=", key]])), name)
            }
            Note | Reference => {
                ("tryton.sale", self.sale(key), if field == Note { "note" } else { "client_order_ref" })
            }
            Quantity => {
                let line = self.line(key).to_string();
                let bound = ours.one("tryton.sale_line", json!([["external_id", "=", line]]));
                ("tryton.sale_line", bound, "product_uom_qty")
            }
        };
        let value = value.as_f64().map_or_else(|| value.clone(), |number| json!(number.to_string()));
        ours.write(model, id, json!({name: value}));
    }

    fn sale(&self, key: &str) -> u64 {
        self.ours.one("tryton.sale", json!([["external_id", "=", key]]))
    }

    /// The first line of a sale there.
    fn line(&self, sale: &str) -> u64 {
        let sale: u64 = sale.parse().expect("an id");
        let lines = self.tryton.read("sale.line", json!([["sale", "=", sale]]), &["id"]);
        lines[0]["id"].as_u64().expect("an id")
    }

    /// Where a field stands there: model, id, name.
    fn there(&self, field: Field, key: &str) -> (&'static str, u64, &'static str) {
        let tryton = self.tryton;
        match field {
            PartyName => ("party.party", tryton.id("party.party", json!([["code", "=", key]])), "name"),
            City | Zip => {
                let name = if field == City { "city" } else { "postal_code" };
                let domain = json!([["party.code", "=", key], ["invoice", "=", true]]);
                ("party.address", tryton.id("party.address", domain), name)
            }
            CostPrice => ("product.product", tryton.id("product.product", json!([["code", "=", key]])), "cost_price"),
            ProductName | ListPrice | IsSold => {
                let name = match field {
                    ProductName => "name",
                    ListPrice => "list_price",
                    _ => "salable",
                };
                ("product.template", tryton.id("product.template", json!([["products.code", "=", key]])), name)
            }
            Note | Reference => {
                ("sale.sale", key.parse().expect("an id"), if field == Note { "comment" } else { "reference" })
            }
            Quantity => ("sale.line", self.line(key), "quantity"),
        }
    }

    fn write_there(&self, field: Field, key: &str, value: &Value) {
        let (model, id, name) = self.there(field, key);
        let value = match field {
            ListPrice | CostPrice => decimal(value.as_f64().expect("a number")),
            _ => value.clone(),
        };
        self.call(&format!("{model}.write"), &[json!([id]), json!({name: value})]);
    }

    /// What somebody does there; where Tryton's SQLite is being written by another, they press the button again.
    fn call(&self, method: &str, parameters: &[Value]) -> Value {
        for _ in 0..50 {
            match self.tryton.try_call(method, parameters) {
                Err(error) if error.to_string().contains("locked") => {}
                Err(error) => panic!("{method}: {error}"),
                Ok(answer) => return answer,
            }
        }
        panic!("{method}: Tryton is always locked");
    }

    /// What stands there of everything that was edited: the last value of one of the sides that gave it one.
    fn check(&self) {
        let mut lost = Vec::new();
        for ((field, key), last) in &self.last {
            let (model, id, name) = self.there(*field, key);
            let row = self.tryton.read(model, json!([["id", "=", id]]), &[name]).remove(0);
            let stands = match row[name]["decimal"].as_str() {
                Some(text) => json!(text.parse::<f64>().expect("a number")),
                None if *field == IsSold => json!(row[name] == 1),
                None => row[name].clone(),
            };
            if !last.iter().flatten().any(|value| *value == stands) {
                lost.push(format!("{field:?} of {key} is {stands}; here {:?}, there {:?}", last[0], last[1]));
            }
        }
        for (model, field, names) in [
            ("party.party", "code", &self.made[0]),
            ("product.product", "code", &self.made[1]),
            ("sale.sale", "reference", &self.made[2]),
        ] {
            for name in names {
                let found = self.tryton.read(model, json!([[field, "=", name]]), &["id"]).len();
                if found != 1 {
                    lost.push(format!("{found} of {model} {name}"));
                }
            }
        }
        assert!(lost.is_empty(), "{} of {}: {lost:#?}", lost.len(), self.last.len());
    }
}

fn decimal(number: f64) -> Value {
    json!({"__class__": "Decimal", "decimal": number.to_string()})
}

#[expect(clippy::print_stdout, reason = "how much was done is shown")]
#[test]
fn edits_on_both_sides_with_the_host_killed_again_and_again_end_with_both_sides_equal_and_nothing_twice() {
    let (edits, kills) = if full() { (500, 10) } else { (60, 3) };
    let started = Instant::now();
    let tryton = small();
    let gateway = Gateway::before(&tryton.base);
    let ours = giving(&tryton, &gateway.base);
    let before =
        ["party.party", "product.template", "sale.sale"].map(|model| tryton.read(model, json!([]), &["id"]).len());
    let mut both = Edits {
        tryton: &tryton,
        ours: &ours,
        random: 2_611,
        number: 0,
        last: BTreeMap::new(),
        made: Default::default(),
    };
    for _ in 0..kills {
        let host = ours.data.serve();
        let requests = u32::try_from(1 + both.random(40)).expect("few");
        let arrival = gateway.after(requests);
        for _ in 0..edits / kills {
            both.make();
        }
        ours.run(&["sync", "erp"]).ok();
        let held = arrival.wait(|| {
            if ours.open_jobs().is_empty() {
                ours.run(&["sync", "erp", "--force"]).ok();
            }
        });
        host.kill();
        drop(held);
        // What the dead host has sent arrives before anybody edits on: nobody could tell a request that comes later from an edit.
        gateway.idle();
    }
    let host = ours.data.serve();
    ours.wait_for_jobs(|| ours.hurry());
    assert!(host.stop(), "it stops as asked");
    ours.sync(&[]);
    for kind in ["tryton.party", "tryton.product", "tryton.sale"] {
        ours.export(kind).ok();
    }
    ours.sync(&[]);
    both.check();
    compare::all_but_texts(&tryton, &ours);
    ours.sync(&["--force"]);
    compare::all(&tryton, &ours);
    let after =
        ["party.party", "product.template", "sale.sale"].map(|model| tryton.read(model, json!([]), &["id"]).len());
    let made = both.made.each_ref().map(Vec::len);
    assert_eq!(after, [0, 1, 2].map(|at| before[at] + made[at]), "as many as were made");
    println!(
        "{edits} edits of {} fields, {made:?} made, {kills} kills, {:.0} s",
        both.last.len(),
        started.elapsed().as_secs_f64()
    );
}
