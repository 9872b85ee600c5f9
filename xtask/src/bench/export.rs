//! The export benchmark: products that were changed here are sent to the demo shop, together and one by one, beside a plain
//! script that sends the very same bodies; and then a poll looks at all of them and finds that they are our own changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    folder,
    host::{Serving, Stage},
    machine::Machine,
    output, peer, release,
    sample::{Sample, Spread},
    socket::Socket,
    table,
};
use crate::shop::Shop;

/// `cargo xtask bench export`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Products.
    #[arg(long, default_value_t = 20_000)]
    records: u64,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// How records are sent.
#[derive(Debug, Clone, Copy)]
enum Way {
    Together,
    Alone,
}

impl Way {
    const ALL: [Self; 2] = [Self::Together, Self::Alone];

    fn name(self) -> &'static str {
        match self {
            Self::Together => "100 a request",
            Self::Alone => "one a request",
        }
    }

    fn batch_size(self) -> &'static str {
        match self {
            Self::Together => "batch_size=100",
            Self::Alone => "batch_size=1",
        }
    }
}

const OURS: &str = "bindery";
const ECHO: &str = "bindery, echo check";
const SCRIPT: &str = "script";
/// Applications that change records at once.
const APPLICATIONS: usize = 8;

/// Host and shop, both with the same products.
struct Ground {
    stage: Stage,
    serving: Serving,
    shop: Shop,
    folder: PathBuf,
    ids: Vec<i64>,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let built = release(&["bindery", "bindery-demo", "bindery-shop"], &["bindery", "demo-shop"])?;
    let folder = folder().join("export");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let machine = Machine::look(&folder)?;
    if !options.json {
        println!("\n{machine}");
    }
    let ground = Ground::open(&built, &folder, options.records)?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 0..options.rounds {
        let mut samples = Vec::new();
        for way in Way::ALL {
            ground.change(number)?;
            samples.extend(ground.send(way)?);
        }
        if !options.json {
            for sample in &samples {
                println!(
                    "round {} {:<14} {:<20} {:>7.3} s {:>7.3} CPU s",
                    number + 1,
                    sample.op,
                    sample.name,
                    sample.wall_s,
                    sample.cpu_s
                );
            }
        }
        rounds.push(samples);
    }
    if options.json {
        println!("{}", json!({ "machine": machine, "rounds": rounds }));
    } else {
        show(&rounds);
    }
    Ok(())
}

impl Ground {
    fn open(built: &Path, folder: &Path, records: u64) -> Result<Self, String> {
        let records = records.to_string();
        let shop =
            Shop::open(&built.join("demo-shop"), &["--products", &records, "--customers", "0", "--orders", "0"])?;
        let stage = Stage::fresh(&built.join("bindery"), folder)?;
        let serving = stage.serve()?;
        fs::write(folder.join("token"), &shop.token).map_err(|error| error.to_string())?;
        let plugin = built.join("libbindery_demo.so").display().to_string();
        stage.ask(&["plugin", "install", &plugin, "--isolation", "in_process"])?;
        let url = format!("api_url={}", shop.url);
        let settings = ["--set", &url, "--set", "page_size=250", "--set", "export=none"];
        let add = ["backend", "add", "shop", "--type", "demo", "--secret", "api_token=@token"];
        stage.ask(&[&add[..], &settings[..]].concat())?;
        for kind in ["demo.category", "demo.tax", "demo.product"] {
            stage.ask(&["sync", "shop", "--kind", kind, "--wait"])?;
        }
        // What is archived there is so here, and is left alone.
        let found =
            stage.ask(&["record", "search", "product.template", "--fields", "id", "--limit", "1000000", "--json"])?;
        let found: Value = serde_json::from_str(&found).map_err(|error| error.to_string())?;
        let ids = found["rows"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_i64()).collect();
        Ok(Self { stage, serving, shop, folder: folder.to_owned(), ids })
    }

