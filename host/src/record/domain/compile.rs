//! Domains into conditions: fields looked up, values read by their types, paths followed through relations.
//!
//! The ERP's meaning of emptiness is kept: a negation finds records without a value, `false` and `null` stand for
//! "no value", and a boolean without a value is false. Over a relation to many a leaf holds where one line meets it.

use bindery_contract::field::FieldType;
use serde_json::Value as Json;

use super::parse::{Expression, Leaf, Operator};
use crate::{
    model::Value,
    record::{Catalogue, Field, Model, decode},
    storage::condition::{Column, Comparison, Condition, Operand, Subquery},
};

/// The condition of a domain over a model's table.
pub(super) fn condition(catalogue: &Catalogue, model: &Model, expression: &Expression) -> Result<Condition, String> {
    Ok(match expression {
        Expression::All(parts) => Condition::All(all(catalogue, model, parts)?),
        Expression::Any(parts) => Condition::Any(all(catalogue, model, parts)?),
        Expression::Not(part) => Condition::Not(Box::new(condition(catalogue, model, part)?)),
        Expression::Constant(true) => Condition::All(Vec::new()),
        Expression::Constant(false) => Condition::Any(Vec::new()),
        Expression::Leaf(leaf) => leaf_condition(catalogue, model, leaf)?,
    })
}

fn all(catalogue: &Catalogue, model: &Model, parts: &[Expression]) -> Result<Vec<Condition>, String> {
    parts.iter().map(|part| condition(catalogue, model, part)).collect()
}

/// The condition of one leaf over a model's table.
pub(in crate::record) fn leaf_condition(
    catalogue: &Catalogue,
    model: &Model,
    leaf: &Leaf,
) -> Result<Condition, String> {
    let (head, rest) = match leaf.path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (leaf.path.as_str(), None),
    };
    if head == "id" {
        if rest.is_some() {
            return Err(format!("{}: id leads nowhere", leaf.path));
        }
        return own_id(model, leaf);
    }
    let field = model.field(head).ok_or_else(|| format!("{} has no field {head:?}{}", model.name, model.hint(head)))?;
    if let Some(delegated) = field.delegated.filter(|_| field.is_elsewhere()) {
        let path = format!("{}.{}", model.fields[delegated.link].name, leaf.path);
        return leaf_condition(catalogue, model, &Leaf { path, ..leaf.clone() });
    }
    let Some(rest) = rest else { return plain(catalogue, model, field, leaf) };
    let target = field.target().and_then(|target| catalogue.model(target));
    let target = target.ok_or_else(|| format!("{}: {head} is no relation, so nothing lies behind it", leaf.path))?;
    let inner = Leaf { path: rest.to_owned(), ..leaf.clone() };
    Ok(through(catalogue, model, field, leaf_condition(catalogue, target, &inner)?))
}

/// The records whose relation leads to a record that meets a condition.
fn through(catalogue: &Catalogue, model: &Model, field: &Field, inner: Condition) -> Condition {
    let named = |name: &str| Column::Named(name.to_owned());
    let target = field.target().and_then(|target| catalogue.model(target));
    let Some(target) = target else { return Condition::Any(Vec::new()) };
    let table = target.table.name.clone();
    match &field.field_type {
        FieldType::One2many { inverse, .. } => Condition::Within(
            named("id"),
            Box::new(Subquery::Select { table, column: named(inverse), condition: inner }),
        ),
        FieldType::Many2many { .. } => {
            let targets = Subquery::Select { table, column: named("id"), condition: inner };
            Condition::Within(
                named("id"),
                Box::new(Subquery::Select {
                    table: model.links.get(&field.index).cloned().unwrap_or_default(),
                    column: named("record"),
                    condition: Condition::Within(named("target"), Box::new(targets)),
                }),
            )
        }
        _ => Condition::Within(
            named(&field.name),
            Box::new(Subquery::Select { table, column: named("id"), condition: inner }),
        ),
    }
}

fn plain(catalogue: &Catalogue, model: &Model, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    match &field.field_type {
        FieldType::Many2one { .. } => many2one(catalogue, field, leaf),
        FieldType::One2many { .. } | FieldType::Many2many { .. } => to_many(catalogue, model, field, leaf),
        _ => scalar(&Column::Named(field.name.clone()), field, leaf),
    }
}

