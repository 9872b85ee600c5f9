//! Routes that show what a client sent: form login, file upload, and an echo. They keep nothing.

use axum::{
    Json,
    extract::{Form, Multipart, Query, State},
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{fault::failure, shop::Shared};

#[derive(Deserialize)]
pub(crate) struct Login {
    client_id: String,
    client_secret: String,
}

/// Gives the bearer token for the secret, as OAuth's client credentials do.
pub(crate) async fn token(State(shop): State<Shared>, Form(login): Form<Login>) -> Response {
    if login.client_id.is_empty() || login.client_secret != shop.token() {
        return failure(401, "unauthorized", "client_id or client_secret is wrong");
    }
    Json(json!({"access_token": shop.token(), "token_type": "Bearer", "expires_in": 3600})).into_response()
}

/// Names and sizes of the parts.
pub(crate) async fn upload(mut parts: Multipart) -> Response {
    let mut seen = Vec::new();
    while let Ok(Some(part)) = parts.next_field().await {
        let (name, file_name) = (part.name().map(str::to_owned), part.file_name().map(str::to_owned));
        let content_type = part.content_type().map(str::to_owned);
        let length = part.bytes().await.map(|bytes| bytes.len()).unwrap_or_default();
        seen.push(json!({"name": name, "file_name": file_name, "content_type": content_type, "length": length}));
    }
    Json(json!({"parts": seen})).into_response()
}

/// Method, query, headers and body of the request, without its credentials.
pub(crate) async fn echo(
    method: Method,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut shown = Map::new();
    for (name, value) in &headers {
        let text = if name == "authorization" { "***" } else { value.to_str().unwrap_or("(binary)") };
        shown.insert(name.to_string(), Value::from(text));
    }
    Json(json!({"method": method.as_str(), "query": query, "headers": shown, "body": body})).into_response()
}
