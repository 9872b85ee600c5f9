//! A settings schema: which settings there are, what is special about each, and whether values fit it.
//!
//! It reads JSON Schema with the keywords of `contract::manifest::settings`. Values of secrets go in to be checked and
//! never come out in a message.

use std::collections::BTreeMap;

use bindery_contract::manifest::settings;
use jsonschema::{Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

use crate::record::domain;

/// Marks a setting of the host's own that is a search domain.
const DOMAIN: &str = "domain";

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Schema {
    validator: Validator,
    properties: BTreeMap<String, Property>,
}

/// One setting.
#[derive(Debug, Clone, Default)]
pub(super) struct Property {
    /// Types it may have; empty: any.
    pub(super) types: Vec<String>,
    /// Type of the items, where it is a list.
    items: Vec<String>,
    pub(super) default: Option<Value>,
    pub(super) secret: bool,
    pub(super) host: bool,
    pub(super) mapping: bool,
    /// It is a search domain.
    domain: bool,
    /// The model whose record's id it is.
    pub(super) record: Option<String>,
}

/// A setting and what is wrong with it.
pub(super) type Problem = (String, String);

impl Schema {
    /// Compiles a schema. The manifest was checked when the plugin was loaded, so an error is rare.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        let empty = Value::Object(Map::new());
        let schema = if schema.is_null() { &empty } else { schema };
        let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
        let declared = schema.get("properties").and_then(Value::as_object);
        let properties = declared.into_iter().flatten();
        let properties = properties.map(|(name, property)| (name.clone(), Property::read(schema, property))).collect();
        Ok(Self { validator, properties })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }

    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.properties.iter().map(|(name, property)| (name.as_str(), property))
    }

    /// The values with the defaults of what is not set.
    pub(super) fn with_defaults(&self, values: &Map<String, Value>) -> Map<String, Value> {
        let mut filled = values.clone();
        for (name, property) in &self.properties {
            if let (false, Some(default)) = (filled.contains_key(name), &property.default) {
                filled.insert(name.clone(), default.clone());
            }
        }
        filled
    }

    /// What does not fit. `sealed` are secrets that are set and can't be looked at: they count as present and fine.
    pub(super) fn problems(&self, values: &Map<String, Value>, sealed: &[String]) -> Vec<Problem> {
        let mut values = self.with_defaults(values);
        for name in sealed {
            values.entry(name.clone()).or_insert_with(|| Value::String(String::new()));
        }
        let values = Value::Object(values);
        let mut problems: Vec<Problem> = Vec::new();
        for error in self.validator.iter_errors(&values) {
            let path = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            let name = path.split('.').next().unwrap_or_default();
            if sealed.iter().any(|sealed| sealed == name) {
                continue;
            }
            let problem = match error.kind() {
                ValidationErrorKind::Required { property } => {
                    let missing = property.as_str().unwrap_or_default();
                    let whole = if path.is_empty() { missing.to_owned() } else { format!("{path}.{missing}") };
                    (whole, self.missing(missing))
                }
                _ if self.property(name).is_some_and(|property| property.secret) => {
                    (path, error.masked_with("the secret").to_string())
                }
                _ => (path, error.to_string()),
            };
            problems.push(problem);
        }
        problems.sort();
        problems.dedup();
        problems
    }

    fn missing(&self, name: &str) -> String {
        match self.property(name) {
            Some(property) if property.secret => format!("is required: give it with --secret {name}=-"),
            _ => format!("is required: give it with --set {name}=…"),
        }
    }
}

impl Property {
    fn read(root: &Value, declared: &Value) -> Self {
        let flag = |name: &str| keyword(root, declared, name).is_some_and(|value| value == &Value::Bool(true));
        let text = |name: &str| keyword(root, declared, name).and_then(Value::as_str).map(str::to_owned);
        Self {
            types: types(root, declared),
            items: keyword(root, declared, "items").map(|items| types(root, items)).unwrap_or_default(),
            default: keyword(root, declared, "default").filter(|value| !value.is_null()).cloned(),
            // A secret deep inside makes the whole setting one: nothing of it is stored in clear.
            secret: holds_secret(root, declared, 0),
            host: flag(settings::HOST),
            mapping: flag(settings::MAPPING),
            domain: flag(DOMAIN),
            record: text(settings::RECORD),
        }
    }

    /// A text from a command line as a value of this setting.
    pub(super) fn coerce(&self, text: &str) -> Result<Value, String> {
        match self.domain {
            true if text.trim().is_empty() => Ok(Value::Null),
            true => domain::parse_text(text),
            false => coerce(&self.types, &self.items, text),
        }
    }

    /// The value that a sealed text stands for.
    pub(super) fn read_secret(&self, text: &str) -> Value {
        self.coerce(text).unwrap_or_else(|_| Value::String(text.to_owned()))
    }
}