fn own_id(model: &Model, leaf: &Leaf) -> Result<Condition, String> {
    let column = Column::Named("id".to_owned());
    match leaf.operator {
        Operator::ChildOf | Operator::ParentOf => {
            let roots = Subquery::Select {
                table: model.table.name.clone(),
                column: column.clone(),
                condition: Condition::Ints(column.clone(), ids(leaf)?),
            };
            Ok(tree(model, leaf, column, roots)?)
        }
        _ => {
            let id = Field {
                index: usize::MAX,
                name: "id".to_owned(),
                field_type: FieldType::Integer,
                column: Some("id".to_owned()),
                label: String::new(),
                help: String::new(),
                required: true,
                unique: true,
                read_only: true,
                computed: true,
                ondelete: crate::record::OnDelete::default(),
                default: None,
                delegated: None,
            };
            scalar(&column, &id, leaf)
        }
    }
}

/// A many2one compared with ids, with a text (the target's display field), or along the target's tree.
fn many2one(catalogue: &Catalogue, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    let column = Column::Named(field.name.clone());
    let target = field.target().and_then(|name| catalogue.model(name));
    let target = target.ok_or_else(|| format!("{} leads to no model", field.name))?;
    let by_name = |operator: Operator| -> Result<Condition, String> {
        let inner = Leaf { path: target.display.clone(), operator, value: leaf.value.clone() };
        let condition = leaf_condition(catalogue, target, &inner)?;
        let found =
            Subquery::Select { table: target.table.name.clone(), column: Column::Named("id".to_owned()), condition };
        Ok(Condition::Within(column.clone(), Box::new(found)))
    };
    match leaf.operator {
        Operator::ChildOf | Operator::ParentOf => {
            let id = Column::Named("id".to_owned());
            let condition = match &leaf.value {
                Json::String(_) => {
                    let inner =
                        Leaf { path: target.display.clone(), operator: Operator::Ilike, value: leaf.value.clone() };
                    leaf_condition(catalogue, target, &inner)?
                }
                _ => Condition::Ints(id.clone(), ids(leaf)?),
            };
            let roots = Subquery::Select { table: target.table.name.clone(), column: id, condition };
            tree(target, leaf, column, roots)
        }
        Operator::Equal | Operator::Unequal if leaf.value.is_string() => {
            let found = by_name(Operator::Equal)?;
            Ok(if leaf.operator == Operator::Equal { found } else { Condition::Not(Box::new(found)) })
        }
        Operator::Like | Operator::Ilike | Operator::Pattern | Operator::PatternFolded => by_name(leaf.operator),
        Operator::NotLike => Ok(Condition::Not(Box::new(by_name(Operator::Like)?))),
        Operator::NotIlike => Ok(Condition::Not(Box::new(by_name(Operator::Ilike)?))),
        _ => scalar(&column, field, leaf),
    }
}

/// A relation to many: with ids (one of its lines is one of these), `false` (it has no lines), or a text.
fn to_many(catalogue: &Catalogue, model: &Model, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    let lead = |inner: Condition| through(catalogue, model, field, inner);
    let negated = |condition: Condition| Condition::Not(Box::new(condition));
    let any_line = lead(Condition::All(Vec::new()));
    let target = field.target().and_then(|name| catalogue.model(name));
    let target = target.ok_or_else(|| format!("{} leads to no model", field.name))?;
    let id = Column::Named("id".to_owned());
    let by_name = |operator: Operator| -> Result<Condition, String> {
        let inner = Leaf { path: target.display.clone(), operator, value: leaf.value.clone() };
        Ok(lead(leaf_condition(catalogue, target, &inner)?))
    };
    let is_empty = |value: &Json| matches!(value, Json::Null | Json::Bool(false));
    match leaf.operator {
        Operator::EqualIfSet if is_empty(&leaf.value) => Ok(Condition::All(Vec::new())),
        Operator::Equal | Operator::In | Operator::EqualIfSet => match &leaf.value {
            value if is_empty(value) => Ok(negated(any_line)),
            Json::Bool(true) => Ok(any_line),
            Json::String(_) => by_name(Operator::Equal),
            Json::Array(values) if values.iter().any(is_empty) => {
                let some = lead(Condition::Ints(id, ids(leaf)?));
                Ok(Condition::Any(vec![negated(any_line), some]))
            }
            _ => Ok(lead(Condition::Ints(id, ids(leaf)?))),
        },
        Operator::Unequal | Operator::NotIn => {
            let operator = if leaf.operator == Operator::Unequal { Operator::Equal } else { Operator::In };
            Ok(negated(to_many(catalogue, model, field, &Leaf { operator, ..leaf.clone() })?))
        }
        Operator::Like | Operator::Ilike | Operator::Pattern | Operator::PatternFolded => by_name(leaf.operator),
        Operator::NotLike => Ok(negated(by_name(Operator::Like)?)),
        Operator::NotIlike => Ok(negated(by_name(Operator::Ilike)?)),
        Operator::ChildOf | Operator::ParentOf => {
            let roots = Subquery::Select {
                table: target.table.name.clone(),
                column: id.clone(),
                condition: Condition::Ints(id.clone(), ids(leaf)?),
            };
            Ok(lead(tree(target, leaf, id, roots)?))
        }
        Operator::Greater | Operator::AtLeast | Operator::Less | Operator::AtMost => {
            Err(format!("{}: lines can't be ordered against a value", leaf.path))
        }
    }
}

