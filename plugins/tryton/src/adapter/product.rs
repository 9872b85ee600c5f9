//! A product of ours in the words of a template and its variants: codes, bar codes and costs stand on variants there, and
//! taxes on an accounting category.

use bindery_plugin::{
    prelude::*,
    serde_json::{Value, json},
};

use super::{
    ask,
    difference::{Object, id, is_same, known, lines_mut, value},
    explained,
};
use crate::{Tryton, wire};

/// What is compared of a template besides the fields that are wanted.
pub const COMPARED: &[&str] = &[
    "code",
    "default_uom",
    "sale_uom",
    "categories",
    "account_category.customer_taxes_used",
    "account_category.supplier_taxes_used",
    "products.code",
    "products.suffix_code",
    "products.description",
    "products.cost_price",
    "products.list_price_used",
    "products.identifiers.type",
    "products.identifiers.code",
];

/// The same of a variant on its own.
pub const VARIANT_COMPARED: &[&str] = &["code", "suffix_code", "template.code", "identifiers.type", "identifiers.code"];

/// Turns what is ours alone into Tryton's fields.
pub async fn fit(cx: &Context<Tryton>, current: &Object, wanted: &mut Object) -> Result<()> {
    if wanted.contains_key("template") || wanted.contains_key("full_code") {
        let mut code = value(current, "template")["code"].as_str().map(str::to_owned);
        if let (true, Some(template)) = (current.is_empty(), value(wanted, "template").as_u64()) {
            let template: Value =
                explained(ask(cx, &format!("product.template/{template}")).query("f", "code").await)?.json()?;
            code = template["code"].as_str().map(str::to_owned);
        }
        return variant(current, wanted, code.as_deref().unwrap_or_default());
    }
    if let Some(category) = wanted.remove("category") {
        categories(current, wanted, &category);
    }
    if let Some(taxes) = wanted.remove("taxed_by") {
        wanted.insert("account_category".to_owned(), accounts(cx, current, &taxes).await?);
    }
    if let Some(unit) = wanted.get("default_uom").cloned() {
        let sold_in = value(current, "sale_uom");
        if sold_in.is_null() || sold_in == value(current, "default_uom") {
            wanted.insert("sale_uom".to_owned(), unit);
        }
    }
    variants(current, wanted)
}

/// The variants, and what a product with a single one says itself.
fn variants(current: &Object, wanted: &mut Object) -> Result<()> {
    let there = value(current, "products").as_array().map(Vec::as_slice).unwrap_or_default();
    let single = wanted.remove("single");
    let mut all = value(wanted, "products").as_array().cloned();
    if let Some(Value::Object(single)) = single {
        let count = there.len().max(all.as_ref().map_or(0, Vec::len));
        if count > 1 {
            if let Some(code) = single.get("full_code").filter(|code| !code.is_null()) {
                wanted.insert("code".to_owned(), code.clone());
            }
        } else {
            let told = all.take().and_then(|mut all| all.pop());
            all = Some(vec![only(there.first(), told.unwrap_or_else(|| json!({})), single)]);
        }
    }
    let Some(mut all) = all else { return Ok(()) };
    if let ([there], [one]) = (there, all.as_mut_slice()) {
        // The only one is the same on both sides, whether it is bound yet or not.
        one["id"] = there["id"].clone();
    }
    let has_several = all.len() > 1;
    // A variant that we don't have, or not any more, is left alone: documents may name it.
    let kept: Vec<Value> = there.iter().filter(|there| all.iter().all(|one| id(one) != id(there))).cloned().collect();
    let code =
        wanted.get("code").or_else(|| current.get("code")).and_then(Value::as_str).unwrap_or_default().to_owned();
    wanted.insert("products".to_owned(), Value::Array(all));
    for one in lines_mut(wanted, "products") {
        let known = known(current, "products", one).and_then(Value::as_object).cloned().unwrap_or_default();
        if !has_several || is_same(value(&known, "list_price_used"), value(one, "list_price")) {
            // The price of a single variant is the template's.
            one.remove("list_price");
        }
        variant(&known, one, &code)?;
    }
    if let Some(all) = wanted.get_mut("products").and_then(Value::as_array_mut) {
        let is_new = |there: &Value, one: &Value| one.get("id").is_none() && one["suffix_code"] == there["suffix_code"];
        for there in kept.iter().filter(|there| !all.iter().any(|one| is_new(there, one))).collect::<Vec<_>>() {
            all.push(json!({"id": there["id"]}));
        }
    }
    Ok(())
}