fn coerce(types: &[String], items: &[String], text: &str) -> Result<Value, String> {
    let may = |name: &str| types.iter().any(|known| known == name);
    if types.is_empty() || may("string") {
        return Ok(Value::String(text.to_owned()));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() || (trimmed == "null" && may("null")) {
        return Ok(Value::Null);
    }
    if may("boolean") {
        match trimmed.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => return Ok(Value::Bool(true)),
            "false" | "no" | "off" | "0" => return Ok(Value::Bool(false)),
            _ => {}
        }
    }
    let parsed = serde_json::from_str::<Value>(trimmed).ok();
    match parsed {
        Some(value @ Value::Number(_)) if may("number") || (may("integer") && !value.is_f64()) => Ok(value),
        Some(value @ Value::Array(_)) if may("array") => Ok(value),
        Some(value @ Value::Object(_)) if may("object") => Ok(value),
        _ if may("array") => {
            trimmed.split(',').map(|item| coerce(items, &[], item.trim())).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => Err(format!("must be {}, and {text:?} is not", types.join(" or "))),
    }
}

/// A property and what it refers to: the declarations that hold for it.
fn declarations<'a>(root: &'a Value, declared: &'a Value, depth: usize) -> Vec<&'a Value> {
    let mut all = vec![declared];
    if depth > 8 {
        return all;
    }
    if let Some(target) = declared.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#')) {
        all.extend(root.pointer(target).map(|target| declarations(root, target, depth + 1)).into_iter().flatten());
    }
    for union in ["allOf", "anyOf", "oneOf"] {
        for member in declared.get(union).and_then(Value::as_array).into_iter().flatten() {
            all.extend(declarations(root, member, depth + 1));
        }
    }
    all
}

fn keyword<'a>(root: &'a Value, declared: &'a Value, name: &str) -> Option<&'a Value> {
    declarations(root, declared, 0).into_iter().find_map(|declaration| declaration.get(name))
}

fn types(root: &Value, declared: &Value) -> Vec<String> {
    let mut types = Vec::new();
    for declaration in declarations(root, declared, 0) {
        match declaration.get("type") {
            Some(Value::String(name)) => types.push(name.clone()),
            Some(Value::Array(names)) => types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
    }
    types
}

fn holds_secret(root: &Value, declared: &Value, depth: usize) -> bool {
    if depth > 16 {
        return true;
    }
    match declared {
        Value::Object(members) => {
            members.get(settings::SECRET) == Some(&Value::Bool(true))
                || members.iter().any(|(name, member)| match (name.as_str(), member) {
                    ("$ref", Value::String(at)) => at
                        .strip_prefix('#')
                        .and_then(|at| root.pointer(at))
                        .is_some_and(|target| holds_secret(root, target, depth + 1)),
                    ("default" | "examples" | "enum" | "const", _) => false,
                    _ => holds_secret(root, member, depth + 1),
                })
        }
        Value::Array(members) => members.iter().any(|member| holds_secret(root, member, depth + 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::new(&json!({
            "type": "object",
            "required": ["api_url", "api_key"],
            "$defs": {"Secret": {"type": "string", "secret": true}},
            "properties": {
                "api_url": {"type": "string", "host": true, "minLength": 8},
                "api_key": {"$ref": "#/$defs/Secret"},
                "api_secret": {"anyOf": [{"$ref": "#/$defs/Secret"}, {"type": "null"}]},
                "page_size": {"type": "integer", "minimum": 1, "maximum": 250, "default": 100},
                "ratio": {"type": ["number", "null"]},
                "active": {"type": "boolean", "default": true},
                "tags": {"type": "array", "items": {"type": "integer"}},
                "warehouse": {"type": "integer", "record": "stock.warehouse", "mapping": true},
                "proxy": {"type": "object", "properties": {"password": {"type": "string", "secret": true}}},
            },
        }))
        .expect("well formed")
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("object").clone()
    }

    #[test]
    fn what_is_special_about_a_setting_is_found() {
        let schema = schema();
        let is = |name: &str| schema.property(name).expect(name);
        assert!(is("api_key").secret && is("api_secret").secret && !is("api_url").secret);
        assert!(is("proxy").secret, "a secret deep inside makes the whole setting one");
        assert!(is("api_url").host && is("warehouse").mapping);
        assert_eq!(is("warehouse").record.as_deref(), Some("stock.warehouse"));
    }

    #[test]
    fn each_setting_gets_its_own_error() {
        let values = object(json!({"page_size": 1000, "active": "maybe", "api_url": "x"}));
        let problems = schema().problems(&values, &[]);
        let fields: Vec<&str> = problems.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["active", "api_key", "api_url", "page_size"]);
        assert!(problems[1].1.contains("--secret api_key"), "{problems:?}");
        assert!(problems[3].1.contains("250"), "{problems:?}");
    }

    #[test]
    fn a_secret_is_checked_and_not_shown() {
        let values = object(json!({"api_url": "https://x", "api_key": 123_456_789}));
        let problems = schema().problems(&values, &[]);
        assert_eq!(problems.len(), 1);
        assert!(!problems[0].1.contains("123456789"), "{problems:?}");
        let values = object(json!({"api_url": "https://x"}));
        assert_eq!(schema().problems(&values, &["api_key".to_owned()]), []);
    }

    #[test]
    fn texts_become_values_of_the_settings_type() {
        let schema = schema();
        let coerce = |name: &str, text: &str| schema.property(name).expect(name).coerce(text);
        assert_eq!(coerce("api_url", "https://x"), Ok(json!("https://x")));
        assert_eq!(coerce("page_size", " 50 "), Ok(json!(50)));
        assert_eq!(coerce("ratio", "1.5"), Ok(json!(1.5)));
        assert_eq!(coerce("ratio", "null"), Ok(Value::Null));
        assert_eq!(coerce("active", "off"), Ok(json!(false)));
        assert_eq!(coerce("tags", "1, 2"), Ok(json!([1, 2])));
        assert_eq!(coerce("tags", "[3]"), Ok(json!([3])));
        for (name, text) in [("page_size", "many"), ("page_size", "1.5"), ("active", "maybe"), ("tags", "1,x")] {
            assert!(coerce(name, text).is_err(), "{name}={text}");
        }
    }

    #[test]
    fn defaults_fill_only_what_is_not_set() {
        let filled = schema().with_defaults(&object(json!({"page_size": 5})));
        assert_eq!(Value::Object(filled), json!({"page_size": 5, "active": true}));
    }
}
