//! Random edits of products and customers, here through the command line and there through the shop's own API; and orders
//! that come in there.
//!
//! An edit that meets a killed program may have happened or not: nothing is concluded from it but by comparing. What was
//! acknowledged must be there in the end.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{rule::Rules, side::Side};
use crate::{shop::Shop, stage::Stage};

/// Makes edits, and counts them.
pub(super) struct Edits {
    rules: Rules,
    /// Records made so far, here and there: each has a name of its own.
    made: u32,
    /// Edits that were taken.
    pub(super) taken: u32,
    /// Edits that met a program that was down.
    pub(super) refused: u32,
    /// Keys of records whose making was acknowledged and that nobody tried to delete.
    pub(super) kept: HashSet<String>,
    /// Keys of records whose deletion was tried.
    pub(super) doubtful: HashSet<String>,
    /// Deletions that were acknowledged.
    pub(super) deleted: u32,
    /// Orders that the shop took.
    pub(super) orders: u32,
}

/// What an edit did to whom.
enum Done {
    Made(String),
    Deleted,
    Changed,
    Ordered,
}

impl Edits {
    pub(super) fn new(rules: Rules) -> Self {
        let (kept, doubtful) = (HashSet::new(), HashSet::new());
        Self { rules, made: 0, taken: 0, refused: 0, kept, doubtful, deleted: 0, orders: 0 }
    }

    /// One edit, here or there.
    pub(super) fn make(&mut self, stage: &Stage, shop: Option<&Shop>, random: &mut fastrand::Rng) {
        let side = if random.u8(0..4) == 0 { &Side::CUSTOMERS } else { &Side::PRODUCTS };
        let done = match shop {
            Some(shop) if random.bool() => self.there(side, shop, random),
            _ => self.here(side, stage, random),
        };
        match done {
            Ok(done) => {
                self.taken += 1;
                match done {
                    Done::Made(key) => drop(self.kept.insert(key)),
                    Done::Deleted => self.deleted += 1,
                    Done::Ordered => self.orders += 1,
                    Done::Changed => {}
                }
            }
            Err(_) => self.refused += 1,
        }
    }

    fn here(&mut self, side: &Side, stage: &Stage, random: &mut fastrand::Rng) -> Result<Done, String> {
        if random.u8(0..5) == 0 {
            self.made += 1;
            let key = side.key("OURS", self.made);
            let mut values = change(side.ours, random);
            values[side.ours_key] = json!(key);
            values[side.ours[0]] = json!(word(random));
            stage.ask(&["record", "create", side.model, "--values", &values.to_string()])?;
            return Ok(Done::Made(key));
        }
        let fields = format!("{},{}", side.ours_key, side.ours[0]);
        let search = ["record", "search", side.model, side.domain, "--fields", &fields, "--limit", "100000"];
        let found = stage.ask(&search)?;
        let Some(row) = found["rows"].as_array().and_then(|rows| random.choice(rows)) else { return Ok(Done::Changed) };
        let (id, key) = (row["id"].to_string(), row[side.ours_key].as_str().unwrap_or_default().to_owned());
        if self.may_delete(&key, random) {
            stage.ask(&["record", "unlink", side.model, &id])?;
            return Ok(Done::Deleted);
        }
        let values = change(side.ours, random).to_string();
        stage.ask(&["record", "write", side.model, &id, "--values", &values]).map(|_| Done::Changed)
    }

    fn there(&mut self, side: &Side, shop: &Shop, random: &mut fastrand::Rng) -> Result<Done, String> {
        if random.u8(0..8) == 0 {
            self.made += 1;
            let value = order(self.made, random);
            shop.control("add", &json!({"resource": "orders", "value": value}))?;
            return Ok(Done::Ordered);
        }
        if random.u8(0..5) == 0 {
            self.made += 1;
            let key = side.key("THEIRS", self.made);
            let mut value = change(side.theirs, random);
            value[side.theirs_key] = json!(key);
            value[side.theirs[0]] = json!(word(random));
            if side.resource == "products" {
                value["price"] = price(random);
            }
            shop.control("add", &json!({"resource": side.resource, "value": value}))?;
            return Ok(Done::Made(key));
        }
        let all = shop.all(side.resource)?;
        let Some((one, id)) = random.choice(&all).and_then(|one| Some((one, one["id"].as_u64()?))) else {
            return Ok(Done::Changed);
        };
        let key = one[side.theirs_key].as_str().unwrap_or_default().to_owned();
        if self.may_delete(&key, random) {
            shop.control("delete", &json!({"resource": side.resource, "ids": [id]}))?;
            return Ok(Done::Deleted);
        }
        let set = change(side.theirs, random);
        shop.control("edit", &json!({"resource": side.resource, "id": id, "set": set})).map(|_| Done::Changed)
    }

    /// Whether a record is deleted: one that the run itself has made, which no order names. From the attempt on nothing is
    /// asked of it but that both sides agree.
    fn may_delete(&mut self, key: &str, random: &mut fastrand::Rng) -> bool {
        let deletes = self.rules.deletes && Side::is_made(key) && random.u8(0..4) == 0;
        if deletes {
            self.kept.remove(key);
            self.doubtful.insert(key.to_owned());
        }
        deletes
    }
}

/// New values of some fields: a name, a number or a second text, and a longer text.
fn change([name, second, text]: [&str; 3], random: &mut fastrand::Rng) -> Value {
    let second_value =
        if second.ends_with("price") { price(random) } else { json!(format!("+49 30 {}", random.u32(..))) };
    match random.u8(0..3) {
        0 => json!({name: word(random)}),
        1 => json!({second: second_value}),
        _ => json!({name: word(random), text: word(random)}),
    }
}

/// An order of customers and products that are there from the start.
fn order(number: u32, random: &mut fastrand::Rng) -> Value {
    let customer = random.u32(1..=5);
    let line = |at: u32, random: &mut fastrand::Rng| {
        json!({"id": 1_000_000 + number * 10 + at, "product_id": random.u32(1..=40), "title": word(random),
            "quantity": random.u32(1..9), "price": price(random), "discount": 0, "tax_ids": [1]})
    };
    let lines: Vec<Value> = (0..random.u32(1..4)).map(|at| line(at, random)).collect();
    json!({"number": format!("T{number:05}"), "state": "confirmed", "customer_id": customer, "currency": "EUR",
        "placed_at": "2026-11-24T10:00:00Z", "billing_address_id": customer * 10 + 1,
        "shipping_address_id": customer * 10 + 2, "note": word(random), "lines": lines})
}

fn word(random: &mut fastrand::Rng) -> String {
    format!("Thing {}", random.u32(..))
}

fn price(random: &mut fastrand::Rng) -> Value {
    json!(f64::from(random.u32(1..100_000)) / 100.0)
}
