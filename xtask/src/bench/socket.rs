//! An application at the host's socket, as far as benchmarks need one: it calls operations one after the other.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The socket of a running host.
pub(crate) struct Socket {
    path: PathBuf,
}

impl Socket {
    /// The socket in a data directory.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join("bindery.sock") }
    }

    /// Calls an operation.
    pub(crate) fn call(&self, operation: &str, request: &Value) -> Result<Value, String> {
        let body = request.to_string();
        let exchange = || -> std::io::Result<String> {
            let mut stream = UnixStream::connect(&self.path)?;
            let length = body.len();
            write!(
                stream,
                "POST /op/{operation} HTTP/1.1\r\nhost: bindery\r\nbindery-protocol: 1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}",
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|error| format!("{}: {error}", self.path.display()))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the host's answer has no end of headers")?;
        if !head.starts_with("HTTP/1.1 200") {
            return Err(format!("{operation}: {head}\n{body}"));
        }
        serde_json::from_str(body).map_err(|error| format!("{operation} answered {body:?}: {error}"))
    }
}
