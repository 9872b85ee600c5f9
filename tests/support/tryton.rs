//! The real ERP: Tryton from its packages, seeded once for each size; every test is served a copy of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A served copy; it ends with its standard input.
pub struct Tryton {
    process: Child,
    /// Address of its database.
    pub url: String,
    /// A key of its REST interface.
    pub key: String,
}

impl Tryton {
    /// Seeds a Tryton of this size (kept for the next time), copies it, and serves the copy.
    ///
    /// # Panics
    /// Where it can't be had, with what was said.
    pub fn serve(products: u32, customers: u32, sales: u32) -> Self {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
        let sizes = [products, customers, sales].map(|size| size.to_string());
        let mut process = Command::new("python3")
            .arg(root.join("tests/systems/tryton/system.py"))
            .arg("--home")
            .arg(root.join("target/systems/tryton"))
            .arg("serve")
            .args(sizes)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is here");
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it answers one line");
        let access: Value = serde_json::from_str(&line).expect("the line is JSON; its errors stand above");
        let text = |name: &str| access[name].as_str().expect("a text").to_owned();
        Self { url: format!("{}/tryton", text("base_url")), key: text("key"), process }
    }
}

impl Drop for Tryton {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
