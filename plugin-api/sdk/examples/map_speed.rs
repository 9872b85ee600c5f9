//! How long the mapping of one record takes: 1.1 KB of product, 15 rules, 1,000 records a call. Prints nanoseconds.
//!
//! `cargo run --release -p bindery-plugin --features testing --example map_speed`

#![expect(clippy::print_stdout, reason = "it prints its measurement")]

use std::time::Instant;

use bindery_plugin::{prelude::*, testing::Harness};

struct Speed;

impl Connector for Speed {
    const ID: &'static str = "speed";
    type Settings = NoSettings;

    fn components(c: &mut Components<Self>) {
        c.kind("speed.product", "product.template").import(Products);
    }

    async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
        Ok(Report::connected("nothing"))
    }
}

struct Products;

impl ImportMapper<Speed> for Products {
    fn rules(r: &mut Rules<Speed>) {
        for (key, field) in [
            ("/title", "name"),
            ("/sku", "default_code"),
            ("/barcode", "barcode"),
            ("/price", "list_price"),
            ("/cost", "standard_price"),
            ("/weight", "weight"),
            ("/volume", "volume"),
            ("/description", "description"),
            ("/active", "active"),
            ("/sequence", "sequence"),
            ("/hs_code", "hs_code"),
            ("/url", "website_url"),
            ("/dimensions/unit", "volume_uom_name"),
        ] {
            r.direct(key, field);
        }
        r.set("type", "product").only_create();
        r.relation("/category_id", "speed.category").set("categ_id");
    }
}

fn main() -> Result<()> {
    let harness = Harness::open(Speed, serde_json::json!({}))?;
    let items: Vec<String> = (0..1000).map(item).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let mut best = u128::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        let answer = harness.prepare("speed.product", &items)?;
        best = best.min(start.elapsed().as_nanos() / items.len() as u128);
        std::hint::black_box(answer);
    }
    println!("{{\"bytes\":{},\"ns_per_record\":{best}}}", items[0].len());
    Ok(())
}

fn item(number: usize) -> String {
    let text = "A compact lamp of brushed steel with a warm light. ".repeat(9);
    let tags: Vec<String> = (0..6).map(|tag| format!("{{\"id\":{tag},\"name\":\"tag {tag}\"}}")).collect();
    format!(
        r#"{{"id":{number},"title":"Lamp {number}","sku":"SKU-{number:06}","barcode":"4000000000017","price":12.30,"cost":7.10,"currency":"EUR","weight":1.250,"volume":0.012,"description":"{text}","active":true,"sequence":{number},"hs_code":"9405","url":"https://shop.example/lamp-{number}","dimensions":{{"unit":"cm","w":12,"h":30}},"category_id":{},"category":"Lamps","vendor":"Lux","tags":[{}],"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"}}"#,
        number % 10,
        tags.join(",")
    )
}
