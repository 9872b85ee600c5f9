//! Compares both sides, record by record and field by field: Tryton by JSON-RPC, ours from the records.

use std::collections::BTreeMap;

use bindery_tests::Tryton;
use serde_json::{Value, json};

use super::{
    field::{self, Row, Theirs},
    kind::{KINDS, Kind},
    ours::{Ids, Ours},
};

/// Compares all kinds and the number of records of each model; fails with every difference.
#[track_caller]
pub fn all(tryton: &Tryton, ours: &Ours) {
    fail(&differences(tryton, ours));
}

/// The same but for texts of lines: one without a text shows its product's name, and is not changed where that is.
#[track_caller]
pub fn all_but_texts(tryton: &Tryton, ours: &Ours) {
    let mut differences = differences(tryton, ours);
    differences.retain(|text| !(text.contains("_line ") && text.contains(" name: ")));
    fail(&differences);
}

#[track_caller]
fn fail(differences: &[String]) {
    let shown = differences[..differences.len().min(60)].join("\n");
    assert!(differences.is_empty(), "{} differences\n{shown}", differences.len());
}

fn differences(tryton: &Tryton, ours: &Ours) -> Vec<String> {
    let (ids, theirs) = (Ids::new(ours), Theirs::new(tryton));
    let mut differences = Vec::new();
    for kind in KINDS {
        compare(tryton, ours, (&ids, &theirs), kind, &mut differences);
    }
    stock(tryton, ours, &ids, &mut differences);
    totals(ours, &mut differences);
    nothing_twice(ours, &mut differences);
    differences
}

fn compare(
    tryton: &Tryton,
    ours: &Ours,
    (ids, theirs): (&Ids<'_>, &Theirs<'_>),
    kind: &Kind,
    differences: &mut Vec<String>,
) {
    let domain: Value = serde_json::from_str(kind.domain).expect("a domain");
    let needed = theirs_needed(kind);
    let there = tryton.read(kind.model, domain, &needed);
    let names: Vec<&str> = kind.fields.iter().map(|(ours, ..)| *ours).chain(["external_id", "sync_status"]).collect();
    let mut here: BTreeMap<String, Row> = BTreeMap::new();
    for row in ours.read(kind.name, &names) {
        let row = row.as_object().expect("a row").clone();
        let id = row["external_id"].as_str().expect("an external id").to_owned();
        if here.insert(id.clone(), row).is_some() {
            differences.push(format!("{} {id} is bound twice", kind.name));
        }
    }
    let mut found = 0;
    for row in &there {
        let row = row.as_object().expect("a row");
        let id = row["id"].to_string();
        let Some(mine) = here.remove(&id) else {
            if kind.all {
                differences.push(format!("{} {id} is missing here: {row:?}", kind.name));
            }
            continue;
        };
        found += 1;
        if mine["sync_status"] != "success" {
            differences.push(format!("{} {id} is {}", kind.name, mine["sync_status"]));
        }
        for field in kind.fields {
            let (there, mine) = (theirs.say(row, field), field::ours(ids, &mine, field));
            if there != mine {
                differences.push(format!("{} {id} {}: there {there}, here {mine}", kind.name, field.0));
            }
        }
    }
    differences.extend(here.keys().map(|id| format!("{} {id} is here only", kind.name)));
    if found == 0 {
        differences.push(format!("nothing of {} was compared", kind.name));
    }
}

/// The fields to ask for: those named, and those that what is worked out looks at.
fn theirs_needed(kind: &Kind) -> Vec<&'static str> {
    let mut names: Vec<&str> = kind.fields.iter().flat_map(|(_, theirs, _)| theirs.split(' ')).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// Quantities of every product at every storage location; what is not here counts as none.
fn stock(tryton: &Tryton, ours: &Ours, ids: &Ids<'_>, differences: &mut Vec<String>) {
    let mut there = BTreeMap::new();
    for place in tryton.read("stock.location", json!([["type", "=", "storage"]]), &["id"]) {
        let context = json!({"locations": [place["id"]], "with_childs": false});
        for product in tryton.read_with("product.product", json!([]), &["quantity"], context) {
            let quantity = product["quantity"].as_f64().unwrap_or(0.0);
            if quantity != 0.0 {
                there.insert((product["id"].to_string(), place["id"].to_string()), quantity);
            }
        }
    }
    let mut here = BTreeMap::new();
    for row in ours.read("stock.quant", &["product_id", "location_id", "quantity"]) {
        let at = (ids.of("tryton.variant", &row["product_id"]), ids.of("tryton.location", &row["location_id"]));
        let quantity: f64 = row["quantity"].as_str().expect("a decimal").parse().expect("a number");
        if quantity != 0.0 && here.insert(at.clone(), quantity).is_some() {
            differences.push(format!("two quantities of {at:?}"));
        }
    }
    assert!(there.len() > 30, "the seed has stock at two locations");
    if there != here {
        let odd =
            there.iter().filter(|(at, quantity)| here.get(*at) != Some(*quantity)).map(|(at, q)| format!("{at:?} {q}"));
        differences.push(format!(
            "stock: {} there, {} here; {:?}",
            there.len(),
            here.len(),
            odd.take(9).collect::<Vec<_>>()
        ));
    }
}

