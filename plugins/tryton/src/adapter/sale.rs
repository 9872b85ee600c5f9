//! An order of ours in the words of a sale, and the buttons that lead it from state to state.

use bindery_plugin::{
    prelude::*,
    serde_json::{Value, json},
};

use super::{
    ask,
    difference::{Object, is_same, known, lines_mut, value},
    explained,
    write::refused,
};
use crate::{Tryton, wire};

/// The kind of sales.
pub const KIND: &str = "tryton.sale";

/// What is compared besides the fields that are wanted.
pub const COMPARED: &[&str] = &[
    "state",
    "invoice_address",
    "shipment_address",
    "lines.product.name",
    "lines.type",
    "lines.description",
    "lines.sequence",
];

/// What Tryton lets be changed in every state.
const ALWAYS: &[&str] = &["reference", "comment"];

/// The state that is wanted; absent: as it is.
#[derive(Default)]
pub struct Wish(Option<String>);

impl Wish {
    /// Takes it out of a body.
    pub fn take(wanted: &mut Object) -> Self {
        Self(wanted.remove("state").and_then(|state| state.as_str().map(str::to_owned)))
    }
}

/// Adds what Tryton's form fills in: the company, addresses, units.
pub async fn fit(cx: &Context<Tryton>, current: &Object, wanted: &mut Object) -> Result<()> {
    let is_new = current.is_empty();
    if is_new {
        wanted.insert("company".to_owned(), cx.settings().company.into());
    }
    // Tryton quotes nothing without one: ours without one leaves it to theirs.
    if value(wanted, "warehouse").is_null() {
        wanted.remove("warehouse");
    }
    let party = value(wanted, "party").as_u64();
    for (name, flag) in [("invoice_address", "invoice"), ("shipment_address", "delivery")] {
        if wanted.get(name).is_some_and(Value::is_null) {
            wanted.remove(name);
            if let (Some(party), true) = (party, is_new || value(current, name).is_null()) {
                wanted.insert(name.to_owned(), address(cx, party, flag).await?);
            }
        }
    }
    for line in lines_mut(wanted, "lines") {
        let known = known(current, "lines", line);
        if let Some(known) = known {
            leave_alone(known, line);
        }
        let unit = value(line, "unit");
        if let (Some(product), true) = (value(line, "product").as_u64(), unit.is_null()) {
            let product: Value =
                explained(ask(cx, &format!("product.product/{product}")).query("f", "default_uom").await)?.json()?;
            line.insert("unit".to_owned(), product["default_uom"].clone());
        }
    }
    Ok(())
}

/// What only looks different: a description that is the product's name, a sequence that nobody gave.
fn leave_alone(known: &Value, line: &mut Object) {
    if is_same(&known["description"], &Value::Null) && *value(line, "description") == known["product"]["name"] {
        line.remove("description");
    }
    if known["sequence"].is_null() && *value(line, "sequence") == json!(10) {
        line.remove("sequence");
    }
    if known["type"] == "subtotal" && value(line, "type") == "title" {
        line.remove("type");
    }
}

/// The address of a party that Tryton's form would take.
async fn address(cx: &Context<Tryton>, party: u64, flag: &str) -> Result<Value> {
    let domain = wire::encoded(&json!([["party", "=", party], ["active", "=", true]]).to_string());
    let all =
        ask(cx, "party.address").query("f", flag).query("d", domain).query("o", wire::encoded(r#"[["id","ASC"]]"#));
    let all: Vec<Value> = explained(all.await)?.json()?;
    let is_flagged = |one: &&Value| is_same(&one[flag], &json!(true)) && !one[flag].is_null();
    Ok(all.iter().find(is_flagged).or_else(|| all.first()).map_or(Value::Null, |one| one["id"].clone()))
}

/// Writes what differs, in the state in which Tryton lets it be written, and then presses what leads on.
pub async fn change(cx: &Context<Tryton>, id: u64, written: &Object, wish: &Wish) -> Result<()> {
    let mut wish = Wish(wish.0.clone());
    if !written.is_empty() {
        let is_free = written.keys().all(|name| ALWAYS.contains(&name.as_str()));
        if !is_free && state(cx, id).await? == "quotation" {
            press(cx, id, "draft", "draft").await?;
            wish.0.get_or_insert_with(|| "quotation".to_owned());
        }
        refused(cx.put(format!("/rest/model/sale.sale/{id}"), written).query("f", "id").error_at("/message").await)?;
    }
    advance(cx, id, &wish).await
}

/// Presses the buttons that lead to the wanted state.
pub async fn advance(cx: &Context<Tryton>, id: u64, wish: &Wish) -> Result<()> {
    let Some(wish) = wish.0.as_deref() else { return Ok(()) };
    // Three steps lead everywhere.
    for _ in 0..3 {
        let now = state(cx, id).await?;
        let (button, reached) = match (now.as_str(), wish) {
            (now, wish) if now == wish => return Ok(()),
            // It went on by itself.
            ("processing" | "done", "confirmed") => return Ok(()),
            ("draft" | "quotation", "cancelled") => ("cancel", "cancelled"),
            ("draft", _) => ("quote", "quotation"),
            ("quotation", "confirmed") => ("confirm", "confirmed"),
            ("quotation" | "cancelled", _) => ("draft", "draft"),
            // Tryton says why not.
            (_, "cancelled") => ("cancel", "cancelled"),
            _ => ("draft", "draft"),
        };
        press(cx, id, button, reached).await?;
    }
    Ok(())
}

/// Presses a button. Tryton may do so and report an error of its second try: what counts is the state.
async fn press(cx: &Context<Tryton>, id: u64, button: &str, reached: &str) -> Result<()> {
    let pressed = cx.post(format!("/rest/model/sale.sale/{id}/{button}"), &json!({})).error_at("/message").await;
    let Err(error) = refused(pressed) else { return Ok(()) };
    let now = state(cx, id).await?;
    let is_there = now == reached || (reached == "confirmed" && matches!(now.as_str(), "processing" | "done"));
    if is_there { Ok(()) } else { Err(error) }
}

async fn state(cx: &Context<Tryton>, id: u64) -> Result<String> {
    let sale = explained(ask(cx, &format!("sale.sale/{id}")).query("f", "state").await)?.source()?;
    sale.text("/state")?.required("/state")
}
