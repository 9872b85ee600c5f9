//! Searching a kind: leaves over the binding's own fields, the extra ones, and through to the record.

use bindery_contract::field::FieldType;
use serde_json::Value as Json;

use crate::{
    model::binding::Status,
    record::{
        Catalogue, Error, Field, Kind, OnDelete, Query,
        domain::{Expression, Leaf, leaf_condition, parse, scalar},
        register::OWN_FIELDS,
    },
    storage::{
        Tx, binding as bindings,
        condition::{Column, Comparison, Condition, Operand, Subquery},
        record::{self as tables, Order},
    },
};

/// The table of bindings.
const TABLE: &str = "binding";

/// Ids of the bindings that a query finds, in order.
pub(in crate::record) fn search(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    kind: &Kind,
    query: &Query,
) -> Result<Vec<i64>, Error> {
    let condition = condition(catalogue, kind, query)?;
    let order = order(kind, &query.order)?;
    Ok(tables::search(tx, TABLE, &condition, &order, query.limit, query.offset)?)
}

/// How many bindings a query finds.
pub(in crate::record) fn count(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    kind: &Kind,
    query: &Query,
) -> Result<u64, Error> {
    Ok(tables::count(tx, TABLE, &condition(catalogue, kind, query)?)?)
}

fn wrong(kind: &Kind, problem: String) -> Error {
    Error::Domain { model: kind.name.clone(), problem }
}

fn named(name: &str) -> Column {
    Column::Named(name.to_owned())
}

fn condition(catalogue: &Catalogue, kind: &Kind, query: &Query) -> Result<Condition, Error> {
    let expression = parse(&query.domain).map_err(|problem| wrong(kind, problem))?;
    let asked = compile(catalogue, kind, &expression).map_err(|problem| wrong(kind, problem))?;
    let ours = Condition::Compare(named("kind"), Comparison::Equal, Operand::Int(kind.id));
    Ok(Condition::All(vec![ours, asked]))
}

fn compile(catalogue: &Catalogue, kind: &Kind, expression: &Expression) -> Result<Condition, String> {
    let all = |parts: &[Expression]| -> Result<Vec<Condition>, String> {
        parts.iter().map(|part| compile(catalogue, kind, part)).collect()
    };
    Ok(match expression {
        Expression::All(parts) => Condition::All(all(parts)?),
        Expression::Any(parts) => Condition::Any(all(parts)?),
        Expression::Not(part) => Condition::Not(Box::new(compile(catalogue, kind, part)?)),
        Expression::Constant(true) => Condition::All(Vec::new()),
        Expression::Constant(false) => Condition::Any(Vec::new()),
        Expression::Leaf(leaf) => one(catalogue, kind, leaf)?,
    })
}

fn one(catalogue: &Catalogue, kind: &Kind, leaf: &Leaf) -> Result<Condition, String> {
    let head = leaf.path.split('.').next().unwrap_or_default();
    if head == "record" && leaf.path.len() > head.len() {
        let inner = Leaf { path: leaf.path[head.len() + 1..].to_owned(), ..leaf.clone() };
        return through(catalogue, kind, &inner);
    }
    match leaf.path.as_str() {
        "sync_status" => status(leaf),
        "backend" if leaf.value.is_string() => {
            let inner = Leaf { path: "name".to_owned(), ..leaf.clone() };
            let condition = scalar(&named("name"), &own("name", FieldType::Text), &inner)?;
            let backends = Subquery::Select { table: "backend".to_owned(), column: named("id"), condition };
            Ok(Condition::Within(named("backend"), Box::new(backends)))
        }
        path if OWN_FIELDS.contains(&path) && path != "kind" => {
            let field_type = match path {
                "external_id" | "last_error" | "external_updated_at" => FieldType::Text,
                "sync_date" => FieldType::Datetime,
                "no_export" => FieldType::Boolean,
                _ => FieldType::Integer,
            };
            scalar(&named(path), &own(path, field_type), leaf)
        }
        _ => match kind.field(head) {
            Some(field) if leaf.path == head => scalar(&extra(field), field, leaf),
            Some(field) => {
                let target = field.target().and_then(|name| catalogue.model(name));
                let target = target.ok_or_else(|| format!("{}: {head} is no relation", leaf.path))?;
                let inner = Leaf { path: leaf.path[head.len() + 1..].to_owned(), ..leaf.clone() };
                let condition = leaf_condition(catalogue, target, &inner)?;
                let found = Subquery::Select { table: target.table.name.clone(), column: named("id"), condition };
                Ok(Condition::Within(extra(field), Box::new(found)))
            }
            None => through(catalogue, kind, leaf),
        },
    }
}

/// Where an extra field stands.
fn extra(field: &Field) -> Column {
    match field.field_type {
        FieldType::Text | FieldType::Selection { .. } | FieldType::Binary => Column::ExtraText(field.name.clone()),
        _ => Column::ExtraInt(field.name.clone()),
    }
}

/// A leaf over the record.
fn through(catalogue: &Catalogue, kind: &Kind, leaf: &Leaf) -> Result<Condition, String> {
    let condition = leaf_condition(catalogue, &kind.model, leaf)?;
    let found = Subquery::Select { table: kind.model.table.name.clone(), column: named("id"), condition };
    Ok(Condition::Within(named("record"), Box::new(found)))
}

/// Statuses are words outside and numbers in the store.
fn status(leaf: &Leaf) -> Result<Condition, String> {
    let number = |word: &Json| {
        let known = word.as_str().and_then(Status::parse);
        let known = known.ok_or_else(|| format!("sync_status: {word} is no status"))?;
        Ok::<Json, String>(bindings::number(known).into())
    };
    let value = match &leaf.value {
        Json::Array(words) => Json::Array(words.iter().map(number).collect::<Result<_, _>>()?),
        word => number(word)?,
    };
    scalar(&named("sync_status"), &own("sync_status", FieldType::Integer), &Leaf { value, ..leaf.clone() })
}

fn own(name: &str, field_type: FieldType) -> Field {
    Field {
        index: usize::MAX,
        name: name.to_owned(),
        field_type,
        column: Some(name.to_owned()),
        label: String::new(),
        help: String::new(),
        required: false,
        unique: false,
        read_only: true,
        computed: false,
        ondelete: OnDelete::default(),
        default: None,
        delegated: None,
    }
}

fn order(kind: &Kind, text: &str) -> Result<Vec<Order>, Error> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, direction) = part.split_once(char::is_whitespace).unwrap_or((part, "asc"));
        let descending = match direction.trim().to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            other => return Err(wrong(kind, format!("order {part:?}: {other:?} is neither asc nor desc"))),
        };
        out.push(if OWN_FIELDS.contains(&name) {
            Order::Column { column: named(name), descending }
        } else if let Some(field) = kind.field(name) {
            Order::Column { column: extra(field), descending }
        } else {
            let field = kind.model.field(name).and_then(|field| field.column.as_ref());
            let by = field.ok_or_else(|| wrong(kind, format!("order {part:?}: there is no field {name:?}")))?;
            Order::Through {
                column: "record".to_owned(),
                table: kind.model.table.name.clone(),
                by: by.clone(),
                descending,
            }
        });
    }
    out.push(Order::Column { column: named("id"), descending: false });
    Ok(out)
}
