//! Compares both sides once all is quiet, record by record: what is missing, what is there twice, what differs.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{edit::Edits, side::Side};
use crate::{shop::Shop, stage::Stage};

/// What is wrong; nothing of it should be.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// On one side only; or made and acknowledged, and on neither.
    pub(super) lost: Vec<String>,
    /// More than once on one side, or bound more than once.
    pub(super) duplicated: Vec<String>,
    /// With other values on the other side; or deleted and acknowledged, and there all the same.
    pub(super) diverged: Vec<String>,
}

impl Wrong {
    pub(super) fn is_nothing(&self) -> bool {
        self.lost.is_empty() && self.duplicated.is_empty() && self.diverged.is_empty()
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.duplicated.extend(other.duplicated);
        self.diverged.extend(other.diverged);
    }
}

/// What is edited of a record, as text; amounts of money in cents.
type Edited = [String; 3];

/// Which records are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Not those whose deletion was tried: what was deleted there is found by a look at everything.
    Certain,
    All,
}

/// Compares; answers how many records there are, too.
pub(super) fn compare(stage: &Stage, shop: &Shop, edits: &Edits, which: Which) -> Result<(usize, Wrong), String> {
    let (mut count, mut wrong) = (0, Wrong::default());
    for side in &Side::ALL {
        count += compare_side(side, stage, shop, (edits, which), &mut wrong)?;
    }
    count += compare_orders(stage, shop, edits, &mut wrong)?;
    Ok((count, wrong))
}

fn compare_side(
    side: &Side,
    stage: &Stage,
    shop: &Shop,
    (edits, which): (&Edits, Which),
    wrong: &mut Wrong,
) -> Result<usize, String> {
    let is_compared = |row: &Value, key: &str| which == Which::All || !edits.doubtful.contains(&text(&row[key]));
    let fields = [&[side.ours_key][..], &side.ours[..]].concat().join(",");
    let search = ["record", "search", side.model, side.domain, "--fields", &fields, "--archived", "--limit", "100000"];
    let mut here = list(&stage.ask(&search)?["rows"]);
    here.retain(|row| is_compared(row, side.ours_key));
    let mut there = shop.all(side.resource)?;
    there.retain(|one| is_compared(one, side.theirs_key));
    let ours = by_key(&here, side.ours_key, side.ours, "here", wrong);
    let theirs = by_key(&there, side.theirs_key, side.theirs, "there", wrong);
    for (key, record) in &ours {
        match theirs.get(key) {
            None => wrong.lost.push(format!("{key} is not there")),
            Some(other) if other != record => wrong.diverged.push(format!("{key}: {record:?} here, {other:?} there")),
            Some(_) => {}
        }
    }
    wrong.lost.extend(theirs.keys().filter(|key| !ours.contains_key(*key)).map(|key| format!("{key} is not here")));
    let of_side = |key: &&String| key.contains('@') == (side.resource == "customers");
    let missing = edits.kept.iter().filter(of_side).filter(|key| !ours.contains_key(*key));
    wrong.lost.extend(missing.map(|key| format!("{key} was made, and is on neither side")));
    bound_once(side, stage, &there, wrong)?;
    Ok(there.len())
}

/// Every record there is bound, once.
fn bound_once(side: &Side, stage: &Stage, there: &[Value], wrong: &mut Wrong) -> Result<(), String> {
    let bindings = stage.ask(&["binding", "list", "--backend", "shop", "--kind", side.kind, "--limit", "100000"])?;
    let mut bound: HashMap<String, usize> = HashMap::new();
    for binding in list(&bindings["bindings"]) {
        *bound.entry(text(&binding["external_id"])).or_default() += 1;
    }
    for one in there {
        match bound.get(&text(&one["id"])) {
            None => wrong.lost.push(format!("{} is not bound", one[side.theirs_key])),
            Some(1) => {}
            Some(times) => wrong.duplicated.push(format!("{} is bound {times} times", one[side.theirs_key])),
        }
    }
    Ok(())
}

/// Orders come in whole, with all their lines.
fn compare_orders(stage: &Stage, shop: &Shop, edits: &Edits, wrong: &mut Wrong) -> Result<usize, String> {
    let search = ["record", "search", "sale.order", "[]", "--fields", "name,note,order_line", "--limit", "100000"];
    let here = list(&stage.ask(&search)?["rows"]);
    let there = shop.all("orders")?;
    let mut ours: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for order in &here {
        let known = (text(&order["note"]), list(&order["order_line"]).len());
        if ours.insert(text(&order["name"]), known).is_some() {
            wrong.duplicated.push(format!("order {} is here twice", order["name"]));
        }
    }
    for order in &there {
        let wanted = (text(&order["note"]), list(&order["lines"]).len());
        match ours.get(&text(&order["number"])) {
            None => wrong.lost.push(format!("order {} is not here", order["number"])),
            Some(known) if *known != wanted => {
                wrong.diverged.push(format!("order {}: {known:?} here, {wanted:?} there", order["number"]));
            }
            Some(_) => {}
        }
    }
    if there.len() < edits.orders as usize || ours.len() != there.len() {
        let (here, taken) = (ours.len(), edits.orders);
        wrong.lost.push(format!("{here} orders here, {} there, {taken} were taken", there.len()));
    }
    Ok(there.len())
}

fn by_key(rows: &[Value], key: &str, names: [&str; 3], side: &str, wrong: &mut Wrong) -> BTreeMap<String, Edited> {
    let mut found = BTreeMap::new();
    for row in rows {
        let edited = names.map(|name| match name.ends_with("price") {
            true => cents(&row[name]),
            false => text(&row[name]),
        });
        if found.insert(text(&row[key]), edited).is_some() {
            wrong.duplicated.push(format!("{} is {side} twice", text(&row[key])));
        }
    }
    found
}

fn cents(value: &Value) -> String {
    let price = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    price.map_or_else(String::new, |price| ((price * 100.0).round() as i64).to_string())
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