/// Our own totals against those that Tryton told. Both round each tax once a document, as our company is told to: they are
/// equal but where the exact tax lies in the middle of two cents, which goes up here and to the even cent there.
fn totals(ours: &Ours, differences: &mut Vec<String>) {
    let pairs = [("amount_untaxed", "untaxed_amount"), ("amount_tax", "tax_amount"), ("amount_total", "total_amount")];
    for (kind, line, fields) in [
        ("tryton.sale", "tryton.sale_line", ["order_id", "product_uom_qty", "tax_id"]),
        ("tryton.invoice", "tryton.invoice_line", ["move_id", "quantity", "tax_ids"]),
    ] {
        let middles = middles(ours, line, fields);
        let names: Vec<&str> = pairs.iter().flat_map(|(a, b)| [*a, *b]).chain(["external_id", "record"]).collect();
        for row in ours.read(kind, &names) {
            let cents = |name: &str| fine(&row[name]) / (FINE / 100);
            let middle = middles.get(&row["record"].to_string()).copied().unwrap_or(0);
            for (mine, theirs) in pairs {
                let allowed = if mine == "amount_untaxed" { 0 } else { middle };
                if !(0..=allowed).contains(&(cents(mine) - cents(theirs))) {
                    differences
                        .push(format!("{kind} {} {mine}: {} against {}", row["external_id"], row[mine], row[theirs]));
                }
            }
        }
    }
}

/// A number in these parts.
const FINE: i128 = 1_000_000;

fn fine(value: &Value) -> i128 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<6}").parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// For each document, by our id: how many of its taxes come to exactly half a cent.
fn middles(ours: &Ours, line: &str, [document, quantity, taxes]: [&str; 3]) -> BTreeMap<String, i128> {
    let rates = ours.read("account.tax", &["id", "amount"]);
    let rates: BTreeMap<String, i128> = rates.iter().map(|tax| (tax["id"].to_string(), fine(&tax["amount"]))).collect();
    let mut exact: BTreeMap<(String, String), i128> = BTreeMap::new();
    for row in ours.read(line, &[document, quantity, "price_unit", taxes]) {
        let amount = if row["price_unit"].is_null() { 0 } else { fine(&row[quantity]) * fine(&row["price_unit"]) };
        for tax in row[taxes].as_array().into_iter().flatten().map(Value::to_string) {
            // A percentage of an amount is as many cents.
            *exact.entry((row[document].to_string(), tax.clone())).or_default() += amount * rates[&tax];
        }
    }
    let mut middles = BTreeMap::new();
    let cent = FINE * FINE * FINE;
    for ((document, _), _) in exact.into_iter().filter(|(_, cents)| cents % cent == cent / 2) {
        *middles.entry(document).or_default() += 1;
    }
    middles
}

/// Every record of these models came from Tryton: one without a binding would be a second one of something.
fn nothing_twice(ours: &Ours, differences: &mut Vec<String>) {
    for (model, kinds) in [
        ("res.partner", &["tryton.party", "tryton.address", "tryton.contact_mechanism"][..]),
        ("product.template", &["tryton.product"]),
        ("product.product", &["tryton.variant"]),
        ("product.category", &["tryton.category"]),
        ("sale.order", &["tryton.sale"]),
        ("sale.order.line", &["tryton.sale_line"]),
        ("account.move", &["tryton.invoice"]),
        ("account.move.line", &["tryton.invoice_line"]),
        ("account.tax", &["tryton.tax"]),
        ("stock.location", &["tryton.location"]),
        ("stock.quant", &["tryton.stock"]),
    ] {
        let bound: u64 = kinds.iter().map(|kind| ours.count(kind, "[]")).sum();
        let records = ours.count(model, "[]");
        if bound != records {
            differences.push(format!("{records} records of {model}, {bound} bound"));
        }
    }
}