/// The only variant with what its product says. What the product says as before is not what has changed.
fn only(there: Option<&Value>, mut told: Value, single: Object) -> Value {
    for (name, said) in single {
        let before = match (there, name.as_str()) {
            (None, _) if said.is_null() => continue,
            (None, _) => Value::Null,
            (Some(there), "full_code") => there["code"].clone(),
            (Some(there), "barcode") => barcode(there).map_or(Value::Null, |known| known["code"].clone()),
            (Some(there), name) => there[name].clone(),
        };
        if !is_same(&before, &said) {
            told[name] = said;
        }
    }
    told
}

/// A variant's code without that of its template, and its bar code as an identifier.
fn variant(current: &Object, wanted: &mut Object, template: &str) -> Result<()> {
    if let Some(code) = wanted.remove("full_code") {
        let suffix = match code.as_str() {
            None => Value::Null,
            Some(code) => json!(code.strip_prefix(template).ok_or_else(|| {
                Error::invalid(format!("the code {code:?} must begin with that of its template there, {template:?}"))
                    .field("default_code")
            })?),
        };
        wanted.insert("suffix_code".to_owned(), suffix);
    }
    let Some(code) = wanted.remove("barcode") else { return Ok(()) };
    let there = Value::Object(current.clone());
    let known = barcode(&there);
    if known.is_none_or(|known| known["code"] != code) && !(known.is_none() && code.is_null()) {
        let others = there["identifiers"].as_array().into_iter().flatten();
        let others = others.filter(|one| known.is_none_or(|known| id(known) != id(one)));
        let mut all: Vec<Value> = others.map(|one| json!({"id": one["id"]})).collect();
        if let Some(code) = code.as_str() {
            let mut line = json!({"type": code_type(code), "code": code});
            if let Some(known) = known {
                line["id"] = known["id"].clone();
            }
            all.push(line);
        }
        wanted.insert("identifiers".to_owned(), Value::Array(all));
    }
    Ok(())
}

/// The identifier that is the bar code here.
fn barcode(variant: &Value) -> Option<&Value> {
    let all = variant["identifiers"].as_array()?;
    let is_code = |one: &&Value| one["type"].as_str().is_some_and(|kind| matches!(kind, "ean" | "isbn" | "upc"));
    all.iter().find(is_code).or_else(|| all.first())
}

/// Tryton checks the digits of what it is told is an EAN.
fn code_type(code: &str) -> Option<&'static str> {
    let digits: Vec<u32> = code.chars().map(|digit| digit.to_digit(10)).collect::<Option<_>>()?;
    let weighed = |(at, digit): (usize, &u32)| if at % 2 == 0 { *digit } else { digit * 3 };
    let sum: u32 = digits.iter().rev().enumerate().map(weighed).sum();
    (matches!(digits.len(), 8 | 13) && sum.is_multiple_of(10)).then_some("ean")
}

/// Ours is the first of Tryton's categories.
fn categories(current: &Object, wanted: &mut Object, category: &Value) {
    let there: Vec<u64> = value(current, "categories").as_array().into_iter().flatten().filter_map(id).collect();
    if there.first().copied() != category.as_u64() {
        let others = there.into_iter().skip(1).filter(|other| Some(*other) != category.as_u64());
        let all: Vec<u64> = category.as_u64().into_iter().chain(others).collect();
        wanted.insert("categories".to_owned(), json!(all));
    }
}

#[derive(Deserialize)]
struct Taxes {
    #[serde(alias = "customer_taxes_used")]
    customer: Vec<u64>,
    #[serde(alias = "supplier_taxes_used")]
    supplier: Vec<u64>,
}

impl Taxes {
    fn sorted(mut self) -> (Vec<u64>, Vec<u64>) {
        self.customer.sort_unstable();
        self.supplier.sort_unstable();
        (self.customer, self.supplier)
    }
}

/// The accounting category with these taxes.
async fn accounts(cx: &Context<Tryton>, current: &Object, taxes: &Value) -> Result<Value> {
    let sets = |value: &Value| Taxes::deserialize(value).map(Taxes::sorted);
    let wanted = sets(taxes)?;
    let there = value(current, "account_category");
    if sets(there).is_ok_and(|known| known == wanted) {
        return Ok(there["id"].clone());
    }
    if wanted == Default::default() {
        return Ok(Value::Null);
    }
    let all = ask(cx, "product.category").query("f", "customer_taxes_used").query("f", "supplier_taxes_used");
    let all =
        all.query("d", wire::encoded(r#"[["accounting","=",true]]"#)).query("o", wire::encoded(r#"[["id","ASC"]]"#));
    let all: Vec<Value> = explained(all.await)?.json()?;
    let found = all.iter().find(|one| sets(one).is_ok_and(|known| known == wanted));
    found.map(|found| found["id"].clone()).ok_or_else(|| {
        Error::invalid("Tryton has no accounting category with these taxes")
            .field("taxes_id")
            .cure("make one there: Tryton's products have their taxes from it")
    })
}
