//! The product API that all programs import from, as a process of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A running product API; it ends when dropped.
pub(crate) struct Api {
    process: Child,
    pub(crate) base: String,
    pub(crate) records: u64,
}

impl Api {
    pub(crate) fn start(program: &Path, records: u64) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.args(["--records", &records.to_string(), "--max-seconds", "14400"]).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut line = String::new();
        let out = process.stdout.take().ok_or("the product API has no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let told: Value =
            serde_json::from_str(&line).map_err(|error| format!("the product API said {line:?}: {error}"))?;
        let base = told["base"].as_str().unwrap_or_default().to_owned();
        Ok(Self { process, base, records })
    }

    /// How many products the benchmark changes.
    pub(crate) fn few(&self) -> u64 {
        (self.records / 100).max(1)
    }

    /// Makes the first products look changed, so many of them; 0: none.
    pub(crate) fn touch(&self, products: u64) -> Result<(), String> {
        let address = self.base.trim_start_matches("http://");
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            write!(stream, "GET /touch?n={products} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
            let (mut answer, mut chunk) = (Vec::new(), [0; 512]);
            while !answer.ends_with(b"}") {
                let length = stream.read(&mut chunk)?;
                if length == 0 {
                    break;
                }
                answer.extend(&chunk[..length]);
            }
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = exchange().map_err(|error| format!("the product API: {error}"))?;
        if answer.contains(&format!("{{\"touched\":{products}}}")) {
            Ok(())
        } else {
            Err(format!("the product API answered {answer:?}"))
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
