//! The command line's end of a host's socket: HTTP/1.1 over a Unix socket, one connection per call.

use std::path::Path;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::error::Error;
use crate::{
    base::socket::Address,
    operation::wire::{OPERATION_PATH, PROTOCOL, PROTOCOL_HEADER, Problem, VERSION, VERSION_HEADER},
};

/// A running host, seen from a command.
pub(super) struct Client {
    address: Address,
}

impl Client {
    /// The host behind a socket, or nothing where nobody listens.
    pub(super) async fn find(path: &Path) -> Option<Self> {
        let client = Self { address: Address::new(path).ok()? };
        client.connect().await.ok().map(|_| client)
    }

    async fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.address.as_path()).await
    }

    /// Calls an operation.
    pub(super) async fn call(&self, operation: &str, request: String) -> Result<String, Box<Problem>> {
        let broken = |error: &dyn std::fmt::Display| Error::Host(error.to_string());
        let stream = self.connect().await.map_err(|e| broken(&e))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
        // It ends with the exchange; an error of it is the call's error too.
        let connection = tokio::spawn(connection);
        let request = axum::http::Request::post(format!("{OPERATION_PATH}{operation}"))
            .header("host", "bindery")
            .header("content-type", "application/json")
            .header(PROTOCOL_HEADER, PROTOCOL)
            .header(VERSION_HEADER, VERSION)
            .body(Body::from(request))
            .map_err(|e| broken(&e))?;
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let (parts, body) = response.into_parts();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if header(PROTOCOL_HEADER) != PROTOCOL.to_string() {
            return Err(Error::Version { host: header(VERSION_HEADER).to_owned(), own: VERSION }.into());
        }
        let body = body.collect().await.map_err(|e| broken(&e))?.to_bytes();
        connection.abort();
        let text = String::from_utf8(body.into()).map_err(|e| broken(&e))?;
        if parts.status.is_success() {
            return Ok(text);
        }
        Err(serde_json::from_str(&text).unwrap_or_else(|_| Error::Host(format!("{}: {text}", parts.status)).into()))
    }
}
