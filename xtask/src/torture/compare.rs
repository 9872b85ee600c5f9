//! Compares both sides once all is quiet, product by product: what is missing, what is there twice, what differs.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::{shop::Shop, stage::Stage};

/// What is wrong; nothing of it should be.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// On one side only.
    pub(super) lost: Vec<String>,
    /// More than once on one side, or bound more than once.
    pub(super) duplicated: Vec<String>,
    /// With other values on the other side.
    pub(super) diverged: Vec<String>,
}

impl Wrong {
    pub(super) fn is_nothing(&self) -> bool {
        self.lost.is_empty() && self.duplicated.is_empty() && self.diverged.is_empty()
    }
}

/// Name, price in cents, description.
type Product = (String, Option<i64>, String);

/// Compares; answers how many products there are, too.
pub(super) fn compare(stage: &Stage, shop: &Shop) -> Result<(usize, Wrong), String> {
    let fields = "default_code,name,list_price,description";
    let search = ["record", "search", "product.template", "--fields", fields, "--archived", "--limit", "100000"];
    let here = list(&stage.ask(&search)?["rows"]);
    let there = shop.all("products")?;
    let mut wrong = Wrong::default();
    let ours = by_sku(&here, ["default_code", "name", "list_price", "description"], "here", &mut wrong);
    let theirs = by_sku(&there, ["sku", "title", "price", "description"], "there", &mut wrong);
    for (sku, product) in &ours {
        match theirs.get(sku) {
            None => wrong.lost.push(format!("{sku} is not there")),
            Some(other) if other != product => wrong.diverged.push(format!("{sku}: {product:?} here, {other:?} there")),
            Some(_) => {}
        }
    }
    wrong.lost.extend(theirs.keys().filter(|sku| !ours.contains_key(*sku)).map(|sku| format!("{sku} is not here")));
    let bindings =
        stage.ask(&["binding", "list", "--backend", "shop", "--kind", "demo.product", "--limit", "100000"])?;
    let mut bound: HashMap<String, usize> = HashMap::new();
    for binding in list(&bindings["bindings"]) {
        *bound.entry(text(&binding["external_id"])).or_default() += 1;
    }
    for product in &there {
        match bound.get(&text(&product["id"])) {
            None => wrong.lost.push(format!("{} is not bound", product["sku"])),
            Some(1) => {}
            Some(times) => wrong.duplicated.push(format!("{} is bound {times} times", product["sku"])),
        }
    }
    Ok((there.len(), wrong))
}

fn by_sku(rows: &[Value], names: [&str; 4], side: &str, wrong: &mut Wrong) -> BTreeMap<String, Product> {
    let [sku, name, price, description] = names;
    let mut found = BTreeMap::new();
    for row in rows {
        let cents = row[price].as_f64().or_else(|| row[price].as_str()?.parse().ok());
        let product = (text(&row[name]), cents.map(|price| (price * 100.0).round() as i64), text(&row[description]));
        if found.insert(text(&row[sku]), product).is_some() {
            wrong.duplicated.push(format!("{} is {side} twice", text(&row[sku])));
        }
    }
    found
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
