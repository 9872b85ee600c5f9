//! Use cases of records: search, read, create, write, unlink, over models and kinds alike.

use bindery_contract::field::FieldType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Caller, Host};
use crate::{
    base::Fault,
    record::{self, Catalogue, Change},
    storage::Durability,
};

/// Searches a model, or a kind under its own name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Model or kind.
    pub model: String,
    /// Domain in prefix notation; null: everything.
    #[serde(default)]
    pub domain: Value,
    /// Fields to read; empty: the ones that tell a record.
    #[serde(default)]
    pub fields: Vec<String>,
    /// At most so many; absent: 80.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Rows to leave out first.
    #[serde(default)]
    pub offset: u64,
    /// `name desc, id`.
    #[serde(default)]
    pub order: String,
    /// Archived records too.
    #[serde(default)]
    pub archived: bool,
}

/// Reads records by id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Model or kind.
    pub model: String,
    /// Their ids.
    pub ids: Vec<i64>,
    /// Fields; empty: all.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rows {
    /// The model or kind.
    pub model: String,
    /// The fields read, in order.
    pub fields: Vec<String>,
    /// One JSON object a record: `id` and the fields.
    pub rows: Vec<Value>,
    /// How many match in all; absent where it was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Creates a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Model or kind.
    pub model: String,
    /// Fields and values.
    pub values: Value,
}

/// Changes a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Model or kind.
    pub model: String,
    /// The record.
    pub id: i64,
    /// Fields and values. Null clears; what is absent stays.
    pub values: Value,
}

/// Removes records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlink {
    /// Model or kind.
    pub model: String,
    /// The records.
    pub ids: Vec<i64>,
}

/// What was written.
#[derive(Debug, Serialize, Deserialize)]
pub struct Written {
    /// The model or kind.
    pub model: String,
    /// The records.
    pub ids: Vec<i64>,
    /// Fields that differ from before, of a write.
    pub changed: Vec<String>,
}

/// Which models to show.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Which {
    /// Only this model or kind.
    pub model: Option<String>,
}

/// Models and kinds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Models {
    /// By name.
    pub models: Vec<Model>,
}

/// A model, or a kind.
#[derive(Debug, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// The record model, of a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind_of: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type: `text`, `many2one`, …
    pub field_type: String,
    /// The model a relation leads to, the words of a selection, the digits of a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub help: String,
    /// Must have a value.
    pub required: bool,
    /// Only connectors write it.
    pub read_only: bool,
}

/// Rows of a search when nobody says otherwise.
const LIMIT: u64 = 80;
/// Columns of a search that names none.
const COLUMNS: usize = 7;

pub(super) async fn search(host: &Host, _: &Caller, request: Search) -> Result<Rows, Fault> {
    let catalogue = host.catalogue.get();
    let fields = match request.fields.is_empty() {
        true => telling(&catalogue, &request.model)?,
        false => with_id(request.fields),
    };
    let query = record::Query {
        domain: request.domain,
        limit: Some(request.limit.unwrap_or(LIMIT)),
        offset: request.offset,
        order: request.order,
        archived: request.archived,
    };
    let (model, wanted) = (request.model.clone(), fields.clone());
    let (rows, total) = host
        .store
        .read(move |tx| {
            let rows = record::named::search_read(tx, &catalogue, &model, &query, &wanted)?;
            Ok::<_, record::Error>((rows, record::named::count(tx, &catalogue, &model, &query)?))
        })
        .await?;
    let rows = rows.into_iter().map(Value::Object).collect();
    Ok(Rows { model: request.model, fields, rows, total: Some(total) })
}

pub(super) async fn read(host: &Host, _: &Caller, request: Read) -> Result<Rows, Fault> {
    let catalogue = host.catalogue.get();
    let fields = match request.fields.is_empty() {
        true => all(&catalogue, &request.model)?,
        false => with_id(request.fields),
    };
    let (model, wanted) = (request.model.clone(), fields.clone());
    let rows = host
        .store
        .read(move |tx| {
            let rows = record::named::read(tx, &catalogue, &model, &request.ids, &wanted)?;
            // Asked for by id, a record that is not there is an error, not a shorter list.
            match request.ids.iter().find(|id| !rows.iter().any(|row| row["id"] == **id)) {
                Some(id) => Err(record::Error::Missing { model, id: *id }),
                None => Ok(rows),
            }
        })
        .await?;
    Ok(Rows { model: request.model, fields, rows: rows.into_iter().map(Value::Object).collect(), total: None })
}

pub(super) async fn create(host: &Host, caller: &Caller, request: Create) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let (model, change) = (request.model.clone(), Change::local(&caller.actor, host.clock.now()));
    let values = values(host, request.values)?;
    let id = host
        .store
        .write(Durability::Durable, move |tx| record::named::create(tx, &catalogue, &model, &values, &change))
        .await?;
    Ok(Written { model: request.model, ids: vec![id], changed: Vec::new() })
}

