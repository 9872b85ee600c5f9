//! What has to be written so that a record there becomes what is wanted, and no more: Tryton's commands for lines and
//! relations, and only the fields that differ. It asks nothing.

use bindery_plugin::serde_json::{Map, Value, json};

/// A record, or what is wanted of one.
pub type Object = Map<String, Value>;

/// Lists of relations; every other list holds lines.
const MANY: &[&str] = &["categories", "taxes"];

/// The names to ask for, so that a record can be compared with what is wanted of it.
pub fn names(wanted: &Object) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in wanted {
        let lines = lines(name, value);
        let inner: Vec<String> = lines.iter().flat_map(|line| self::names(line)).collect();
        if inner.is_empty() {
            names.push(name.clone());
        }
        names.extend(inner.into_iter().map(|inner| format!("{name}.{inner}")));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// What is wanted, as a new record has it: what has no value is left to Tryton's defaults.
pub fn fresh(wanted: &Object) -> Object {
    let mut made = Object::new();
    for (name, value) in wanted.iter().filter(|(name, value)| !value.is_null() && name.as_str() != "id") {
        let value = match value {
            Value::Array(ids) if MANY.contains(&name.as_str()) => json!([["add", ids]]),
            Value::Array(_) => json!([["create", lines(name, value).into_iter().map(fresh).collect::<Vec<_>>()]]),
            value => value.clone(),
        };
        if value != json!([["create", []]]) {
            made.insert(name.clone(), value);
        }
    }
    made
}

/// The fields in which a record differs from what is wanted of it, as they are written.
pub fn difference(current: &Object, wanted: &Object) -> Object {
    let mut written = Object::new();
    for (name, value) in wanted.iter().filter(|(name, _)| name.as_str() != "id") {
        let known = self::value(current, name);
        let value = match value {
            Value::Array(ids) if MANY.contains(&name.as_str()) => relations(known, ids),
            Value::Array(_) => commands(known, &lines(name, value)),
            value if is_same(known, value) => continue,
            value => value.clone(),
        };
        if value.as_array().is_none_or(|commands| !commands.is_empty()) {
            written.insert(name.clone(), value);
        }
    }
    written
}

/// A field; null where it is not told.
pub fn value<'o>(record: &'o Object, name: &str) -> &'o Value {
    record.get(name).unwrap_or(&Value::Null)
}

/// The lines of a list, to be changed.
pub fn lines_mut<'o>(record: &'o mut Object, name: &str) -> impl Iterator<Item = &'o mut Object> + use<'o> {
    record.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// The same line as it stands there.
pub fn known<'c>(current: &'c Object, name: &str, line: &Object) -> Option<&'c Value> {
    let own = line.get("id").and_then(id)?;
    current.get(name)?.as_array()?.iter().find(|known| id(known) == Some(own))
}

/// The id of a line, or of what a relation leads to.
pub fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.get("id")?.as_u64())
}

/// The lines of a list.
fn lines<'v>(name: &str, value: &'v Value) -> Vec<&'v Object> {
    match value {
        Value::Array(lines) if !MANY.contains(&name) => lines.iter().filter_map(Value::as_object).collect(),
        _ => Vec::new(),
    }
}

fn relations(known: &Value, wanted: &[Value]) -> Value {
    let known: Vec<u64> = known.as_array().into_iter().flatten().filter_map(id).collect();
    let wanted: Vec<u64> = wanted.iter().filter_map(id).collect();
    let without = |these: &[u64], those: &[u64]| -> Vec<u64> {
        these.iter().filter(|one| !those.contains(one)).copied().collect()
    };
    let commands = [("remove", without(&known, &wanted)), ("add", without(&wanted, &known))];
    commands.into_iter().filter(|(_, ids)| !ids.is_empty()).map(|(what, ids)| json!([what, ids])).collect()
}

