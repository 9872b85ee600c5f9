//! The demo shop as a program of its own, and what tasks ask of it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::stage::Program;

/// The running shop.
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) token: String,
    program: Program,
}

impl Shop {
    pub(crate) fn open(file: &std::path::Path, arguments: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(file);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("the shop has no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { url: text("url"), token: text("token"), program: Program(child) })
    }

    pub(crate) fn control(&self, action: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", &format!("/_control/{action}"), &body.to_string())
    }

    pub(crate) fn get(&self, action: &str) -> Result<Value, String> {
        self.ask("GET", &format!("/_control/{action}"), "")
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.program.0.id()
    }

    /// Kills it.
    pub(crate) fn kill(self) -> Result<(), String> {
        self.program.kill()
    }

    /// All items of a resource.
    pub(crate) fn all(&self, resource: &str) -> Result<Vec<Value>, String> {
        let answer = self.get(&format!("items/{resource}"))?;
        Ok(answer["items"].as_array().cloned().unwrap_or_default())
    }

    /// One exchange over a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
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
