//! What a shop insists on: required fields, defaults, totals; and how it writes amounts.

use serde::Serialize as _;
use serde_json::{Map, Value, json, ser::Formatter};

use crate::state::State;

/// A request that the shop refuses.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Invalid {
    pub(crate) fn new(field: &str, message: &str) -> Self {
        Self { field: field.to_owned(), message: message.to_owned() }
    }
}

pub(crate) fn object(value: Value) -> Result<Map<String, Value>, Invalid> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Invalid::new("", "an object is expected")),
    }
}

/// Checks a new item and fills in what the client left out.
pub(crate) fn complete_new(state: &mut State, resource: &str, fields: &mut Map<String, Value>) -> Result<(), Invalid> {
    let (required, defaults) = match resource {
        "products" => (
            &["title"][..],
            json!({"sku": null, "barcode": null, "description": "", "category_id": null, "category_name": null, "price": 0.0,
                "cost": 0.0, "currency": "EUR", "weight": 0.0, "volume": 0.0, "unit": "Units", "active": true,
                "tax_ids": [], "image": null, "options": [], "variants": [], "stock": 0}),
        ),
        "customers" => (
            &["name"][..],
            json!({"email": null, "phone": null, "company": null, "vat": null, "language": "en", "active": true,
                "addresses": [], "note": null}),
        ),
        "orders" => (
            &["customer_id", "lines"][..],
            json!({"number": format!("S{:05}", state.resource("orders").next_id()), "state": "draft", "currency": "EUR", "note": null}),
        ),
        "categories" => (&["name"][..], json!({"parent_id": null})),
        "stock" => (&["warehouse_id", "product_id", "quantity"][..], json!({"variant_id": null, "reserved": 0})),
        "invoices" => (&["customer_id", "lines"][..], json!({"type": "invoice", "state": "draft", "currency": "EUR"})),
        "payments" => {
            (&["customer_id", "amount"][..], json!({"invoice_id": null, "method": "transfer", "state": "draft"}))
        }
        _ => (&["name"][..], json!({})),
    };
    if let Some(missing) = required.iter().find(|name| fields.get(**name).is_none_or(Value::is_null)) {
        return Err(Invalid::new(missing, "is required"));
    }
    for (name, value) in object(defaults)? {
        fields.entry(name).or_insert(value);
    }
    complete_changed(state, resource, fields)
}

/// Checks an item after a change and computes its totals.
pub(crate) fn complete_changed(
    state: &mut State,
    resource: &str,
    fields: &mut Map<String, Value>,
) -> Result<(), Invalid> {
    let required = match resource {
        "products" => "title",
        "customers" => "name",
        _ => "id",
    };
    if fields.get(required).is_some_and(|value| value.is_null() || value.as_str().is_some_and(str::is_empty)) {
        return Err(Invalid::new(required, "must not be empty"));
    }
    if let Some(price) = fields.get("price")
        && !price.is_number()
    {
        return Err(Invalid::new("price", "must be a number"));
    }
    if matches!(resource, "orders" | "invoices") {
        total(state, fields)?;
    }
    Ok(())
}

fn cents(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_f64).map(|amount| (amount * 100.0).round() as i64)
}

fn amount(cents: i64) -> Value {
    json!(cents as f64 / 100.0)
}

fn total(state: &mut State, fields: &mut Map<String, Value>) -> Result<(), Invalid> {
    let Some(Value::Array(lines)) = fields.get_mut("lines") else {
        return Err(Invalid::new("lines", "must be a list"));
    };
    let (mut untaxed, mut tax) = (0, 0);
    for line in lines.iter_mut() {
        let line = line.as_object_mut().ok_or_else(|| Invalid::new("lines", "must be objects"))?;
        let product =
            line.get("product_id").and_then(Value::as_u64).and_then(|id| state.resource("products").value(id));
        if let Some(product) = product {
            for (name, from) in [("title", "title"), ("sku", "sku"), ("price", "price"), ("tax_ids", "tax_ids")] {
                line.entry(name).or_insert_with(|| product[from].clone());
            }
        }
        let quantity = line.entry("quantity").or_insert_with(|| json!(1)).as_f64().unwrap_or(0.0);
        let price = cents(line.get("price")).unwrap_or(0) as f64;
        let discount = line.get("discount").and_then(Value::as_f64).unwrap_or(0.0);
        let subtotal = (price * quantity * (1.0 - discount / 100.0)).round() as i64;
        let rates = line.get("tax_ids").and_then(Value::as_array).cloned().unwrap_or_default();
        for rate in rates.iter().filter_map(Value::as_u64) {
            let percent = state.resource("taxes").value(rate).and_then(|tax| tax["rate"].as_f64()).unwrap_or(0.0);
            tax += (subtotal as f64 * percent / 100.0).round() as i64;
        }
        untaxed += subtotal;
        line.insert("subtotal".to_owned(), amount(subtotal));
    }
    fields.insert("total_untaxed".to_owned(), amount(untaxed));
    fields.insert("total_tax".to_owned(), amount(tax));
    fields.insert("total".to_owned(), amount(untaxed + tax));
    Ok(())
}

/// A change that a person at the shop could have made.
pub(crate) fn touch(fields: &mut Map<String, Value>) {
    if let Some(price) = cents(fields.get("price")) {
        fields.insert("price".to_owned(), amount(price + 101));
    }
    for name in ["title", "name"] {
        if let Some(Value::String(text)) = fields.get_mut(name) {
            let revision = text.rsplit_once(" rev ").and_then(|(_, number)| number.parse::<u64>().ok()).unwrap_or(0);
            let base = text.rsplit_once(" rev ").map_or(text.as_str(), |(base, _)| base).to_owned();
            *text = format!("{base} rev {}", revision + 1);
            return;
        }
    }
    let note = format!("touched {}", fields.get("updated_at").and_then(Value::as_str).unwrap_or("once"));
    fields.insert("note".to_owned(), note.into());
}

/// The value as JSON, fractions with at least two decimals.
pub(crate) fn text(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(1024);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Amounts);
    value.serialize(&mut serializer).expect("a JSON value is always written");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct Amounts;

impl Formatter for Amounts {
    fn write_f64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        let text = format!("{value}");
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if text.contains('e') || decimals > 2 { write!(writer, "{text}") } else { write!(writer, "{value:.2}") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn amounts_keep_two_decimals_at_least() {
        assert_eq!(super::text(&json!([12.3, 1.0, 0.125, 7])), "[12.30,1.00,0.125,7]");
    }
}
