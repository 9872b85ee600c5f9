//! All that the shop holds, and the changes to it. It knows neither HTTP nor faults.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::{
    clock::{Clock, rfc3339},
    collection::Collection,
    keep::{Change, Keep},
    rule::{self, Invalid},
    seed::{self, Options},
};

/// Names of all resources.
pub(crate) const RESOURCES: [&str; 9] =
    ["products", "categories", "taxes", "customers", "orders", "warehouses", "stock", "invoices", "payments"];

/// An answer to a keyed POST, given again when it is repeated.
#[derive(Clone)]
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    pub(crate) text: String,
}

/// The shop's contents.
pub(crate) struct State {
    resources: BTreeMap<&'static str, Collection>,
    pub(crate) clock: Clock,
    pub(crate) answered: HashMap<(String, String), Answered>,
    nested: u64,
    keep: Option<Keep>,
}

impl State {
    pub(crate) fn new(options: &Options) -> Self {
        let resources = RESOURCES.iter().map(|name| (*name, Collection::default())).collect();
        let mut state =
            Self { resources, clock: Clock::new(), answered: HashMap::new(), nested: 900_000_000, keep: None };
        seed::fill(&mut state, options);
        if let Some(path) = &options.keep {
            let (keep, changes) = Keep::open(path);
            changes.into_iter().for_each(|change| state.again(change));
            state.keep = Some(keep);
        }
        state
    }

    /// Makes a change that was made before.
    fn again(&mut self, change: Change) {
        match change {
            Change::Put { resource, id, updated, text } => {
                self.clock.advance_to(updated);
                self.resource(&resource).put(id, updated, text);
            }
            Change::Removed { resource, id } => drop(self.resource(&resource).remove(id)),
            Change::Answered { resource, key, body, text } => {
                self.answered.insert((resource, key), Answered { body: body.into_bytes(), text });
            }
            Change::Nested { last } => self.nested = last,
        }
    }

    fn note(&mut self, change: impl FnOnce() -> Change) {
        if let Some(keep) = &mut self.keep {
            keep.note(&change());
        }
    }

    /// Writes all changes to the shop's file, where it has one: before they are answered.
    pub(crate) fn write(&mut self) {
        if let Some(keep) = &mut self.keep {
            keep.write();
        }
    }

    /// Removes an item; whether there was one.
    pub(crate) fn remove(&mut self, resource: &str, id: u64) -> bool {
        self.note(|| Change::Removed { resource: resource.to_owned(), id });
        self.resource(resource).remove(id)
    }

    /// Remembers the answer to a keyed request.
    pub(crate) fn answered(&mut self, (resource, key): (String, String), answer: Answered) {
        self.note(|| Change::Answered {
            resource: resource.clone(),
            key: key.clone(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
            text: answer.text.clone(),
        });
        self.answered.insert((resource, key), answer);
    }

    fn put(&mut self, resource: &str, id: u64, updated: i64, text: &str) {
        self.note(|| Change::Put { resource: resource.to_owned(), id, updated, text: text.to_owned() });
        self.resource(resource).put(id, updated, text);
    }

    pub(crate) fn find(&self, resource: &str) -> Option<&Collection> {
        self.resources.get(resource)
    }

    /// A resource named in code.
    pub(crate) fn resource(&mut self, name: &str) -> &mut Collection {
        self.resources.get_mut(name).unwrap_or_else(|| panic!("the shop has no resource `{name}`"))
    }

    /// Creates an item, and answers its text.
    pub(crate) fn create(&mut self, resource: &str, value: Value) -> Result<(u64, String), Invalid> {
        let mut fields = rule::object(value)?;
        rule::complete_new(self, resource, &mut fields)?;
        let id = self.resource(resource).next_id();
        let now = rfc3339(self.clock.now());
        fields.insert("id".to_owned(), id.into());
        fields.entry("created_at").or_insert_with(|| now.into());
        self.number_nested(&mut fields);
        Ok((id, self.store(resource, id, fields)))
    }

    /// Changes fields of an item, and answers its text; none without such an item.
    pub(crate) fn update(&mut self, resource: &str, id: u64, value: Value) -> Result<Option<String>, Invalid> {
        let changes = rule::object(value)?;
        let Some(Value::Object(mut fields)) = self.resource(resource).value(id) else { return Ok(None) };
        for (name, value) in changes {
            if name != "id" {
                fields.insert(name, value);
            }
        }
        rule::complete_changed(self, resource, &mut fields)?;
        self.number_nested(&mut fields);
        let text = self.store(resource, id, fields);
        if resource == "stock" {
            self.restock(id);
        }
        Ok(Some(text))
    }

    /// Stores a text as it is, valid or not.
    pub(crate) fn put_raw(&mut self, resource: &str, id: u64, text: &str) {
        let updated = self.clock.tick();
        self.put(resource, id, updated, text);
    }

    /// Makes `count` items look changed, spread over the resource, and answers their ids.
    pub(crate) fn touch(&mut self, resource: &str, count: usize) -> Vec<u64> {
        let ids = self.resource(resource).ids();
        let step = (ids.len() / count.max(1)).max(1);
        let touched: Vec<u64> = ids.into_iter().step_by(step).take(count).collect();
        for id in &touched {
            let Some(Value::Object(mut fields)) = self.resource(resource).value(*id) else { continue };
            rule::touch(&mut fields);
            self.store(resource, *id, fields);
        }
        touched
    }

    fn store(&mut self, resource: &str, id: u64, mut fields: Map<String, Value>) -> String {
        let updated = self.clock.tick();
        fields.insert("updated_at".to_owned(), rfc3339(updated).into());
        let text = rule::text(&Value::Object(fields));
        self.put(resource, id, updated, &text);
        text
    }

    /// Gives ids to new lines, notes, addresses and variants.
    fn number_nested(&mut self, fields: &mut Map<String, Value>) {
        for list in ["lines", "notes", "addresses", "variants"] {
            let Some(Value::Array(children)) = fields.get_mut(list) else { continue };
            for child in children.iter_mut().filter_map(Value::as_object_mut) {
                if !child.contains_key("id") {
                    self.nested += 1;
                    child.insert("id".to_owned(), self.nested.into());
                }
            }
        }
        let last = self.nested;
        self.note(|| Change::Nested { last });
    }

    /// Brings the stock shown on the product in line with the stock rows.
    fn restock(&mut self, stock: u64) {
        let Some(row) = self.resource("stock").value(stock) else { return };
        let Some(product) = row["product_id"].as_u64() else { return };
        let mut by_variant: HashMap<u64, i64> = HashMap::new();
        let mut total = 0;
        for (_, item) in self.resource("stock").after(0) {
            let Ok(row) = serde_json::from_str::<Value>(&item.text) else { continue };
            if row["product_id"].as_u64() == Some(product) {
                let quantity = row["quantity"].as_i64().unwrap_or(0);
                total += quantity;
                *by_variant.entry(row["variant_id"].as_u64().unwrap_or(0)).or_default() += quantity;
            }
        }
        let Some(Value::Object(mut fields)) = self.resource("products").value(product) else { return };
        fields.insert("stock".to_owned(), total.into());
        if let Some(Value::Array(variants)) = fields.get_mut("variants") {
            for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
                let quantity = variant.get("id").and_then(Value::as_u64).and_then(|id| by_variant.get(&id));
                variant.insert("stock".to_owned(), quantity.copied().unwrap_or(0).into());
            }
        }
        self.store("products", product, fields);
    }
}