pub(super) async fn write(host: &Host, caller: &Caller, request: Write) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let (model, change) = (request.model.clone(), Change::local(&caller.actor, host.clock.now()));
    let (id, values) = (request.id, values(host, request.values)?);
    let changed = host
        .store
        .write(Durability::Durable, move |tx| record::named::write(tx, &catalogue, &model, id, &values, &change))
        .await?;
    Ok(Written { model: request.model, ids: vec![id], changed })
}

pub(super) async fn unlink(host: &Host, caller: &Caller, request: Unlink) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let (model, change) = (request.model.clone(), Change::local(&caller.actor, host.clock.now()));
    let ids = request.ids.clone();
    host.store
        .write(Durability::Durable, move |tx| record::named::unlink(tx, &catalogue, &model, &ids, &change))
        .await?;
    Ok(Written { model: request.model, ids: request.ids, changed: Vec::new() })
}

pub(super) async fn models(host: &Host, _: &Caller, which: Which) -> Result<Models, Fault> {
    let catalogue = host.catalogue.get();
    let mut models: Vec<Model> = catalogue
        .models()
        .map(|model| Model {
            name: model.name.clone(),
            kind_of: None,
            fields: model.fields.iter().map(field).collect(),
        })
        .chain(catalogue.kinds().map(|kind| Model {
            name: kind.name.clone(),
            kind_of: Some(kind.model.name.clone()),
            fields: kind.fields.iter().map(field).collect(),
        }))
        .collect();
    if let Some(name) = which.model {
        models.retain(|model| model.name == name);
        if models.is_empty() {
            return Err(host.catalogue.get().unknown(&name).into());
        }
    }
    Ok(Models { models })
}

fn field(field: &record::Field) -> Field {
    let word = serde_json::to_value(&field.field_type).unwrap_or_default();
    let target = match &field.field_type {
        FieldType::Decimal { scale } => Some(format!("{scale} digits")),
        FieldType::Money { currency } => Some(currency.clone()),
        FieldType::Selection { options } => Some(options.join("|")),
        _ => field.target().map(str::to_owned),
    };
    Field {
        name: field.name.clone(),
        field_type: word["type"].as_str().unwrap_or("unknown").to_owned(),
        target,
        help: if field.help.is_empty() { field.label.clone() } else { field.help.clone() },
        required: field.required,
        read_only: field.read_only || field.computed,
    }
}

/// Values as text; a backend may be named instead of numbered.
fn values(host: &Host, mut values: Value) -> Result<String, Fault> {
    if let Some(Value::String(name)) = values.get("backend").cloned() {
        values["backend"] = host.backend_id(&name)?.into();
    }
    Ok(values.to_string())
}

fn with_id(fields: Vec<String>) -> Vec<String> {
    let asked = fields.into_iter().filter(|field| field != "id");
    std::iter::once("id".to_owned()).chain(asked).collect()
}

/// Fields that every binding has, as a kind under its own name shows them.
const OF_BINDING: [&str; 5] = ["backend", "external_id", "record", "sync_status", "sync_date"];

fn all(catalogue: &Catalogue, name: &str) -> Result<Vec<String>, record::Error> {
    let names = |fields: &[record::Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    Ok(with_id(match catalogue.kind(name) {
        Some(kind) => {
            let of_binding = OF_BINDING.map(str::to_owned).into_iter();
            of_binding.chain(names(&kind.fields)).chain(names(&kind.model.fields)).collect()
        }
        None => names(&catalogue.need_model(name)?.fields),
    }))
}

/// Fields that tell records of business apart, most telling first.
const TELLING: [&str; 16] = [
    "default_code",
    "email",
    "partner_id",
    "product_id",
    "state",
    "date_order",
    "invoice_date",
    "amount_total",
    "list_price",
    "location_id",
    "quantity",
    "amount",
    "code",
    "barcode",
    "phone",
    "city",
];

/// The fields that tell a record to a person: its name, then the telling ones, then the first short ones.
fn telling(catalogue: &Catalogue, name: &str) -> Result<Vec<String>, record::Error> {
    let (model, mut fields) = match catalogue.kind(name) {
        Some(kind) => (&kind.model, OF_BINDING[1..4].iter().map(|name| (*name).to_owned()).collect()),
        None => (catalogue.need_model(name)?, Vec::with_capacity(COLUMNS)),
    };
    let is_short = |field: &&record::Field| field.is_stored() && !matches!(field.field_type, FieldType::Binary);
    let named = std::iter::once(model.display.as_str()).chain(TELLING).filter_map(|name| model.field(name));
    for field in named.chain(model.fields.iter()).filter(is_short) {
        if fields.len() < COLUMNS && !fields.contains(&field.name) {
            fields.push(field.name.clone());
        }
    }
    Ok(with_id(fields))
}
