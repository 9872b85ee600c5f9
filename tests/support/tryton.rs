//! The real ERP: Tryton from its packages, seeded once for each size; every test is served a copy of its own. Its JSON-RPC
//! is here as its own clients speak it, since the connector uses the other interface.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// A served copy; it ends with its standard input.
pub struct Tryton {
    process: Child,
    answers: BufReader<ChildStdout>,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    /// Address of its database.
    pub url: String,
    /// A key of its REST interface.
    pub key: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    session: String,
}

impl Tryton {
    /// Seeds a Tryton of this size (kept for the next time), copies it, and serves the copy.
    ///
    /// # Panics
    /// Where it can't be had, with what was said.
    pub fn serve(products: u32, customers: u32, sales: u32) -> Self {
        let sizes = [products, customers, sales].map(|size| size.to_string());
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
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
        let mut answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("it answers one line");
        let access: Value = serde_json::from_str(&line).expect("the line is JSON; its errors stand above");
        let text = |name: &str| access[name].as_str().expect("a text").to_owned();
        Self {
            base: text("base_url"),
            url: format!("{}/tryton", text("base_url")),
            key: text("key"),
            session: text("session"),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            client: crate::http(),
            process,
            answers,
        }
    }

    /// Kills the server (`stop`), or starts it again (`start`) on the same data and address.
    ///
    /// # Panics
    /// Where it doesn't.
    pub fn tell(&mut self, what: &str) {
        let input = self.process.stdin.as_mut().expect("it is piped");
        writeln!(input, "{what}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        assert_eq!(line.trim(), what);
    }

    fn ask(&self, method: &str, parameters: Value) -> Result<Value, Value> {
        let request = self.client.post(format!("{}/tryton/rpc/", self.base)).header("Authorization", &self.session);
        let body = json!({"id": 1, "method": method, "params": parameters}).to_string();
        let request = request.header("Content-Type", "application/json").body(body);
        let text =
            self.runtime.block_on(async { request.send().await.expect("an answer").text().await.expect("a text") });
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method}: {text}"));
        match answer.get("error") {
            Some(error) if !error.is_null() => Err(error.clone()),
            _ => Ok(answer["result"].take()),
        }
    }

    /// Calls a method of a model, and answers its error where it has one; the context is that of a user of the company, who sees archived records.
    pub fn try_call(&self, method: &str, parameters: &[Value]) -> Result<Value, Value> {
        self.call_with(method, parameters, json!({}))
    }

    fn call_with(&self, method: &str, parameters: &[Value], more: Value) -> Result<Value, Value> {
        let mut context = json!({"company": 1, "active_test": false, "language": "en"});
        context.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let mut all = parameters.to_vec();
        all.push(context);
        self.ask(&format!("model.{method}"), all.into())
    }

    /// Calls a method that must succeed.
    ///
    /// # Panics
    /// Where it doesn't.
    #[track_caller]
    pub fn call(&self, method: &str, parameters: &[Value]) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Finds and reads records, in the order of their ids.
    ///
    /// # Panics
    /// Where Tryton refuses.
    #[track_caller]
    pub fn read(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        self.read_with(model, domain, fields, json!({}))
    }

    /// The same with more context.
    ///
    /// # Panics
    /// Where Tryton refuses.
    #[track_caller]
    pub fn read_with(&self, model: &str, domain: Value, fields: &[&str], more: Value) -> Vec<Value> {
        let parameters = [domain, json!(0), Value::Null, json!([["id", "ASC"]]), json!(fields)];
        let found = self.call_with(&format!("{model}.search_read"), &parameters, more);
        let found = found.unwrap_or_else(|error| panic!("{model}: {error}"));
        found.as_array().expect("a list").clone()
    }

    /// The id of the one record that a domain finds.
    ///
    /// # Panics
    /// Where it finds none, or several.
    #[track_caller]
    pub fn id(&self, model: &str, domain: Value) -> u64 {
        let found = self.read(model, domain.clone(), &["id"]);
        assert_eq!(found.len(), 1, "{model} {domain}: {found:?}");
        found[0]["id"].as_u64().expect("an id")
    }
}

impl Drop for Tryton {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