/// Whether a column names a record below (above) the roots in the tree of its model.
fn tree(model: &Model, leaf: &Leaf, column: Column, roots: Subquery) -> Result<Condition, String> {
    // The parent is the many2one to the model itself by the name that trees have.
    let parent = ["parent_id", "location_id", "categ_id"]
        .into_iter()
        .filter_map(|name| model.field(name))
        .find(|field| field.target() == Some(model.name.as_str()))
        .ok_or_else(|| format!("{}: {} is no tree", leaf.path, model.name))?;
    let (table, parent, roots) = (model.table.name.clone(), parent.name.clone(), Box::new(roots));
    let found = match leaf.operator {
        Operator::ParentOf => Subquery::Above { table, parent, leaves: roots },
        _ => Subquery::Below { table, parent, roots },
    };
    Ok(Condition::Within(column, Box::new(found)))
}

fn ids(leaf: &Leaf) -> Result<Vec<i64>, String> {
    let wrong = |value: &Json| format!("{}: the id of a record is wanted, not {value}", leaf.path);
    let one = |value: &Json| value.as_i64().ok_or_else(|| wrong(value));
    match &leaf.value {
        Json::Array(values) => {
            values.iter().filter(|value| !matches!(value, Json::Null | Json::Bool(false))).map(one).collect()
        }
        value => Ok(vec![one(value)?]),
    }
}

/// A column compared with a value of its field's type.
pub(in crate::record) fn scalar(column: &Column, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    let missing = || Condition::Null(column.clone());
    let negated = |condition: Condition| Condition::Not(Box::new(condition));
    let again = |operator: Operator| scalar(column, field, &Leaf { operator, ..leaf.clone() });
    let is_boolean = field.field_type == FieldType::Boolean;
    let is_empty = |value: &Json| *value == Json::Null || (*value == Json::Bool(false) && !is_boolean);
    let compare = |comparison: Comparison| -> Result<Condition, String> {
        Ok(Condition::Compare(column.clone(), comparison, operand(field, leaf, &leaf.value)?))
    };
    match leaf.operator {
        Operator::Equal if is_empty(&leaf.value) => Ok(missing()),
        Operator::Equal if leaf.value == Json::Bool(false) => {
            Ok(Condition::Any(vec![missing(), compare(Comparison::Equal)?]))
        }
        Operator::Equal if leaf.value == Json::Bool(true) && !is_boolean => Ok(negated(missing())),
        Operator::Equal if leaf.value.is_array() => again(Operator::In),
        Operator::Equal => compare(Comparison::Equal),
        Operator::EqualIfSet if is_empty(&leaf.value) => Ok(Condition::All(Vec::new())),
        Operator::EqualIfSet => again(Operator::Equal),
        Operator::Unequal => again(Operator::Equal).map(negated),
        Operator::Greater => compare(Comparison::Greater),
        Operator::AtLeast => compare(Comparison::AtLeast),
        Operator::Less => compare(Comparison::Less),
        Operator::AtMost => compare(Comparison::AtMost),
        Operator::In => one_of(column, field, leaf),
        Operator::NotIn => one_of(column, field, leaf).map(negated),
        Operator::Like | Operator::Ilike | Operator::Pattern | Operator::PatternFolded => like(column, field, leaf),
        Operator::NotLike => again(Operator::Like).map(negated),
        Operator::NotIlike => again(Operator::Ilike).map(negated),
        Operator::ChildOf | Operator::ParentOf => Err(format!("{}: {} is no tree", leaf.path, field.name)),
    }
}

