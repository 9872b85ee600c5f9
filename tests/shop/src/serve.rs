//! The shop's routes, and what stands before every one of them: the log, the token, limits, gates and faults.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Extension, Path, Query, Request, State},
    http::{HeaderMap, Response},
    middleware::{self, Next},
    routing::{any, get, post},
};
use serde_json::Value;

use crate::{
    batch, clock, control,
    fault::{self, Fault, answer, failure},
    gate::Point,
    habit::{self, When},
    journal::Entry,
    list,
    rule::Invalid,
    shop::{Inner, Shared},
    state::{Answered, RESOURCES},
    upload,
};

/// The fault of a request, for those that bend the answer itself.
#[derive(Clone)]
struct Asked(Option<Fault>);

pub(crate) fn router(shop: Shared) -> Router {
    let api = Router::new()
        .route("/shop", get(shop_itself))
        .route("/token", post(upload::token))
        .route("/upload", post(upload::upload))
        .route("/echo", any(upload::echo))
        .route("/{resource}", get(list_items).post(create_item))
        .route("/{resource}/batch", post(batch::create).put(batch::update))
        .route("/{resource}/{id}", get(read_item).put(update_item).delete(delete_item))
        .layer(middleware::from_fn_with_state(shop.clone(), before))
        .layer(axum::extract::DefaultBodyLimit::max(64 * 1024 * 1024));
    let control = control::router().layer(middleware::from_fn_with_state(shop.clone(), kept));
    Router::new().nest("/_control", control).merge(api).with_state(shop)
}

/// What a request changed is in the shop's file before it is answered.
async fn kept(State(shop): State<Shared>, request: Request, next: Next) -> Response<Body> {
    let response = next.run(request).await;
    shop.lock().state.write();
    response
}

async fn before(State(shop): State<Shared>, mut request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let (entry, allowed) = described(&shop, &request);
    let number = shop.lock().journal.arrived(entry);
    hold(&shop, Point::Before, &method, &path).await;
    let response = if allowed {
        let fault = fault::pick(&mut shop.lock().armed, &method, &path);
        match fault.as_ref().and_then(Fault::instead) {
            Some(instead) => instead,
            None => {
                request.extensions_mut().insert(Asked(fault.clone()));
                let response = limited(&shop, request, next).await;
                hold(&shop, Point::After, &method, &path).await;
                match fault {
                    Some(fault) => fault.spoil(response).await,
                    None => response,
                }
            }
        }
    } else {
        failure(401, "unauthorized", "the bearer token is missing or wrong")
    };
    shop.lock().journal.answered(number, response.status().as_u16());
    response
}

/// What the log keeps of a request, and whether its token is right.
fn described(shop: &Shared, request: &Request) -> (Entry, bool) {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let path = request.uri().path();
    let allowed = path == "/token" || header("authorization") == Some(format!("Bearer {}", shop.token()));
    let entry = Entry {
        number: 0,
        method: request.method().as_str().to_owned(),
        path: path.to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        status: 0,
        idempotency_key: header("idempotency-key"),
    };
    (entry, allowed)
}

async fn hold(shop: &Shared, point: Point, method: &str, path: &str) {
    let gate = shop.lock().gates.values().find(|gate| gate.point == point && gate.takes(method, path)).cloned();
    if let Some(gate) = gate {
        gate.hold().await;
    }
}

async fn limited(shop: &Shared, request: Request, next: Next) -> Response<Body> {
    let verdict = shop.lock().rate.as_mut().map(|rate| rate.take());
    let Some(verdict) = verdict else { return kept(State(shop.clone()), request, next).await };
    if let Some(seconds) = verdict.retry_after {
        return fault::rate_limited(verdict.limit, seconds);
    }
    let mut response = kept(State(shop.clone()), request, next).await;
    fault::limits(&mut response, verdict.limit, verdict.remaining);
    response
}