    /// Changes every product here, as applications do: by the socket, a record a call.
    fn change(&self, number: usize) -> Result<(), String> {
        let socket = &Socket::of(&self.stage.data());
        let salt = fastrand::u32(..);
        thread::scope(|scope| {
            let parts = self.ids.chunks(self.ids.len().div_ceil(APPLICATIONS).max(1));
            let running: Vec<_> = parts
                .map(|ids| {
                    scope.spawn(move || {
                        ids.iter().try_for_each(|id| {
                            let name = format!("Product {id} as of round {number}, {salt:08x}");
                            let values = json!({"name": name, "list_price": 1 + (id + number as i64) % 900});
                            let write = json!({"model": "product.template", "id": id, "values": values});
                            socket.call("record.write", &write).map(drop)
                        })
                    })
                })
                .collect();
            running.into_iter().try_for_each(|one| one.join().map_err(|_| "an application failed".to_owned())?)
        })
    }

    /// Sends what was changed, by us and by the script, and polls it all.
    fn send(&self, way: Way) -> Result<Vec<Sample>, String> {
        let (size, all) = (way.batch_size(), self.ids.len() as u64);
        self.stage.ask(&["backend", "set", "shop", "--kind", "demo.product", "--set", size])?;
        self.shop.ask("DELETE", "/_control/log", "")?;
        let export = ["export", "shop", "--kind", "demo.product", "--domain", "[]", "--wait", "--json"];
        let ours = self.measure(OURS, way, &export, ("updated", all))?;
        let writes = self.shop.get("writes")?;
        let sent = writes["writes"].as_array().map_or(0, Vec::len) as u64;
        if sent != all {
            return Err(format!("{sent} products were written there, of {all} that were changed"));
        }
        let poll = ["sync", "shop", "--kind", "demo.product", "--wait", "--json"];
        let echo = self.measure(ECHO, way, &poll, ("unchanged", all))?;
        let script = self.script(way, &writes["writes"])?;
        Ok(vec![script, ours, echo])
    }

    fn measure(&self, name: &str, way: Way, command: &[&str], wanted: (&str, u64)) -> Result<Sample, String> {
        self.serving.reset_peak();
        let before = self.serving.cpu_s();
        let told = self.stage.ask(command)?;
        let cpu_s = self.serving.cpu_s() - before;
        let told: Value = serde_json::from_str(&told).map_err(|error| error.to_string())?;
        let jobs = told["jobs"].as_array().ok_or("the host told no jobs")?;
        let count = |field: &str| jobs.iter().filter_map(|job| job["result"]["account"][field].as_u64()).sum::<u64>();
        if count(wanted.0) < wanted.1 {
            return Err(format!("{name}: {} of {} {}: {told}", count(wanted.0), wanted.1, wanted.0));
        }
        let time = |job: &Value, field: &str| job[field].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let begun = jobs.iter().filter_map(|job| time(job, "created")).min().ok_or("no job was created")?;
        let ended = jobs.iter().filter_map(|job| time(job, "ended")).max().ok_or("no job has ended")?;
        Ok(Sample {
            name: name.to_owned(),
            op: way.name().to_owned(),
            records: count("offered"),
            wall_s: ended.duration_since(begun).as_secs_f64(),
            cpu_s,
            rss_mib: self.serving.peak_mib(),
        })
    }

    fn script(&self, way: Way, writes: &Value) -> Result<Sample, String> {
        let file = self.folder.join("writes.json");
        fs::write(&file, writes.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut command = Command::new("python3");
        command.arg(peer::script("export.py")).args([&self.shop.url, &self.shop.token]).arg(file).arg(way.name());
        command.args(matches!(way, Way::Together).then_some("--batch")).env("PYTHONDONTWRITEBYTECODE", "1");
        let told = output(&mut command)?;
        serde_json::from_str(told.trim()).map_err(|error| format!("the script said {told:?}: {error}"))
    }
}

fn show(rounds: &[Vec<Sample>]) {
    let mut rows = Vec::new();
    for way in Way::ALL {
        for name in [SCRIPT, OURS, ECHO] {
            let of = |value: &dyn Fn(&Sample) -> f64| {
                let samples = rounds.iter().flatten().filter(|sample| sample.name == name && sample.op == way.name());
                table::spread(Spread::of(samples.map(value)))
            };
            rows.push(vec![
                format!("{}, {name}", way.name()),
                of(&|sample| sample.records as f64 / sample.wall_s.max(0.001)),
                of(&|sample| sample.cpu_s / sample.records.max(1) as f64 * 1e6),
                of(&|sample| sample.rss_mib as f64),
            ]);
        }
    }
    println!("\nleast / median / most");
    table::print(&["", "rec/s", "CPU us a record", "RSS MiB"], &rows);
}