fn one_of(column: &Column, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    let one;
    let values: &[Json] = match &leaf.value {
        Json::Array(values) => values,
        value => {
            one = [value.clone()];
            &one
        }
    };
    let (mut ints, mut texts, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        let is_false = *value == Json::Bool(false);
        if *value == Json::Null || is_false {
            parts.push(Condition::Null(column.clone()));
            if !(is_false && field.field_type == FieldType::Boolean) {
                continue;
            }
        }
        match operand(field, leaf, value)? {
            Operand::Int(value) => ints.push(value),
            Operand::Text(value) => texts.push(value),
            bytes @ Operand::Blob(_) => parts.push(Condition::Compare(column.clone(), Comparison::Equal, bytes)),
        }
    }
    if !ints.is_empty() {
        parts.push(Condition::Ints(column.clone(), ints));
    }
    if !texts.is_empty() {
        parts.push(Condition::Texts(column.clone(), texts));
    }
    Ok(Condition::Any(parts))
}

fn like(column: &Column, field: &Field, leaf: &Leaf) -> Result<Condition, String> {
    if !matches!(field.field_type, FieldType::Text | FieldType::Selection { .. } | FieldType::Integer) {
        return Err(format!("{}: only texts can be matched", leaf.path));
    }
    let pattern = match &leaf.value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(false) => String::new(),
        other => return Err(format!("{}: a text is wanted, not {other}", leaf.path)),
    };
    let contains = matches!(leaf.operator, Operator::Like | Operator::Ilike);
    // `like` looks for the text anywhere; `%` and `_` in it keep their meaning, as in the ERP.
    let pattern = if contains { format!("%{pattern}%") } else { pattern };
    let fold = matches!(leaf.operator, Operator::Ilike | Operator::PatternFolded);
    Ok(Condition::Like { column: column.clone(), pattern, fold })
}

fn operand(field: &Field, leaf: &Leaf, value: &Json) -> Result<Operand, String> {
    literal(field, value).map_err(|problem| format!("{}: {problem}", leaf.path))
}

/// A literal of a domain as the field's column holds it.
pub(in crate::record) fn literal(field: &Field, value: &Json) -> Result<Operand, String> {
    let read = match (&field.field_type, value) {
        // Words outside the selection are in no record, but asking for them is no mistake.
        (FieldType::Selection { .. }, Json::String(word)) => return Ok(Operand::Text(word.clone())),
        (FieldType::Datetime, Json::String(text)) if text.len() == 10 => {
            decode::datetime(&format!("{text}T00:00:00Z")).map(Value::Datetime)
        }
        (FieldType::Boolean, Json::Number(number)) => Ok(Value::Bool(number.as_i64() != Some(0))),
        (FieldType::Many2one { .. } | FieldType::Integer, Json::Number(number)) if number.is_i64() => {
            Ok(Value::Integer(number.as_i64().unwrap_or_default()))
        }
        (field_type, value) => decode::scalar(field_type, &value.to_string()),
    }?;
    of_value(&read).ok_or_else(|| "a value is wanted".to_owned())
}

fn of_value(value: &Value) -> Option<Operand> {
    Some(match value {
        Value::Null | Value::Refs(_) => return None,
        Value::Bool(value) => Operand::Int((*value).into()),
        Value::Integer(value) | Value::Ref(value) => Operand::Int(*value),
        Value::Decimal(value) => Operand::Int(value.units),
        Value::Text(value) => Operand::Text(value.clone()),
        Value::Date(days) => Operand::Int((*days).into()),
        Value::Datetime(at) => Operand::Int(at.0),
        Value::Binary(bytes) => Operand::Blob(bytes.clone()),
    })
}

/// A column that has just this value.
pub(in crate::record) fn equal(column: &str, value: &Value) -> Condition {
    let column = Column::Named(column.to_owned());
    match of_value(value) {
        Some(operand) => Condition::Compare(column, Comparison::Equal, operand),
        None => Condition::Null(column),
    }
}
