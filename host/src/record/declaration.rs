//! Declarations of models and fields, as model files and manifests make them, checked one by one. Whether they can
//! stand beside what the catalogue has is [`install`](super::install)'s question.

use bindery_contract::field::{FieldDecl, FieldType};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Error, OnDelete};

/// Everything about a field that two owners must agree on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its type.
    #[serde(flatten)]
    pub field_type: FieldType,
    /// Must have a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// No two records have the same value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Only connectors write it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// The host works it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub computed: bool,
    /// For many2one.
    #[serde(default)]
    pub ondelete: OnDelete,
    /// For many2one: the target's fields are the record's too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delegate: bool,
    /// What a new record has where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
}

/// A field as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Text for people.
    pub label: String,
    /// What it is for.
    pub help: String,
    /// The rest.
    pub definition: Definition,
}

/// A model as declared: new, or fields for one that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDeclaration {
    /// Its name.
    pub name: String,
    /// Whether it only adds fields.
    pub extends: bool,
    /// Text for people.
    pub label: String,
    /// The field that names a record.
    pub display: String,
    /// The order of a search.
    pub order: String,
    /// Its fields.
    pub fields: Vec<Declared>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    name: Option<String>,
    extend: Option<String>,
    #[serde(default)]
    label: String,
    #[serde(default = "name")]
    display: String,
    #[serde(default = "id")]
    order: String,
    #[serde(default)]
    fields: Vec<FieldEntry>,
}

fn name() -> String {
    "name".to_owned()
}

fn id() -> String {
    "id".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldEntry {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    help: String,
    scale: Option<u8>,
    currency: Option<String>,
    options: Option<Vec<String>>,
    model: Option<String>,
    inverse: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    computed: bool,
    #[serde(default)]
    ondelete: OnDelete,
    #[serde(default)]
    delegate: bool,
    default: Option<Json>,
}

/// Names that every record has besides its fields.
pub const RESERVED: [&str; 4] = ["id", "version", "create_date", "write_date"];

/// Digits after the point that a decimal may have.
pub const MAX_SCALE: u8 = 12;

/// Reads a model file. `file` names it in errors.
pub fn parse(file: &str, text: &str) -> Result<ModelDeclaration, Error> {
    let wrong = |problem: String| Error::Definition(format!("{file}: {problem}"));
    let read: ModelFile = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let (name, extends) = match (read.name, read.extend) {
        (Some(name), None) => (name, false),
        (None, Some(name)) => (name, true),
        _ => {
            return Err(wrong("say either `name` (a new model) or `extend` (fields for one that is there)".to_owned()));
        }
    };
    if !is_model_name(&name) {
        return Err(wrong(format!("{name:?} is no name for a model: use lower case words joined by points")));
    }
    let mut fields = Vec::with_capacity(read.fields.len());
    for entry in read.fields {
        let field = entry.declared().map_err(&wrong)?;
        check(&name, &field).map_err(&wrong)?;
        if fields.iter().any(|other: &Declared| other.name == field.name) {
            return Err(wrong(format!("{} is declared twice", field.name)));
        }
        fields.push(field);
    }
    if !extends && !fields.iter().any(|field| field.name == read.display) {
        return Err(wrong(format!("display = {:?} names no field of the model", read.display)));
    }
    Ok(ModelDeclaration { name, extends, label: read.label, display: read.display, order: read.order, fields })
}

impl FieldEntry {
    fn declared(self) -> Result<Declared, String> {
        let FieldEntry { name, type_name, scale, currency, options, model, inverse, .. } = self;
        let need = |what: &str| format!("{name}: a field of type {type_name} needs `{what}`");
        let field_type = match type_name.as_str() {
            "text" => FieldType::Text,
            "integer" => FieldType::Integer,
            "decimal" => FieldType::Decimal { scale: scale.ok_or_else(|| need("scale"))? },
            "money" => FieldType::Money { currency: currency.ok_or_else(|| need("currency"))? },
            "boolean" => FieldType::Boolean,
            "date" => FieldType::Date,
            "datetime" => FieldType::Datetime,
            "selection" => FieldType::Selection { options: options.ok_or_else(|| need("options"))? },
            "binary" => FieldType::Binary,
            "many2one" => FieldType::Many2one { model: model.ok_or_else(|| need("model"))? },
            "one2many" => FieldType::One2many {
                model: model.ok_or_else(|| need("model"))?,
                inverse: inverse.ok_or_else(|| need("inverse"))?,
            },
            "many2many" => FieldType::Many2many { model: model.ok_or_else(|| need("model"))? },
            other => return Err(format!("{name}: there is no type {other:?}")),
        };
        let definition = Definition {
            field_type,
            required: self.required,
            unique: self.unique,
            read_only: self.read_only,
            computed: self.computed,
            ondelete: self.ondelete,
            delegate: self.delegate,
            default: self.default,
        };
        Ok(Declared { name, label: self.label, help: self.help, definition })
    }
}

impl From<&FieldDecl> for Declared {
    fn from(field: &FieldDecl) -> Self {
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            help: field.help.clone(),
            definition: Definition {
                field_type: field.field_type.clone(),
                required: field.required,
                unique: false,
                read_only: field.read_only,
                computed: false,
                ondelete: OnDelete::SetNull,
                delegate: false,
                default: None,
            },
        }
    }
}

