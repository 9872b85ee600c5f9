//! Many writes in one request: each item is taken or refused on its own, and answered in its place.
//!
//! An item's key is the same as the `Idempotency-Key` of a request that sends it alone.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::Response,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    fault::{self, Fault, failure},
    rule::Invalid,
    serve::{json, no_such, said},
    shop::{Inner, Shared},
    state::{Answered, RESOURCES},
};

/// Items that one request may hold.
const MOST: usize = 100;

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    id: Option<u64>,
    key: Option<String>,
    #[serde(borrow)]
    values: &'a RawValue,
}

pub(crate) async fn create(State(shop): State<Shared>, Path(resource): Path<String>, body: Bytes) -> Response<Body> {
    each(&shop, &resource, &body, created)
}

pub(crate) async fn update(State(shop): State<Shared>, Path(resource): Path<String>, body: Bytes) -> Response<Body> {
    each(&shop, &resource, &body, updated)
}

/// An item's status, and its text or what is wrong.
type Outcome = (u16, Result<String, Value>);

fn each(
    shop: &Shared,
    resource: &str,
    body: &[u8],
    write: fn(&mut Inner, &str, &Item<'_>) -> Outcome,
) -> Response<Body> {
    if !RESOURCES.contains(&resource) {
        return no_such();
    }
    let batch: Batch<'_> = match serde_json::from_slice(body) {
        Ok(batch) => batch,
        Err(error) => return failure(400, "invalid_json", &error.to_string()),
    };
    if batch.items.len() > MOST {
        return failure(413, "too_many", "at most 100 items are taken at a time");
    }
    let mut inner = shop.lock();
    let mut text = String::with_capacity(body.len() * 2);
    text.push_str(r#"{"results":["#);
    for (at, item) in batch.items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        // What is to go wrong with a request that sends the item alone, goes wrong with the item.
        let alone = item.id.map_or_else(|| format!("/{resource}"), |id| format!("/{resource}/{id}"));
        let outcome = match fault::pick(&mut inner.armed, if item.id.is_some() { "PUT" } else { "POST" }, &alone) {
            Some(Fault::Status { status, .. }) => (status, Err(json!({ "code": "fault", "message": "on demand" }))),
            Some(Fault::RateLimit { .. }) => (429, Err(json!({ "code": "rate_limited", "message": "too many" }))),
            _ => write(&mut inner, resource, item),
        };
        text.push_str(&match outcome {
            (status, Ok(record)) => format!(r#"{{"status":{status},"record":{record}}}"#),
            (status, Err(error)) => json!({ "status": status, "error": error }).to_string(),
        });
    }
    text.push_str("]}");
    json(200, text)
}

fn created(inner: &mut Inner, resource: &str, item: &Item<'_>) -> Outcome {
    let body = item.values.get().as_bytes();
    inner.journal.wrote(format!("POST /{resource}"), body);
    let key = item.key.clone().map(|key| (resource.to_owned(), key));
    if let Some(answered) = key.as_ref().and_then(|key| inner.state.answered.get(key)) {
        return if answered.body == body {
            (201, Ok(answered.text.clone()))
        } else {
            let message = "this key came with another body";
            (422, Err(json!({ "code": "idempotency_key_reused", "message": message })))
        };
    }
    match value(item).and_then(|value| inner.state.create(resource, value)) {
        Ok((_, text)) => {
            if let Some(key) = key {
                inner.state.answered(key, Answered { body: body.to_vec(), text: text.clone() });
            }
            (201, Ok(text))
        }
        Err(invalid) => (422, Err(said(&invalid))),
    }
}

fn updated(inner: &mut Inner, resource: &str, item: &Item<'_>) -> Outcome {
    let id = item.id.unwrap_or_default();
    inner.journal.wrote(format!("PUT /{resource}/{id}"), item.values.get().as_bytes());
    match value(item).and_then(|value| inner.state.update(resource, id, value)) {
        Ok(Some(text)) => (200, Ok(text)),
        Ok(None) => (404, Err(json!({ "code": "not_found", "message": "there is nothing here" }))),
        Err(invalid) => (422, Err(said(&invalid))),
    }
}

fn value(item: &Item<'_>) -> Result<Value, Invalid> {
    serde_json::from_str(item.values.get()).map_err(|error| Invalid::new("", &error.to_string()))
}
