//! A change of settings: what was asked for, held against the schemas, with one problem for each setting at fault.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::{
    Backend,
    business::{KIND_SCHEMA, SCHEMA as OWN},
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
    /// The kind that the rest is for; absent: the backend as a whole.
    pub kind: Option<String>,
    /// The plugin that the rest is for, where it is one that extends the connector.
    pub extension: Option<String>,
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
        own: &OWN,
        settings: before.map(|backend| backend.settings.clone()).unwrap_or_default(),
        business: before.map(|backend| backend.business_values.clone()).unwrap_or_default(),
        problems: Vec::new(),
    };
    // What an older build of the connector knew and this one doesn't is let go with the first change.
    draft.settings.retain(|name, _| connector.property(name).is_some());
    let secrets = draft.take(change);
    let set = before.into_iter().flat_map(|backend| backend.secrets.keys().cloned());
    draft.check(set.collect(), secrets)
}

/// Holds a change of what is set for a plugin that extends the connector against that plugin's schema.
pub(super) fn resolve_extension(
    plugin: &str,
    schema: &Schema,
    before: &Backend,
    change: Change,
) -> Result<Resolved, Vec<Problem>> {
    let mut extensions = before.business.extensions.clone();
    let mut draft = Draft {
        connector: schema,
        own: &NOTHING,
        settings: extensions.remove(plugin).unwrap_or_default(),
        business: Map::new(),
        problems: Vec::new(),
    };
    draft.settings.retain(|name, _| schema.property(name).is_some());
    let secrets = draft.take(change);
    let set = before.secrets.keys().filter_map(|name| name.strip_prefix(&secret_name(plugin, "")).map(str::to_owned));
    let resolved = draft.check(set.collect(), secrets)?;
    if !resolved.settings.is_empty() {
        extensions.insert(plugin.to_owned(), resolved.settings);
    }
    let mut business = before.business_values.clone();
    match extensions.is_empty() {
        true => drop(business.remove("extensions")),
        false => drop(business.insert("extensions".to_owned(), json!(extensions))),
    }
    let secrets = resolved.secrets.into_iter().map(|(name, secret)| (secret_name(plugin, &name), secret));
    Ok(Resolved { settings: before.settings.clone(), business, secrets: secrets.collect(), records: resolved.records })
}

/// Under which name a backend keeps the secret of a plugin that extends its connector.
pub(super) fn secret_name(plugin: &str, field: &str) -> String {
    format!("{plugin}:{field}")
}

impl Resolved {
    /// Only the host's own settings change.
    pub(super) fn of_business(before: &Backend, business: Map<String, Value>) -> Self {
        Self { settings: before.settings.clone(), business, secrets: BTreeMap::new(), records: Vec::new() }
    }
}

/// Holds a change of what is wanted otherwise for one kind against its schema.
pub(super) fn resolve_kind(
    kind: &str,
    business: &Map<String, Value>,
    change: Change,
) -> Result<Map<String, Value>, Vec<Problem>> {
    let mut business = business.clone();
    let mut kinds = business.get("kinds").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut policy = kinds.get(kind).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut problems = Vec::new();
    let known = || KIND_SCHEMA.names().collect::<Vec<_>>().join(", ");
    let texts = change.texts.into_iter().map(|(name, text)| match KIND_SCHEMA.property(&name) {
        Some(property) => (name, property.coerce(&text)),
        None => (name, Ok(Value::String(text))),
    });
    let secrets = change.secrets.into_iter().map(|(name, _)| (name, Err("is no secret of a kind".to_owned())));
    for (name, value) in texts.chain(change.values.into_iter().map(|(name, value)| (name, Ok(value)))).chain(secrets) {
        match value {
            _ if KIND_SCHEMA.property(&name).is_none() => {
                problems.push((name, format!("can't be set for a kind; {} can", known())));
            }
            Err(problem) => problems.push((name, problem)),
            Ok(Value::Null) => drop(policy.remove(&name)),
            Ok(value) => drop(policy.insert(name, value)),
        }
    }
    problems.extend(KIND_SCHEMA.problems(&policy, &[]));
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    kinds.insert(kind.to_owned(), Value::Object(policy));
    kinds.retain(|_, policy| policy.as_object().is_some_and(|policy| !policy.is_empty()));
    match kinds.is_empty() {
        true => drop(business.remove("kinds")),
        false => drop(business.insert("kinds".to_owned(), Value::Object(kinds))),
    }
    Ok(business)
}