/// Checks a field for itself; the problem names it.
pub fn check(owner: &str, field: &Declared) -> Result<(), String> {
    let name = &field.name;
    if !is_word(name) || RESERVED.contains(&name.as_str()) {
        return Err(format!("{owner}.{name}: not a name for a field: use a lower case word of its own"));
    }
    let definition = &field.definition;
    match &definition.field_type {
        FieldType::Unknown => {
            return Err(format!("{owner}.{name}: the type is one of a newer contract than this host knows"));
        }
        FieldType::Decimal { scale } if *scale > MAX_SCALE => {
            return Err(format!("{owner}.{name}: a decimal has at most {MAX_SCALE} digits after the point"));
        }
        FieldType::Selection { options } if options.is_empty() => {
            return Err(format!("{owner}.{name}: a selection needs options"));
        }
        FieldType::One2many { .. } | FieldType::Many2many { .. }
            if definition.unique || definition.required || definition.default.is_some() =>
        {
            return Err(format!("{owner}.{name}: a relation to many can't be required, unique or have a default"));
        }
        other if definition.delegate && !(definition.required && matches!(other, FieldType::Many2one { .. })) => {
            return Err(format!("{owner}.{name}: only a required many2one can delegate"));
        }
        FieldType::Binary if definition.unique => {
            return Err(format!("{owner}.{name}: bytes can't be unique"));
        }
        _ => {}
    }
    Ok(())
}

/// A lower case word that can be a column: letters, digits and `_`, 60 at most.
pub fn is_word(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 60
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Words joined by points.
pub fn is_model_name(name: &str) -> bool {
    name.len() <= 60 && name.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse("mine.toml", text).expect_err(text).to_string()
    }

    #[test]
    fn what_a_file_gets_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("", "either `name`"),
            ("name = 'A'", "no name for a model"),
            ("name = 'a.b'", "names no field"),
            ("extend = 'a.b'\nfields = [{name = 'x', type = 'texts'}]", "x: there is no type \"texts\""),
            ("extend = 'a.b'\nfields = [{name = 'x', type = 'decimal'}]", "needs `scale`"),
            ("extend = 'a.b'\nfields = [{name = 'x', type = 'decimal', scale = 13}]", "at most 12"),
            ("extend = 'a.b'\nfields = [{name = 'id', type = 'text'}]", "a.b.id"),
            ("extend = 'a.b'\nfields = [{name = 'x', type = 'text', requird = true}]", "requird"),
            ("extend = 'a.b'\nfields = [{name = 'x', type = 'text'}, {name = 'x', type = 'text'}]", "declared twice"),
        ] {
            let said = problem(text);
            assert!(said.starts_with("mine.toml: ") && said.contains(expected), "{text}: {said}");
        }
    }
}