async fn shop_itself(State(shop): State<Shared>) -> Response<Body> {
    let time = clock::rfc3339(shop.lock().state.clock.now());
    json(200, format!(r#"{{"name":"Demo Shop","version":"2.0","currency":"EUR","time":"{time}"}}"#))
}

async fn list_items(
    State(shop): State<Shared>,
    Path(resource): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
    Extension(Asked(fault)): Extension<Asked>,
) -> Response<Body> {
    let inner = shop.lock();
    let Some(collection) = inner.state.find(&resource) else { return no_such() };
    match list::page(collection, &parameters, fault.as_ref(), inner.state.clock.now()) {
        Ok(body) => json(200, body),
        Err(invalid) => refused(&invalid),
    }
}

async fn read_item(State(shop): State<Shared>, Path((resource, id)): Path<(String, String)>) -> Response<Body> {
    let inner = shop.lock();
    let item = id.parse().ok().and_then(|id| inner.state.find(&resource)?.get(id).cloned());
    item.map_or_else(no_such, |item| json(200, item.text.to_string()))
}

async fn create_item(
    State(shop): State<Shared>,
    Path(resource): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if !RESOURCES.contains(&resource.as_str()) {
        return no_such();
    }
    let key =
        headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(|key| (resource.clone(), key.to_owned()));
    let mut inner = shop.lock();
    inner.journal.wrote(format!("POST /{resource}"), &body);
    if let Some(answered) = key.as_ref().and_then(|key| inner.state.answered.get(key)) {
        return if answered.body == body {
            json(201, answered.text.clone())
        } else {
            failure(422, "idempotency_key_reused", "this Idempotency-Key came with another body")
        };
    }
    let value = match parsed(&body) {
        Ok(value) => value,
        Err(response) => return response,
    };
    match sent(&mut inner, &resource, value, |state, value| state.create(&resource, value).map(Some)) {
        Ok(None) => no_such(),
        Ok(Some((_, text))) => {
            if let Some(key) = key {
                inner.state.answered(key, Answered { body: body.to_vec(), text: text.clone() });
            }
            json(201, text)
        }
        Err(invalid) => refused(&invalid),
    }
}

async fn update_item(
    State(shop): State<Shared>,
    Path((resource, id)): Path<(String, String)>,
    body: Bytes,
) -> Response<Body> {
    let Some(id) = id.parse().ok().filter(|_| RESOURCES.contains(&resource.as_str())) else { return no_such() };
    let value = match parsed(&body) {
        Ok(value) => value,
        Err(response) => return response,
    };
    let mut inner = shop.lock();
    inner.journal.wrote(format!("PUT /{resource}/{id}"), &body);
    let update =
        |state: &mut crate::state::State, value| Ok(state.update(&resource, id, value)?.map(|text| (id, text)));
    match sent(&mut inner, &resource, value, update) {
        Ok(Some((_, text))) => json(200, text),
        Ok(None) => no_such(),
        Err(invalid) => refused(&invalid),
    }
}

/// Stores what was sent, as far as the shop leaves it so; answers the id and what the client is told.
fn sent(
    inner: &mut Inner,
    resource: &str,
    mut value: Value,
    store: impl FnOnce(&mut crate::state::State, Value) -> Result<Option<(u64, String)>, Invalid>,
) -> Result<Option<(u64, String)>, Invalid> {
    let changes = |inner: &Inner, when, value: &Value| match value {
        Value::Object(fields) => habit::changes(&inner.habits, resource, when, fields),
        _ => serde_json::Map::new(),
    };
    let at_once = changes(inner, When::AtOnce, &value);
    if let Value::Object(fields) = &mut value {
        fields.extend(at_once);
    }
    let later = changes(inner, When::Later, &value);
    let stored = store(&mut inner.state, value)?;
    if let Some((id, _)) = stored.as_ref().filter(|_| !later.is_empty()) {
        inner.state.update(resource, *id, Value::Object(later))?;
    }
    Ok(stored)
}

async fn delete_item(State(shop): State<Shared>, Path((resource, id)): Path<(String, String)>) -> Response<Body> {
    let Some(id) = id.parse().ok().filter(|_| RESOURCES.contains(&resource.as_str())) else { return no_such() };
    if shop.lock().state.remove(&resource, id) { answer(204, "application/json", "") } else { no_such() }
}

#[expect(clippy::result_large_err, reason = "the error is the answer, given back at once")]
pub(crate) fn parsed(body: &[u8]) -> Result<Value, Response<Body>> {
    serde_json::from_slice(body).map_err(|error| failure(400, "invalid_json", &error.to_string()))
}

pub(crate) fn json(status: u16, body: String) -> Response<Body> {
    answer(status, "application/json", body)
}

pub(crate) fn no_such() -> Response<Body> {
    failure(404, "not_found", "there is nothing here")
}

pub(crate) fn refused(invalid: &Invalid) -> Response<Body> {
    json(422, serde_json::json!({"error": said(invalid)}).to_string())
}

/// What is wrong with a request.
pub(crate) fn said(invalid: &Invalid) -> Value {
    serde_json::json!({"code": "invalid", "message": invalid.message, "field": invalid.field})
}