/// A plugin that extends has no settings of the host.
static NOTHING: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(&Value::Null).expect("a schema that says nothing is well formed"));

struct Draft<'a> {
    connector: &'a Schema,
    own: &'a Schema,
    settings: Map<String, Value>,
    business: Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Draft<'a> {
    /// Takes what is asked for; answers the secrets.
    fn take(&mut self, change: Change) -> BTreeMap<String, Option<Secret>> {
        for (name, text) in change.texts {
            if let Some(property) = self.plain(&name) {
                match property.coerce(&text) {
                    Ok(value) => self.put(name, value),
                    Err(problem) => self.problems.push((name, problem)),
                }
            }
        }
        for (name, value) in change.values {
            if self.plain(&name).is_some() {
                self.put(name, value);
            }
        }
        self.secrets(change.secrets)
    }

    /// The setting of a name, unless it is unknown or a secret.
    fn plain(&mut self, name: &str) -> Option<&'a Property> {
        let (connector, own) = (self.connector, self.own);
        let Some(property) = connector.property(name).or_else(|| own.property(name)) else {
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
        let known = || self.connector.names().chain(self.own.names());
        match nearest(name, known()) {
            Some(nearest) => format!("is unknown; did you mean {nearest}?"),
            None if known().next().is_none() => "is unknown; nothing can be set".to_owned(),
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

    fn check(mut self, set: Vec<String>, secrets: BTreeMap<String, Option<Secret>>) -> Result<Resolved, Vec<Problem>> {
        let mut whole = self.settings.clone();
        for (name, secret) in &secrets {
            if let (Some(secret), Some(property)) = (secret, self.connector.property(name)) {
                whole.insert(name.clone(), property.read_secret(secret.expose()));
            }
        }
        let sealed: Vec<String> = set.into_iter().filter(|name| !secrets.contains_key(name)).collect();
        let named: Vec<String> = self.problems.iter().map(|(name, _)| name.clone()).collect();
        let found = self.connector.problems(&whole, &sealed).into_iter().chain(self.own.problems(&self.business, &[]));
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
        records.extend(self::records(self.own, &self.business));
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
    fn what_is_set_for_a_kind_stands_beside_what_is_set_for_all() {
        let map = |business: Value| business.as_object().cloned().unwrap_or_default();
        let before = map(json!({"remote_deletion": "archive"}));
        let set = |texts: &[(&str, &str)]| resolve_kind("demo.product", &before, change(texts, &[]));
        let set_both = set(&[("remote_deletion", "delete"), ("page_size", "5")]).expect("fine");
        let both = json!({"remote_deletion": "archive",
            "kinds": {"demo.product": {"remote_deletion": "delete", "page_size": 5}}});
        assert_eq!(Value::Object(set_both), both);
        let mut unset = Change::default();
        unset.values.extend([("remote_deletion".to_owned(), Value::Null), ("page_size".to_owned(), Value::Null)]);
        let unset = resolve_kind("demo.product", &map(both), unset).expect("fine");
        assert_eq!(Value::Object(unset), json!({"remote_deletion": "archive"}));
        let problems = set(&[("page_size", "none"), ("warehouse", "1"), ("remote_deletion", "explode")]);
        let names: Vec<String> = problems.expect_err("refused").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["page_size", "remote_deletion", "warehouse"]);
    }

    #[test]
    fn null_goes_back_to_the_default() {
        let mut change = change(&[("api_url", "http://x"), ("page_size", "5")], &[("api_key", "k")]);
        change.values.insert("page_size".to_owned(), Value::Null);
        let resolved = resolve(&connector(), None, change).expect("fine");
        assert!(!resolved.settings.contains_key("page_size"));
    }
}
