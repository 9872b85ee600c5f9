//! A change of settings: what was asked for, held against the schemas, with one problem for each setting at fault.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Backend,
    business::SCHEMA as OWN,
    schema::{Problem, Property, Schema},
};
use crate::{
    base::{Secret, name::nearest},
    egress::Grant,
};

/// Settings to change; what is not named stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Values; null goes back to the default.
    pub values: Map<String, Value>,
    /// Values as texts, read by the type of the setting.
    pub texts: Vec<(String, String)>,
    /// Secrets; `None` removes one.
    pub secrets: Vec<(String, Option<Secret>)>,
}

impl Change {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.texts.is_empty() && self.secrets.is_empty()
    }
}

/// A backend to be added.
#[derive(Debug, Clone, Default)]
pub struct New {
    /// Its name.
    pub name: String,
    /// Its type.
    pub backend_type: String,
    /// Whether its jobs run at once.
    pub enabled: bool,
    /// Its settings.
    pub change: Change,
}

/// What a change comes to.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) settings: Map<String, Value>,
    pub(super) business: Map<String, Value>,
    /// Secrets to seal, or to remove.
    pub(super) secrets: BTreeMap<String, Option<Secret>>,
    /// Settings that name one of our records: setting, model, id.
    pub(super) records: Vec<(String, String, i64)>,
}

/// Holds a change against the connector's schema and the host's own. `before` is what stands.
pub(super) fn resolve(connector: &Schema, before: Option<&Backend>, change: Change) -> Result<Resolved, Vec<Problem>> {
    let mut draft = Draft {
        connector,
        settings: before.map(|backend| backend.settings.clone()).unwrap_or_default(),
        business: before.map(|backend| backend.business_values.clone()).unwrap_or_default(),
        problems: Vec::new(),
    };
    // What an older build of the connector knew and this one doesn't is let go with the first change.
    draft.settings.retain(|name, _| connector.property(name).is_some());
    for (name, text) in change.texts {
        if let Some(property) = draft.plain(&name) {
            match property.coerce(&text) {
                Ok(value) => draft.put(name, value),
                Err(problem) => draft.problems.push((name, problem)),
            }
        }
    }
    for (name, value) in change.values {
        if draft.plain(&name).is_some() {
            draft.put(name, value);
        }
    }
    let secrets = draft.secrets(change.secrets);
    draft.check(before, secrets)
}

struct Draft<'a> {
    connector: &'a Schema,
    settings: Map<String, Value>,
    business: Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Draft<'a> {
    /// The setting of a name, unless it is unknown or a secret.
    fn plain(&mut self, name: &str) -> Option<&'a Property> {
        let connector = self.connector;
        let Some(property) = connector.property(name).or_else(|| OWN.property(name)) else {
            self.problems.push((name.to_owned(), self.unknown(name)));
            return None;
        };
        if property.secret {
            let problem = format!("is a secret: give it with --secret {name}=@FILE or --secret {name}=-");
            self.problems.push((name.to_owned(), problem));
            return None;
        }
        Some(property)
    }

    fn put(&mut self, name: String, value: Value) {
        let own = self.connector.property(&name).is_none();
        let values = if own { &mut self.business } else { &mut self.settings };
        if value.is_null() {
            values.remove(&name);
        } else {
            values.insert(name, value);
        }
    }

    fn unknown(&self, name: &str) -> String {
        let known = || self.connector.names().chain(OWN.names());
        match nearest(name, known()) {
            Some(nearest) => format!("is unknown; did you mean {nearest}?"),
            None => format!("is unknown; known are {}", known().collect::<Vec<_>>().join(", ")),
        }
    }

    fn secrets(&mut self, asked: Vec<(String, Option<Secret>)>) -> BTreeMap<String, Option<Secret>> {
        let mut secrets = BTreeMap::new();
        for (name, secret) in asked {
            match self.connector.property(&name) {
                Some(property) if property.secret => {
                    secrets.insert(name, secret);
                }
                Some(_) => {
                    let problem = format!("is no secret: give it with --set {name}=…");
                    self.problems.push((name, problem));
                }
                None => self.problems.push((name.clone(), self.unknown(&name))),
            }
        }
        secrets
    }

    fn check(
        mut self,
        before: Option<&Backend>,
        secrets: BTreeMap<String, Option<Secret>>,
    ) -> Result<Resolved, Vec<Problem>> {
        let mut whole = self.settings.clone();
        for (name, secret) in &secrets {
            if let (Some(secret), Some(property)) = (secret, self.connector.property(name)) {
                whole.insert(name.clone(), property.read_secret(secret.expose()));
            }
        }
        let set = before.into_iter().flat_map(|backend| backend.secrets.keys());
        let sealed: Vec<String> = set.filter(|name| !secrets.contains_key(*name)).cloned().collect();
        let named: Vec<String> = self.problems.iter().map(|(name, _)| name.clone()).collect();
        let found = self.connector.problems(&whole, &sealed).into_iter().chain(OWN.problems(&self.business, &[]));
        // A setting whose value could not be read is not also called missing.
        self.problems.extend(found.filter(|(name, _)| !named.contains(name)));
        for (name, url) in hosts(self.connector, &self.settings) {
            if let Err(bad) = Grant::new(0, "").allow_url(&url) {
                self.problems.push((name, bad.to_string()));
            }
        }
        if !self.problems.is_empty() {
            self.problems.sort();
            return Err(self.problems);
        }
        let mut records = records(self.connector, &self.settings);
        records.extend(self::records(&OWN, &self.business));
        Ok(Resolved { settings: self.settings, business: self.business, secrets, records })
    }
}

