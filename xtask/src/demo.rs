//! `cargo xtask demo`: the quick start. Builds what it needs, then does with the real programs what a newcomer would do by
//! hand, and shows each command before its answer.

use std::{collections::BTreeMap, fs, io::IsTerminal as _, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{artifact, shop::Shop, stage::Stage, step::bounded};

/// How long it may take in the gate, built.
const LIMIT: Duration = Duration::from_secs(180);
/// What it says once both sides were compared.
const SAME: &str = "every product is here with its name and price: 2000 of 2000";
/// What it says once a change of ours was seen there.
const ARRIVED: &str = "in the shop the lamp costs 89.5 now";
/// Its last part.
const GO_ON: &str = "How to go on";

/// Runs the demo from the build to the last word.
pub(crate) fn run() -> Result<(), String> {
    say("Building the host, the demo connector and the demo shop");
    let built = artifact::build(&["bindery".to_owned(), "demo-shop".to_owned(), "plugin:demo".to_owned()])?;
    let file = |name: &str| built[name].path.clone();
    let stage = Stage::fresh(file("bindery"), "demo")?;

    say("A web shop opens, with products, customers, orders, stock and invoices");
    let shop = Shop::open(&file("demo-shop"), &["--products", "2000", "--customers", "300", "--orders", "500"])?;
    println!("  it listens at {}", shop.url);

    say("The host starts, and gets the connector, a plugin file that knows the shop");
    let host = stage.serve()?;
    stage.bindery(&["plugin", "install", &file("plugin:demo").display().to_string()])?;

    connect(&stage, &shop)?;
    bring_everything(&stage)?;
    bring_a_change(&stage, &shop)?;
    send_a_change(&stage, &shop)?;
    say("The host is killed in the middle of a sync");
    stop_in_the_middle(&stage, &shop, || host.kill())?;

    say("It starts again, takes its work up where it was, and finishes: nothing twice, nothing missing");
    let host = stage.serve()?;
    stage.bindery(&["sync", "shop", "--wait"])?;
    stage.bindery(&["status"])?;
    compare(&stage, &shop)?;
    host.kill()?;

    say(GO_ON);
    println!("  data:   {}", stage.folder.join("data").display());
    println!("  host:   cargo run -p bindery -- --data {} serve", stage.folder.join("data").display());
    println!("  shop:   cargo run -p bindery-shop -- --port 8090");
    println!("  yours:  copy plugins/demo, or read README.md for a complete connector of sixty lines");
    Ok(())
}

fn connect(stage: &Stage, shop: &Shop) -> Result<(), String> {
    say("A backend is one connection to one shop. Its token is sealed and never shown");
    fs::write(stage.folder.join("token"), &shop.token).map_err(|error| error.to_string())?;
    let url = format!("api_url={}", shop.url);
    stage.bindery(&["backend", "add", "shop", "--type", "demo", "--set", &url, "--secret", "api_token=@token"])?;
    stage.bindery(&["backend", "test", "shop"])
}

fn bring_everything(stage: &Stage) -> Result<(), String> {
    say("Everything of the shop becomes records of ours");
    stage.bindery(&["sync", "shop", "--wait"])?;
    let products =
        ["product.template", "[('list_price','>',450)]", "--fields", "name,default_code,list_price,categ_id"];
    stage.bindery(&[&["record", "search"], &products[..], &["--limit", "5"]].concat())?;
    let orders = ["sale.order", "--fields", "name,partner_id,state,amount_total"];
    stage.bindery(&[&["record", "search"], &orders[..], &["--limit", "5"]].concat())?;
    stage.bindery(&["binding", "list", "--backend", "shop", "--kind", "demo.product", "--limit", "5"])
}

fn bring_a_change(stage: &Stage, shop: &Shop) -> Result<(), String> {
    say("Somebody changes a price in the shop; the next sync brings only that");
    let set = json!({"title": "A lamp with a new name", "price": 99.5});
    shop.control("edit", &json!({"resource": "products", "id": 7, "set": set}))?;
    stage.bindery(&["sync", "shop", "--only", "products", "--wait"])?;
    let domain = "[('name','=','A lamp with a new name')]";
    stage.bindery(&["record", "search", "product.template", domain, "--fields", "name,list_price"])
}

fn send_a_change(stage: &Stage, shop: &Shop) -> Result<(), String> {
    say("Somebody changes the price here; it arrives in the shop by itself");
    let domain = "[('name','=','A lamp with a new name')]";
    let found = stage.ask(&["record", "search", "product.template", domain, "--fields", "id"])?;
    let lamp = found["rows"][0]["id"].to_string();
    let gate = shop.control("gate", &json!({"on": "PUT /products/7"}))?["gate"].to_string();
    stage.bindery(&["record", "write", "product.template", &lamp, "list_price=89.5"])?;
    shop.get(&format!("gate/{gate}/arrived"))?;
    shop.control(&format!("gate/{gate}/release"), &json!({}))?;
    say("The next sync finds nothing new: the shop's change is known as our own");
    stage.bindery(&["sync", "shop", "--only", "products", "--wait"])?;
    let price = shop.all("products")?.iter().find(|product| product["id"] == 7).and_then(|lamp| lamp["price"].as_f64());
    if price != Some(89.5) {
        return Err(format!("the lamp costs {price:?} in the shop"));
    }
    println!("\n  {ARRIVED}");
    Ok(())
}

/// Stops while products are written and the shop holds its orders back.
fn stop_in_the_middle(stage: &Stage, shop: &Shop, stop: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    shop.control("touch", &json!({"resource": "products", "count": 1500}))?;
    let gate = shop.control("gate", &json!({"on": "GET /orders"}))?["gate"].to_string();
    stage.bindery(&["sync", "shop"])?;
    shop.get(&format!("gate/{gate}/arrived"))?;
    println!("  products are written, and the shop holds its orders back: kill -9");
    stop()?;
    shop.control(&format!("gate/{gate}/release"), &json!({})).map(drop)
}

/// Runs the demo as the gate does: without a terminal, within its time, and to its end.
pub(crate) fn is_shown_to_its_end() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let said = bounded(Command::new(program).arg("demo"), LIMIT)?;
    let wanted = [ARRIVED, SAME, "Nothing is wrong.", GO_ON];
    match wanted.iter().find(|text| !said.contains(**text)) {
        Some(missing) => Err(format!("the demo never said `{missing}`\n{said}")),
        None if said.contains('\x1b') => Err(format!("the demo colours where there is no terminal\n{said}")),
        None => Ok(()),
    }
}

