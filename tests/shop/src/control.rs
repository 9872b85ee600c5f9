//! `/_control`: steers a shop that runs as a program. Everything here is a method of [`crate::Shop`] too.

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::Response,
    response::IntoResponse as _,
    routing::{delete, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    fault::{Fault, failure},
    gate::Point,
    shop::Shared,
    state::RESOURCES,
};

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/touch", post(touch))
        .route("/edit", post(edit))
        .route("/add", post(add))
        .route("/delete", post(remove))
        .route("/raw", post(raw))
        .route("/fault", post(fault).delete(clear_faults))
        .route("/gate", post(gate))
        .route("/gate/{id}/arrived", get(arrived))
        .route("/gate/{id}/release", post(release))
        .route("/rate", post(rate).delete(clear_rate))
        .route("/log", delete(clear_log).get(log))
        .route("/writes", get(writes))
        .route("/counters", get(counters))
        .route("/items/{resource}", get(items))
}

#[derive(Deserialize)]
struct Touch {
    resource: String,
    count: usize,
}

async fn touch(State(shop): State<Shared>, Json(asked): Json<Touch>) -> Response<Body> {
    if let Some(refusal) = unknown(&asked.resource) {
        return refusal;
    }
    let ids = shop.lock().state.touch(&asked.resource, asked.count);
    Json(json!({"ids": ids})).into_response()
}

#[derive(Deserialize)]
struct Edit {
    resource: String,
    id: u64,
    set: Value,
}

async fn edit(State(shop): State<Shared>, Json(asked): Json<Edit>) -> Response<Body> {
    if let Some(refusal) = unknown(&asked.resource) {
        return refusal;
    }
    match shop.lock().state.update(&asked.resource, asked.id, asked.set) {
        Ok(Some(text)) => crate::fault::answer(200, "application/json", text),
        Ok(None) => failure(404, "not_found", "there is nothing here"),
        Err(invalid) => failure(422, "invalid", &format!("{} {}", invalid.field, invalid.message)),
    }
}

#[derive(Deserialize)]
struct Add {
    resource: String,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    value: Option<Value>,
}

async fn add(State(shop): State<Shared>, Json(asked): Json<Add>) -> Response<Body> {
    if let Some(refusal) = unknown(&asked.resource) {
        return refusal;
    }
    let mut ids = Vec::new();
    for at in 0..asked.count.unwrap_or(1) {
        let value = asked.value.clone().unwrap_or_else(|| shop.sample(&asked.resource, at));
        match shop.lock().state.create(&asked.resource, value) {
            Ok((id, _)) => ids.push(id),
            Err(invalid) => return failure(422, "invalid", &format!("{} {}", invalid.field, invalid.message)),
        }
    }
    Json(json!({"ids": ids})).into_response()
}

#[derive(Deserialize)]
struct Remove {
    resource: String,
    ids: Vec<u64>,
}

async fn remove(State(shop): State<Shared>, Json(asked): Json<Remove>) -> Response<Body> {
    if let Some(refusal) = unknown(&asked.resource) {
        return refusal;
    }
    let mut inner = shop.lock();
    let removed = asked.ids.iter().filter(|id| inner.state.remove(&asked.resource, **id)).count();
    Json(json!({"removed": removed})).into_response()
}

#[derive(Deserialize)]
struct Raw {
    resource: String,
    id: u64,
    text: String,
}

async fn raw(State(shop): State<Shared>, Json(asked): Json<Raw>) -> Response<Body> {
    if let Some(refusal) = unknown(&asked.resource) {
        return refusal;
    }
    shop.lock().state.put_raw(&asked.resource, asked.id, &asked.text);
    Json(json!({"id": asked.id})).into_response()
}

#[derive(Deserialize)]
struct Arm {
    on: String,
    #[serde(default)]
    times: Option<u32>,
    #[serde(default)]
    skip: u32,
    fault: Fault,
}

async fn fault(State(shop): State<Shared>, Json(asked): Json<Arm>) -> Response<Body> {
    let id = shop.arm(&asked.on, asked.skip, asked.times, asked.fault);
    Json(json!({"fault": id})).into_response()
}

async fn clear_faults(State(shop): State<Shared>) -> Response<Body> {
    shop.lock().armed.clear();
    Json(json!({})).into_response()
}

#[derive(Deserialize)]
struct Hold {
    on: String,
    #[serde(default)]
    point: Point,
    /// Requests that pass first.
    #[serde(default)]
    skip: u32,
}

async fn gate(State(shop): State<Shared>, Json(asked): Json<Hold>) -> Response<Body> {
    let (id, _) = shop.add_gate(&asked.on, asked.point, asked.skip);
    Json(json!({"gate": id})).into_response()
}

async fn arrived(State(shop): State<Shared>, Path(id): Path<u64>) -> Response<Body> {
    let gate = shop.lock().gates.get(&id).cloned();
    let Some(gate) = gate else { return failure(404, "not_found", "there is no such gate") };
    gate.arrived().await;
    Json(json!({"gate": id, "arrived": true})).into_response()
}

async fn release(State(shop): State<Shared>, Path(id): Path<u64>) -> Response<Body> {
    let gate = shop.lock().gates.remove(&id);
    let Some(gate) = gate else { return failure(404, "not_found", "there is no such gate") };
    gate.release();
    Json(json!({"gate": id, "released": true})).into_response()
}

#[derive(Deserialize)]
struct Limit {
    per_second: f64,
    burst: f64,
}

async fn rate(State(shop): State<Shared>, Json(asked): Json<Limit>) -> Response<Body> {
    shop.lock().rate = Some(crate::rate::Rate::new(asked.per_second, asked.burst));
    Json(json!({})).into_response()
}

async fn clear_rate(State(shop): State<Shared>) -> Response<Body> {
    shop.lock().rate = None;
    Json(json!({})).into_response()
}

async fn log(State(shop): State<Shared>) -> Response<Body> {
    let entries = shop.lock().journal.entries();
    Json(json!({"requests": entries})).into_response()
}

async fn clear_log(State(shop): State<Shared>) -> Response<Body> {
    shop.lock().journal.clear();
    Json(json!({})).into_response()
}

async fn writes(State(shop): State<Shared>) -> Response<Body> {
    let inner = shop.lock();
    let write = |(request, body): (&str, &[u8])| json!({"request": request, "body": String::from_utf8_lossy(body)});
    let writes: Vec<Value> = inner.journal.writes().map(write).collect();
    Json(json!({"writes": writes})).into_response()
}

async fn counters(State(shop): State<Shared>) -> Response<Body> {
    let counts = shop.lock().journal.counts().clone();
    Json(json!(counts)).into_response()
}

/// All items of a resource, whatever goes wrong with the API.
async fn items(State(shop): State<Shared>, Path(resource): Path<String>) -> Response<Body> {
    if let Some(refusal) = unknown(&resource) {
        return refusal;
    }
    let mut inner = shop.lock();
    let collection = inner.state.resource(&resource);
    let items: Vec<Value> = collection.ids().into_iter().filter_map(|id| collection.value(id)).collect();
    Json(json!({"items": items})).into_response()
}

fn unknown(resource: &str) -> Option<Response<Body>> {
    let known = RESOURCES.contains(&resource);
    (!known)
        .then(|| failure(404, "not_found", &format!("no resource `{resource}`; there are {}", RESOURCES.join(", "))))
}