/// The commands that make lines of what they are. A line without an id is one that is there already, where one that
/// nobody else claims has the same content: an answer may have been lost.
fn commands(known: &Value, wanted: &[&Object]) -> Value {
    let known = known.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut unclaimed: Vec<&Value> = known
        .iter()
        .filter(|line| {
            !wanted.iter().any(|wanted| wanted.get("id").and_then(id).is_some_and(|one| id(line) == Some(one)))
        })
        .collect();
    let (mut commands, mut new) = (Vec::new(), Vec::new());
    for wanted in wanted {
        let own = wanted.get("id").and_then(id);
        if let Some(line) = own.and_then(|own| known.iter().find(|line| id(line) == Some(own))) {
            let differs = line.as_object().map(|line| difference(line, wanted)).unwrap_or_default();
            if !differs.is_empty() {
                commands.push(json!(["write", [own], differs]));
            }
            continue;
        }
        let is_it = |line: &&Value| line.as_object().is_some_and(|line| difference(line, wanted).is_empty());
        match unclaimed.iter().position(is_it) {
            Some(at) => drop(unclaimed.remove(at)),
            None => new.push(fresh(wanted)),
        }
    }
    if !new.is_empty() {
        commands.push(json!(["create", new]));
    }
    let gone: Vec<u64> = unclaimed.into_iter().filter_map(id).collect();
    if !gone.is_empty() {
        commands.push(json!(["delete", gone]));
    }
    Value::Array(commands)
}

/// Whether a field has the value that is wanted, however it is written.
pub fn is_same(known: &Value, wanted: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    match (known, wanted) {
        (known, wanted) if is_empty(known) || is_empty(wanted) => is_empty(known) && is_empty(wanted),
        (Value::Number(known), Value::Bool(wanted)) => (known.as_f64() != Some(0.0)) == *wanted,
        (Value::Number(known), Value::Number(wanted)) => known.as_f64() == wanted.as_f64(),
        (Value::Object(_), Value::Number(wanted)) => id(known) == wanted.as_u64(),
        (Value::Object(known), Value::Object(wanted)) if known.contains_key("decimal") => {
            digits(known.get("decimal")) == digits(wanted.get("decimal"))
        }
        (known, wanted) => known == wanted,
    }
}

/// A decimal without needless zeros.
fn digits(decimal: Option<&Value>) -> Option<String> {
    let text = decimal?.as_str()?;
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Some(if text == "-0" { "0" } else { text }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    fn written(current: Value, wanted: Value) -> Value {
        Value::Object(difference(&object(current), &object(wanted)))
    }

    #[test]
    fn only_what_differs_is_written() {
        let price = |text: &str| json!({"__class__": "Decimal", "decimal": text});
        let current = json!({"name": "Lamp", "active": 1, "note": null, "uom": {"id": 3}, "price": price("9.5000")});
        let same = json!({"name": "Lamp", "active": true, "note": "", "uom": 3, "price": price("9.5")});
        assert_eq!(written(current.clone(), same), json!({}));
        let other = json!({"name": null, "active": false, "uom": 4, "price": price("9.51")});
        assert_eq!(written(current, other.clone()), other);
    }

    #[test]
    fn lines_are_made_changed_and_removed_by_commands() {
        let current =
            json!({"lines": [{"id": 1, "city": "Gent"}, {"id": 2, "city": "Lille"}, {"id": 3, "city": "Lyon"}]});
        let wanted = json!({"lines": [{"id": 1, "city": "Gent"}, {"id": 2, "city": "Rijsel"}, {"city": "Metz"}]});
        let commands = json!([["write", [2], {"city": "Rijsel"}], ["create", [{"city": "Metz"}]], ["delete", [3]]]);
        assert_eq!(written(current, wanted), json!({"lines": commands}));
    }

    #[test]
    fn a_line_whose_answer_was_lost_is_not_made_again() {
        let current = json!({"lines": [{"id": 1, "city": "Gent"}, {"id": 2, "city": "Metz"}]});
        let twice = json!({"lines": [{"id": 1, "city": "Gent"}, {"city": "Metz"}, {"city": "Metz"}]});
        assert_eq!(written(current, twice), json!({"lines": [["create", [{"city": "Metz"}]]]}));
    }

    #[test]
    fn relations_are_compared_as_sets() {
        let current = json!({"taxes": [{"id": 1}, {"id": 2}]});
        assert_eq!(written(current.clone(), json!({"taxes": [2, 1]})), json!({}));
        assert_eq!(written(current, json!({"taxes": [2, 3]})), json!({"taxes": [["remove", [1]], ["add", [3]]]}));
    }

    #[test]
    fn a_new_record_leaves_what_has_no_value_to_the_defaults() {
        let wanted =
            object(json!({"name": "A", "code": null, "lines": [{"id": 7, "qty": 1, "taxes": [2]}], "none": []}));
        let lines = json!([["create", [{"qty": 1, "taxes": [["add", [2]]]}]]]);
        assert_eq!(Value::Object(fresh(&wanted)), json!({"name": "A", "lines": lines}));
        assert_eq!(names(&wanted), ["code", "lines.id", "lines.qty", "lines.taxes", "name", "none"]);
    }
}
