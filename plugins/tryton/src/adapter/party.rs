//! A partner of ours in the words of a party: ways to reach it are mechanisms, its tax number is an identifier.

use bindery_plugin::{
    prelude::*,
    serde_json::{Value, json},
};

use super::difference::{Object, id, known, lines_mut, value};

/// What is compared besides the fields that are wanted.
pub const COMPARED: &[&str] = &[
    "addresses.street",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
    "contact_mechanisms.name",
    "tax_identifier.code",
    "identifiers.type",
    "identifiers.code",
];

/// Countries whose tax numbers Tryton knows as those of the European Union.
const UNION: &str = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI";

/// Turns `ways` and `vat` into lines, and leaves alone what only looks different.
pub fn fit(current: &Object, wanted: &mut Object) -> Result<()> {
    ways(current, wanted);
    if let Some(vat) = wanted.remove("vat") {
        identifiers(current, wanted, &vat)?;
    }
    for address in lines_mut(wanted, "addresses") {
        let Some(known) = known(current, "addresses", address) else { continue };
        let in_two = |street: &Value| in_two(street.as_str().unwrap_or_default());
        if in_two(&known["street"]) == in_two(value(address, "street")) {
            address.remove("street");
        }
    }
    Ok(())
}

/// A street as our two lines have it.
fn in_two(street: &str) -> (String, String) {
    let (first, rest) = street.split_once('\n').unwrap_or((street, ""));
    (first.trim().to_owned(), rest.trim().replace('\n', ", "))
}

/// The partner's own e-mail address, telephone number and so on are the first mechanisms of their types.
fn ways(current: &Object, wanted: &mut Object) {
    let own = wanted.remove("ways");
    for way in lines_mut(wanted, "contact_mechanisms") {
        let Some(known) = known(current, "contact_mechanisms", way) else { continue };
        // Fax numbers are telephone numbers here, and what has no name of its own is called by its value.
        if value(way, "type") == "phone" && known["type"] == "fax" {
            way.remove("type");
        }
        if *value(way, "name") == known["value"] && known["name"].as_str().is_none_or(str::is_empty) {
            way.remove("name");
        }
    }
    let Some(Value::Object(own)) = own else { return };
    let told = wanted.contains_key("contact_mechanisms");
    let known: Vec<Value> = current.get("contact_mechanisms").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all: Vec<Value> = match wanted.get("contact_mechanisms").and_then(Value::as_array) {
        Some(all) => all.clone(),
        None => known.iter().map(|way| json!({"id": way["id"], "type": way["type"], "value": way["value"]})).collect(),
    };
    for (kind, value) in &own {
        let first = known.iter().find(|way| way["type"] == **kind);
        let is_here = |way: &Value| {
            known.iter().chain([way]).any(|one| id(one) == id(way) && one["type"] == **kind) && way["value"] == *value
        };
        let is_old = told && first.is_some_and(|first| first["value"] == *value);
        if all.iter().any(is_here) || is_old {
            continue;
        }
        let at = first.and_then(|first| all.iter().position(|way| id(way) == id(first)));
        match (value.is_null(), at) {
            (true, Some(at)) if !told => drop(all.remove(at)),
            (true, _) => {}
            (false, Some(at)) => all[at]["value"] = value.clone(),
            (false, None) => all.insert(0, json!({"type": kind, "value": value})),
        }
    }
    wanted.insert("contact_mechanisms".to_owned(), Value::Array(all));
}

/// The tax number is an identifier of a type that Tryton takes for one.
fn identifiers(current: &Object, wanted: &mut Object, vat: &Value) -> Result<()> {
    let known = current.get("tax_identifier").filter(|known| !known.is_null());
    let others = current.get("identifiers").and_then(Value::as_array).into_iter().flatten();
    let mut all: Vec<Value> = others
        .filter(|one| known.is_none_or(|known| id(known) != id(one)))
        .map(|one| json!({"id": one["id"]}))
        .collect();
    match (vat.as_str(), known) {
        (None, None) => return Ok(()),
        (None, Some(_)) => {}
        (Some(vat), Some(known)) => all.push(json!({"id": known["id"], "code": vat})),
        (Some(vat), None) => all.push(json!({"type": vat_type(vat)?, "code": vat})),
    }
    wanted.insert("identifiers".to_owned(), Value::Array(all));
    Ok(())
}

fn vat_type(vat: &str) -> Result<String> {
    let country: String = vat.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase();
    match country.len() {
        2 if UNION.split(' ').any(|known| known == country) => Ok("eu_vat".to_owned()),
        2 => Ok(format!("{}_vat", country.to_ascii_lowercase())),
        _ => Err(Error::invalid(format!("the tax number {vat:?} doesn't begin with the code of its country"))
            .field("vat")
            .cure("write it with the country's code, like BE0403170701")),
    }
}
