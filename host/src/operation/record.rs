//! Use cases of records: search, read, create, write, unlink, over models and kinds alike.

use bindery_contract::field::FieldType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Caller, Host};
use crate::{
    base::Fault,
    record::{self, Catalogue, Change},
    storage::{Durability, Tx},
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
    let model = catalogue.need_model(&request.model)?.clone();
    let fields = match request.fields.is_empty() {
        true => telling(&model),
        false => indexes(&model, &request.fields)?,
    };
    let query = record::Query {
        domain: request.domain,
        limit: Some(request.limit.unwrap_or(LIMIT)),
        offset: request.offset,
        order: request.order,
        archived: request.archived,
    };
    let names = names(&model, &fields);
    let (rows, total) = host
        .store
        .read(move |tx| {
            let ids = record::search(tx, &catalogue, &model, &query)?;
            let rows = read_rows(tx, &catalogue, &model, &ids, &fields)?;
            Ok::<_, record::Error>((rows, record::count(tx, &catalogue, &model, &query)?))
        })
        .await?;
    Ok(Rows { model: request.model, fields: names, rows, total: Some(total) })
}

pub(super) async fn read(host: &Host, _: &Caller, request: Read) -> Result<Rows, Fault> {
    let catalogue = host.catalogue.get();
    let model = catalogue.need_model(&request.model)?.clone();
    let fields = match request.fields.is_empty() {
        true => (0..model.fields.len()).collect(),
        false => indexes(&model, &request.fields)?,
    };
    let names = names(&model, &fields);
    let rows = host
        .store
        .read(move |tx| {
            let rows = read_rows(tx, &catalogue, &model, &request.ids, &fields)?;
            // Asked for by id, a record that is not there is an error, not a shorter list.
            match request.ids.iter().find(|id| !rows.iter().any(|row| row["id"] == **id)) {
                Some(id) => Err(record::Error::Missing { model: model.name.clone(), id: *id }),
                None => Ok(rows),
            }
        })
        .await?;
    Ok(Rows { model: request.model, fields: names, rows, total: None })
}

pub(super) async fn create(host: &Host, caller: &Caller, request: Create) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let model = catalogue.need_model(&request.model)?.clone();
    let values = record::decode::values(&catalogue, &model, &request.values.to_string())?;
    let change = Change::local(&caller.actor, host.clock.now());
    let id = host
        .store
        .write(Durability::Durable, move |tx| record::create(tx, &catalogue, &model, &values, &change))
        .await?;
    Ok(Written { model: request.model, ids: vec![id] })
}

pub(super) async fn write(host: &Host, caller: &Caller, request: Write) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let model = catalogue.need_model(&request.model)?.clone();
    let values = record::decode::values(&catalogue, &model, &request.values.to_string())?;
    let change = Change::local(&caller.actor, host.clock.now());
    let id = request.id;
    host.store
        .write(Durability::Durable, move |tx| record::write(tx, &catalogue, &model, id, &values, &change))
        .await?;
    Ok(Written { model: request.model, ids: vec![id] })
}

pub(super) async fn unlink(host: &Host, caller: &Caller, request: Unlink) -> Result<Written, Fault> {
    let catalogue = host.catalogue.get();
    let model = catalogue.need_model(&request.model)?.clone();
    let change = Change::local(&caller.actor, host.clock.now());
    let ids = request.ids.clone();
    host.store.write(Durability::Durable, move |tx| record::unlink(tx, &catalogue, &model, &ids, &change)).await?;
    Ok(Written { model: request.model, ids: request.ids })
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
            return Err(record::Error::UnknownModel(name).into());
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

fn read_rows(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &record::Model,
    ids: &[i64],
    fields: &[usize],
) -> Result<Vec<Value>, record::Error> {
    let rows = record::read(tx, catalogue, model, ids, fields)?;
    Ok(rows.iter().map(|row| Value::Object(record::encode::row(model, row))).collect())
}

fn indexes(model: &record::Model, fields: &[String]) -> Result<Vec<usize>, record::Error> {
    let find = |name: &String| {
        model
            .field(name)
            .map(|field| field.index)
            .ok_or_else(|| record::Error::field(&model.name, name, "there is no such field"))
    };
    fields.iter().filter(|name| *name != "id").map(find).collect()
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
fn telling(model: &record::Model) -> Vec<usize> {
    let is_short = |field: &&record::Field| field.is_stored() && !matches!(field.field_type, FieldType::Binary);
    let named = std::iter::once(model.display.as_str()).chain(TELLING).filter_map(|name| model.field(name));
    let mut fields = Vec::with_capacity(COLUMNS);
    for field in named.chain(model.fields.iter()).filter(is_short) {
        if fields.len() < COLUMNS && !fields.contains(&field.index) {
            fields.push(field.index);
        }
    }
    fields
}

fn names(model: &record::Model, fields: &[usize]) -> Vec<String> {
    let name = |index: &usize| model.fields[*index].name.clone();
    std::iter::once("id".to_owned()).chain(fields.iter().map(name)).collect()
}