fn say(text: &str) {
    println!("\n{}", coloured("1", &format!("▸ {text}")));
}

pub(crate) fn show(command: &str) {
    println!("\n{}", coloured("36", &format!("$ bindery {command}")));
}

fn coloured(colour: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Compares both sides product by product, and fails where they differ.
fn compare(stage: &Stage, shop: &Shop) -> Result<(), String> {
    let fields = ["--fields", "default_code,name,list_price", "--archived", "--limit", "100000", "--json"];
    let text = stage.answer(&[&["record", "search", "product.template"], &fields[..]].concat())?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    let entry = |sku: &Value, name: &Value, price: &Value| {
        let price = price.as_f64().or_else(|| price.as_str()?.parse().ok());
        (sku.to_string(), (name.to_string(), price.map(|price| (price * 100.0).round() as i64)))
    };
    let rows = answer["rows"].as_array().cloned().unwrap_or_default();
    let here: BTreeMap<_, _> =
        rows.iter().map(|row| entry(&row["default_code"], &row["name"], &row["list_price"])).collect();
    let there = shop.all("products")?;
    let wrong = there.iter().filter(|product| {
        let (sku, wanted) = entry(&product["sku"], &product["title"], &product["price"]);
        here.get(&sku) != Some(&wanted)
    });
    let wrong: Vec<String> = wrong.map(ToString::to_string).collect();
    if !wrong.is_empty() || here.len() != there.len() {
        return Err(format!("{} products here, {} there; not here: {wrong:?}", here.len(), there.len()));
    }
    println!("\n  every product is here with its name and price: {} of {}", here.len(), there.len());
    Ok(())
}
