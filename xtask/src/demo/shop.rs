//! The demo shop as a program of its own, and what the demo asks of it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::stage::Program;

/// The running shop and what the demo asks of it.
pub(super) struct Shop {
    pub(super) url: String,
    pub(super) token: String,
    _program: Program,
}

impl Shop {
    pub(super) fn open(file: &std::path::Path) -> Result<Self, String> {
        let mut command = Command::new(file);
        command.args(["--products", "2000", "--customers", "300", "--orders", "500"]).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("the shop has no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { url: text("url"), token: text("token"), _program: Program(child) })
    }

    pub(super) fn control(&self, action: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", &format!("/_control/{action}"), &body.to_string())
    }

    pub(super) fn get(&self, action: &str) -> Result<Value, String> {
        self.ask("GET", &format!("/_control/{action}"), "")
    }

    /// All its products.
    pub(super) fn products(&self) -> Result<Vec<Value>, String> {
        let (mut found, mut page) = (Vec::new(), 1);
        loop {
            let answer = self.ask("GET", &format!("/products?limit=250&page={page}"), "")?;
            found.extend(answer["items"].as_array().cloned().unwrap_or_default());
            if answer["pages"].as_u64().is_none_or(|pages| page >= pages) {
                return Ok(found);
            }
            page += 1;
        }
    }

    /// One exchange over a connection of its own.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let address = self.url.trim_start_matches("http://");
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                self.token,
                body.len(),
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|error| format!("the shop: {error}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the shop's answer has no end of headers")?;
        if !head.starts_with("HTTP/1.1 2") {
            return Err(format!("the shop refused {method} {path}: {head}\n{body}"));
        }
        serde_json::from_str(body).map_err(|error| format!("the shop's answer: {error}"))
    }
}
