//! Random edits of products, here through the command line and there through the shop's own API.
//!
//! An edit that meets a killed program may have happened or not: nothing is concluded from it but by comparing.

use serde_json::{Value, json};

use crate::{shop::Shop, stage::Stage};

/// Makes edits, and counts them.
#[derive(Default)]
pub(super) struct Edits {
    /// Records made so far, here and there: each has a SKU of its own.
    pub(super) made: u32,
    /// Edits that were taken.
    pub(super) taken: u32,
    /// Edits that met a program that was down.
    pub(super) refused: u32,
}

impl Edits {
    /// One edit, here or there.
    pub(super) fn make(&mut self, stage: &Stage, shop: Option<&Shop>, random: &mut fastrand::Rng) {
        let done = match shop {
            Some(shop) if random.bool() => self.there(shop, random),
            _ => self.here(stage, random),
        };
        match done {
            Ok(()) => self.taken += 1,
            Err(_) => self.refused += 1,
        }
    }

    fn here(&mut self, stage: &Stage, random: &mut fastrand::Rng) -> Result<(), String> {
        if random.u8(0..5) == 0 {
            self.made += 1;
            let values = json!({"name": word(random), "default_code": format!("OURS-{:05}", self.made),
                "list_price": price(random)});
            return stage.ask(&["record", "create", "product.template", &values.to_string()]).map(drop);
        }
        let found = stage.ask(&["record", "search", "product.template", "--fields", "name", "--limit", "100000"])?;
        let row = found["rows"].as_array().and_then(|rows| random.choice(rows));
        let Some(id) = row.and_then(|row| row["id"].as_i64()) else { return Ok(()) };
        let values = change(random, ["name", "list_price", "description"]);
        stage.ask(&["record", "write", "product.template", &id.to_string(), &values.to_string()]).map(drop)
    }

    fn there(&mut self, shop: &Shop, random: &mut fastrand::Rng) -> Result<(), String> {
        if random.u8(0..5) == 0 {
            self.made += 1;
            let value =
                json!({"title": word(random), "sku": format!("THEIRS-{:05}", self.made), "price": price(random)});
            return shop.control("add", &json!({"resource": "products", "value": value})).map(drop);
        }
        let Some(id) = random.choice(&shop.all("products")?).and_then(|product| product["id"].as_u64()) else {
            return Ok(());
        };
        let set = change(random, ["title", "price", "description"]);
        shop.control("edit", &json!({"resource": "products", "id": id, "set": set})).map(drop)
    }
}

fn change(random: &mut fastrand::Rng, [name, list_price, description]: [&str; 3]) -> Value {
    match random.u8(0..3) {
        0 => json!({name: word(random)}),
        1 => json!({list_price: price(random)}),
        _ => json!({name: word(random), description: word(random)}),
    }
}

fn word(random: &mut fastrand::Rng) -> String {
    format!("Thing {}", random.u32(..))
}

fn price(random: &mut fastrand::Rng) -> Value {
    json!(f64::from(random.u32(1..100_000)) / 100.0)
}
