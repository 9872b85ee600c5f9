//! Records of models, and of kinds under their own names: searched and read with what the call wrote before, written at
//! the commit. Under a kind's name a connector only meets the bindings of its own backend.

use bindery_contract::{Frame, service};
use serde_json::{Map, Value as Json, json};

use super::{
    ask::{Ask, unknown},
    refusal::{Refusal, Told},
};
use crate::{
    plugin::{
        commit::Guard,
        guard::Answer,
        temporary::{Ids, Thing},
        write::What,
    },
    record::{Catalogue, Error, Field, Model, Query, named},
    storage::Tx,
};

/// Rows that one search answers at most.
const MOST_ROWS: u64 = 10_000;

impl Ask<'_> {
    pub(super) async fn search(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let search: service::Search = frame.header()?;
        let query = self.query(&search)?;
        let (model, fields) = (search.model, search.fields);
        let rows = self
            .read(move |tx, guard, ids| {
                let query = resolved(&query, ids)?;
                let rows = named::search_read(tx, &guard.catalogue, &model, &query, &fields)?;
                Ok(shown(&guard.catalogue, &model, rows, ids))
            })
            .await?;
        Ok(Frame::encode(&service::Rows { rows }, &[])?)
    }

    pub(super) async fn count(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let search: service::Search = frame.header()?;
        let query = self.query(&search)?;
        let count = self
            .read(move |tx, guard, ids| Ok(named::count(tx, &guard.catalogue, &search.model, &resolved(&query, ids)?)?))
            .await?;
        Ok(Frame::encode(&service::Count { count }, &[])?)
    }

    pub(super) async fn read_records(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::ReadRecords { model, ids: wanted, fields } = frame.header()?;
        self.may_use(&model)?;
        if wanted.len() as u64 > MOST_ROWS {
            return Err(Refusal::Wrong(format!("{} ids are more than {MOST_ROWS} at once", wanted.len())).into());
        }
        let rows = self
            .read(move |tx, guard, ids| {
                let wanted: Vec<i64> =
                    wanted.iter().map(|id| ids.get(*id).ok_or_else(|| unknown(*id))).collect::<Result<_, _>>()?;
                let wanted = of_backend(tx, guard, &model, wanted)?;
                let rows = named::read(tx, &guard.catalogue, &model, &wanted, &fields)?;
                Ok(shown(&guard.catalogue, &model, rows, ids))
            })
            .await?;
        Ok(Frame::encode(&service::Rows { rows }, &[])?)
    }

    pub(super) fn create(&self, frame: &Frame<'_>) -> Answer {
        let (model, _, values) = self.written(frame)?;
        let id = self.push(What::Create { model, values }).map_err(Told::from)?;
        Frame::encode(&service::RecordId { id }, &[])
    }

    pub(super) fn write(&self, frame: &Frame<'_>) -> Answer {
        let (model, id, values) = self.written(frame)?;
        let id = need(id)?;
        self.push(What::Change { model, id, values }).map_err(Told::from)?;
        Frame::encode(&service::RecordId { id }, &[])
    }

    pub(super) fn unlink(&self, frame: &Frame<'_>) -> Answer {
        let service::WriteRecord { model, id } = frame.header()?;
        self.may_use(&model).map_err(Told::from)?;
        let id = need(id)?;
        self.push(What::Unlink { model, id }).map_err(Told::from)?;
        Frame::encode(&service::RecordId { id }, &[])
    }

    /// What is to be written, as far as it can be checked without the store.
    fn written(&self, frame: &Frame<'_>) -> Result<(String, Option<i64>, String), Told> {
        let service::WriteRecord { model, id } = frame.header()?;
        self.may_use(&model)?;
        let values = text(frame.segment(0)?)?;
        let catalogue = self.services.catalogue.get();
        let (of, decoded) = named::decoded(&catalogue, &model, values)?;
        self.may_write(&catalogue, &of, &decoded)?;
        Ok((model, id, values.to_owned()))
    }

    fn query(&self, search: &service::Search) -> Result<Query, Told> {
        let catalogue = self.services.catalogue.get();
        self.may_search(&catalogue, &search.model, &search.domain, &search.order)?;
        let mut domain = search.domain.clone();
        if catalogue.model(&search.model).is_none() {
            let ours = json!(["backend", "=", self.backend()]);
            match &mut domain {
                Json::Array(terms) => terms.insert(0, ours),
                Json::Null => domain = json!([ours]),
                _ => {}
            }
        }
        let limit = Some(search.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS));
        let (offset, order, archived) = (search.offset, search.order.clone(), search.archived);
        Ok(Query { domain, limit, offset, order, archived })
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Told> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::Wrong("values are not UTF-8".to_owned()).into())
}

fn need(id: Option<i64>) -> Result<i64, Told> {
    id.ok_or_else(|| Refusal::Wrong("the id of the record is missing".to_owned()).into())
}

fn resolved(query: &Query, ids: &Ids) -> Result<Query, Told> {
    let mut query = query.clone();
    ids.tree(&mut query.domain).map_err(unknown)?;
    Ok(query)
}

/// Of bindings only those of the scope's backend.
fn of_backend(tx: &mut dyn Tx, guard: &Guard, name: &str, wanted: Vec<i64>) -> Result<Vec<i64>, Error> {
    if guard.catalogue.model(name).is_some() {
        return Ok(wanted);
    }
    let domain = json!([["backend", "=", guard.backend], ["id", "in", wanted]]);
    let ours = named::search(tx, &guard.catalogue, name, &Query { domain, archived: true, ..Query::default() })?;
    Ok(wanted.into_iter().filter(|id| ours.contains(id)).collect())
}

/// Rows with temporary ids in place of those that nobody has committed.
fn shown(catalogue: &Catalogue, name: &str, rows: Vec<Map<String, Json>>, ids: &Ids) -> Vec<Json> {
    let is_plain = ids.things().next().is_none();
    let show = |mut row: Map<String, Json>| {
        if !is_plain {
            match (catalogue.model(name), catalogue.kind(name)) {
                (Some(model), _) => {
                    rename(&mut row, "id", Thing::Record(model.id), ids);
                    relations(catalogue, model, &mut row, ids);
                }
                (None, Some(kind)) => {
                    rename(&mut row, "id", Thing::Binding, ids);
                    rename(&mut row, "record", Thing::Record(kind.model.id), ids);
                    relations(catalogue, &kind.model, &mut row, ids);
                    kind.fields.iter().for_each(|field| relation(catalogue, field, &mut row, ids));
                }
                (None, None) => {}
            }
        }
        Json::Object(row)
    };
    rows.into_iter().map(show).collect()
}

fn relations(catalogue: &Catalogue, model: &Model, row: &mut Map<String, Json>, ids: &Ids) {
    for field in &model.fields {
        relation(catalogue, field, row, ids);
    }
}

fn relation(catalogue: &Catalogue, field: &Field, row: &mut Map<String, Json>, ids: &Ids) {
    if let Some(target) = field.target().and_then(|name| catalogue.model(name)) {
        rename(row, &field.name, Thing::Record(target.id), ids);
    }
}

fn rename(row: &mut Map<String, Json>, field: &str, thing: Thing, ids: &Ids) {
    let name = |value: &mut Json| {
        if let Some(id) = value.as_i64() {
            *value = ids.name(thing, id).into();
        }
    };
    match row.get_mut(field) {
        Some(Json::Array(items)) => items.iter_mut().for_each(name),
        Some(value) => name(value),
        None => {}
    }
}