/// The URLs in settings that are marked as hosts: setting and URL.
pub(super) fn hosts(schema: &Schema, settings: &Map<String, Value>) -> Vec<(String, String)> {
    let filled = schema.with_defaults(settings);
    let marked = schema.properties().filter(|(_, property)| property.host && !property.secret);
    let mut found = Vec::new();
    for (name, value) in marked.filter_map(|(name, _)| Some((name, filled.get(name)?))) {
        let urls = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        found.extend(urls.iter().filter_map(Value::as_str).map(|url| (name.to_owned(), url.to_owned())));
    }
    found
}

fn records(schema: &Schema, values: &Map<String, Value>) -> Vec<(String, String, i64)> {
    let marked = schema.properties().filter_map(|(name, property)| Some((name, property.record.as_ref()?)));
    marked.filter_map(|(name, model)| Some((name.to_owned(), model.clone(), values.get(name)?.as_i64()?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn connector() -> Schema {
        Schema::new(&json!({"type": "object", "required": ["api_url", "api_key"], "properties": {
            "api_url": {"type": "string", "host": true},
            "api_key": {"type": "string", "secret": true},
            "page_size": {"type": "integer", "default": 100},
        }}))
        .expect("well formed")
    }

    fn change(texts: &[(&str, &str)], secrets: &[(&str, &str)]) -> Change {
        Change {
            texts: texts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            secrets: secrets.iter().map(|(k, v)| ((*k).to_owned(), Some(Secret::new(*v)))).collect(),
            ..Change::default()
        }
    }

    fn problems(change: Change) -> Vec<Problem> {
        resolve(&connector(), None, change).expect_err("refused")
    }

    #[test]
    fn settings_of_both_sides_are_told_apart() {
        let change = change(&[("api_url", "http://x"), ("page_size", "5"), ("warehouse", "3")], &[("api_key", "k")]);
        let resolved = resolve(&connector(), None, change).expect("fine");
        assert_eq!(Value::Object(resolved.settings), json!({"api_url": "http://x", "page_size": 5}));
        assert_eq!(Value::Object(resolved.business), json!({"warehouse": 3}));
        assert_eq!(resolved.records, [("warehouse".to_owned(), "stock.warehouse".to_owned(), 3)]);
        assert_eq!(resolved.secrets.len(), 1);
    }

    #[test]
    fn each_setting_at_fault_is_named_once() {
        let found = problems(change(
            &[("api_urk", "x"), ("page_size", "many"), ("api_key", "plain"), ("remote_deletion", "explode")],
            &[("page_size", "1"), ("nothing", "x")],
        ));
        let text = found.iter().map(|(name, problem)| format!("{name} {problem}\n")).collect::<String>();
        for expected in [
            "api_urk is unknown; did you mean api_url?",
            "page_size must be integer",
            "page_size is no secret",
            "api_key is a secret: give it with --secret",
            "api_url is required",
            "remote_deletion \"explode\" is not one of",
            "nothing is unknown; known are api_key",
        ] {
            assert!(text.contains(expected), "{expected} not in\n{text}");
        }
        assert!(!text.contains("plain"), "a secret given in the wrong place is not repeated");
    }

    #[test]
    fn a_host_must_be_a_url() {
        let found = problems(change(&[("api_url", "shop.example.org")], &[("api_key", "k")]));
        assert_eq!(found[0].0, "api_url");
    }

    #[test]
    fn null_goes_back_to_the_default() {
        let mut change = change(&[("api_url", "http://x"), ("page_size", "5")], &[("api_key", "k")]);
        change.values.insert("page_size".to_owned(), Value::Null);
        let resolved = resolve(&connector(), None, change).expect("fine");
        assert!(!resolved.settings.contains_key("page_size"));
    }
}
