//! `cargo xtask demo`: the quick start. Builds what it needs, then does with the real programs what a newcomer would do by
//! hand, and shows each command before its answer.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{artifact, place};

const PRODUCTS: &str = "2000";

/// Runs the demo from the build to the last word.
pub(crate) fn run() -> Result<(), String> {
    say("Building the host, the demo connector and the demo shop");
    let built = artifact::build(&["bindery".to_owned(), "demo-shop".to_owned(), "plugin:demo".to_owned()])?;
    let file = |name: &str| built[name].path.clone();
    let stage = Stage::fresh(file("bindery"))?;

    say("A web shop opens, with products, customers, orders, stock and invoices");
    let shop = Shop::open(&file("demo-shop"))?;
    println!("  it listens at {}", shop.url);

    say("The host starts, and gets the connector, a plugin file that knows the shop");
    let host = stage.serve()?;
    stage.bindery(&["plugin", "install", &file("plugin:demo").display().to_string()])?;

    say("A backend is one connection to one shop. Its token is sealed and never shown");
    fs::write(stage.folder.join("token"), &shop.token).map_err(|error| error.to_string())?;
    let url = format!("api_url={}", shop.url);
    stage.bindery(&["backend", "add", "shop", "--type", "demo", "--set", &url, "--secret", "api_token=@token"])?;
    stage.bindery(&["backend", "test", "shop"])?;

    say("Everything of the shop becomes records of ours");
    stage.bindery(&["sync", "shop", "--wait"])?;
    stage.bindery(&[
        "record",
        "search",
        "product.template",
        "[('list_price','>',450)]",
        "--fields",
        "name,default_code,list_price,categ_id",
        "--limit",
        "5",
    ])?;
    stage.bindery(&[
        "record",
        "search",
        "sale.order",
        "--fields",
        "name,partner_id,state,amount_total",
        "--limit",
        "5",
    ])?;
    stage.bindery(&["binding", "list", "--backend", "shop", "--kind", "demo.product", "--limit", "5"])?;

    say("Somebody changes a price in the shop; the next sync brings only that");
    shop.control(
        "edit",
        &json!({"resource": "products", "id": 7, "set": {"title": "A lamp with a new name", "price": 99.5}}),
    )?;
    stage.bindery(&["sync", "shop", "--only", "products", "--wait"])?;
    stage.bindery(&[
        "record",
        "search",
        "product.template",
        "[('name','=','A lamp with a new name')]",
        "--fields",
        "name,list_price",
    ])?;

    say("The host is killed in the middle of a sync");
    shop.control("touch", &json!({"resource": "products", "count": 1500}))?;
    let gate = shop.control("gate", &json!({"on": "GET /orders"}))?["gate"].to_string();
    stage.bindery(&["sync", "shop"])?;
    shop.get(&format!("gate/{gate}/arrived"))?;
    println!("  products are being written while the shop holds its orders back: kill -9");
    host.kill()?;
    shop.control(&format!("gate/{gate}/release"), &json!({}))?;

    say("It starts again, takes its work up where it was, and finishes: nothing twice, nothing missing");
    let host = stage.serve()?;
    stage.bindery(&["sync", "shop", "--wait"])?;
    stage.bindery(&["status"])?;
    compare(&stage, &shop)?;
    host.kill()?;

    say("How to go on");
    println!("  data:   {}", stage.folder.join("data").display());
    println!("  host:   cargo run -p bindery -- --data {} serve", stage.folder.join("data").display());
    println!("  shop:   cargo run -p bindery-shop -- --port 8090");
    println!("  yours:  copy plugins/demo, or read README.md for a complete connector of sixty lines");
    Ok(())
}

fn say(text: &str) {
    println!("\n\x1b[1m▸ {text}\x1b[0m");
}

/// Says how many products there are on both sides, and fails where they differ.
fn compare(stage: &Stage, shop: &Shop) -> Result<(), String> {
    let there = shop.count("products")?;
    let text = stage.answer(&[
        "binding",
        "list",
        "--backend",
        "shop",
        "--kind",
        "demo.product",
        "--limit",
        "100000",
        "--json",
    ])?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let bindings = answer.as_array().or_else(|| answer["bindings"].as_array()).map_or(0, Vec::len) as u64;
    println!("\n  products in the shop: {there}, bound here: {bindings}");
    if there == bindings { Ok(()) } else { Err("the two sides differ".to_owned()) }
}

/// A directory of the demo's own, and the command line on it.
struct Stage {
    folder: PathBuf,
    bindery: PathBuf,
}

impl Stage {
    fn fresh(bindery: PathBuf) -> Result<Self, String> {
        let folder = place::target().join("demo");
        // Nothing to remove at the first run.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        Ok(Self { folder, bindery })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bindery);
        command.args(arguments).current_dir(&self.folder);
        command.env("BINDERY_DATA", self.folder.join("data")).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command
    }

    /// Shows a command and lets it speak.
    fn bindery(&self, arguments: &[&str]) -> Result<(), String> {
        println!("\n\x1b[36m$ bindery {}\x1b[0m", arguments.join(" "));
        let status = self.command(arguments).status().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("`bindery {}` ended with {status}", arguments.join(" "))) }
    }

    fn answer(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn serve(&self) -> Result<Program, String> {
        println!("\n\x1b[36m$ bindery serve &\x1b[0m");
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("the host has no output")?);
        let mut said = String::new();
        while !said.contains("ready") {
            if lines.read_line(&mut said).map_err(|error| error.to_string())? == 0 {
                return Err(format!("the host did not start\n{said}"));
            }
        }
        let mut log = fs::File::create(self.folder.join("host.log")).map_err(|error| error.to_string())?;
        std::thread::spawn(move || std::io::copy(&mut lines, &mut log));
        Ok(Program(child))
    }
}

/// A program that ends with the demo.
struct Program(Child);

impl Program {
    fn kill(mut self) -> Result<(), String> {
        self.0.kill().and_then(|()| self.0.wait()).map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The running shop and what the demo asks of it.
struct Shop {
    url: String,
    token: String,
    _program: Program,
}

impl Shop {
    fn open(file: &std::path::Path) -> Result<Self, String> {
        let mut command = Command::new(file);
        command.args(["--products", PRODUCTS, "--customers", "300", "--orders", "500"]).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("the shop has no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { url: text("url"), token: text("token"), _program: Program(child) })
    }

    fn control(&self, action: &str, body: &Value) -> Result<Value, String> {
        self.ask("POST", &format!("/_control/{action}"), &body.to_string())
    }

    fn get(&self, action: &str) -> Result<Value, String> {
        self.ask("GET", &format!("/_control/{action}"), "")
    }

    fn count(&self, resource: &str) -> Result<u64, String> {
        let page = self.ask("GET", &format!("/{resource}?limit=1"), "")?;
        page["total"].as_u64().ok_or_else(|| format!("the shop answered {page}"))
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
