//! `cargo xtask torture sync`: rounds of edits on both sides with kills and faults, quiet from time to time, and then both
//! sides must be equal: nothing lost, nothing twice.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    compare::{self, Which, Wrong},
    edit::Edits,
    luck,
    rule::Rules,
};
use crate::{
    artifact,
    shop::Shop,
    stage::{Program, Stage},
};

/// `cargo xtask torture sync`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds of edits, faults and kills.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Edits a round.
    #[arg(long, default_value_t = 8)]
    edits: u32,
    /// Rounds between two comparisons.
    #[arg(long, default_value_t = 5)]
    every: u32,
    /// What the luck is made of; absent: something new, which is printed.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// So many rounds with luck of their own.
    pub(super) fn of(rounds: u32) -> Self {
        Self { rounds, edits: 8, every: 5, seed: None }
    }
}

/// How long both sides may take to come to rest.
const REST: Duration = Duration::from_secs(120);
/// How long a sync in the middle of a round may go on by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Both programs, each running or killed.
struct Ground {
    stage: Stage,
    host: Option<Program>,
    shop: Option<Shop>,
    shop_file: PathBuf,
    port: Option<String>,
}

/// Runs the rounds.
pub(super) fn run(options: &Options) -> Result<(), String> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let rules = Rules::draw(&mut random);
    println!("torture sync: {} rounds, {rules}, --seed {seed}", options.rounds);
    let mut ground = Ground::open(rules)?;
    let (mut edits, mut kills, mut faults) = (Edits::new(rules), 0, 0);
    let (mut total, mut records) = (Wrong::default(), 0);
    for number in 1..=options.rounds {
        faults += luck::spoil(ground.shop.as_ref().ok_or("the shop is down")?, &mut random)?;
        kills += ground.round(options.edits, &mut edits, &mut random)?;
        if number % options.every.max(1) == 0 || number == options.rounds {
            let (count, wrong) = ground.compare(&edits, rules)?;
            records = count;
            println!(
                "  round {number}: {count} records, {} edits, {} met a killed program, {kills} kills, {faults} faults{}",
                edits.taken,
                edits.refused,
                if wrong.is_nothing() { String::new() } else { format!(": {wrong:?}") }
            );
            total.extend(wrong);
            if !total.is_nothing() {
                break;
            }
        }
    }
    let (lost, duplicated, diverged) = (total.lost.len(), total.duplicated.len(), total.diverged.len());
    println!(
        "lost {lost}, duplicated {duplicated}, diverged {diverged}, rounds {}, records {records}, deletions {}",
        options.rounds, edits.deleted
    );
    if total.is_nothing() {
        return Ok(());
    }
    let data = ground.stage.folder.display();
    Err(format!("both sides are not equal; --seed {seed} was the luck, {data} holds the data and the host's log"))
}

impl Ground {
    fn open(rules: Rules) -> Result<Self, String> {
        let built = artifact::build(&["bindery".to_owned(), "demo-shop".to_owned(), "plugin:demo".to_owned()])?;
        let file = |name: &str| built[name].path.clone();
        let stage = Stage::fresh(file("bindery"), "torture")?;
        let mut ground = Self { stage, host: None, shop: None, shop_file: file("demo-shop"), port: None };
        ground.start()?;
        let (url, token) = ground.shop.as_ref().map(|shop| (shop.url.clone(), shop.token.clone())).unwrap_or_default();
        fs::write(ground.stage.folder.join("token"), token).map_err(|error| error.to_string())?;
        ground.stage.ask(&["plugin", "install", &file("plugin:demo").display().to_string()])?;
        let more = ["page_size=10", "export=all", "timeout_ms=1000"].map(str::to_owned);
        let settings = [&[format!("api_url={url}")][..], &more[..], &rules.settings()].concat();
        let mut add = vec!["backend", "add", "shop", "--type", "demo", "--secret", "api_token=@token"];
        add.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        ground.stage.ask(&add)?;
        ground.stage.ask(&["sync", "shop", "--wait"])?;
        Ok(ground)
    }

    /// Starts what is not running.
    fn start(&mut self) -> Result<(), String> {
        if self.shop.is_none() {
            let keep = self.stage.folder.join("shop.jsonl").display().to_string();
            let mut arguments = vec!["--products", "40", "--customers", "5", "--orders", "5", "--keep", &keep];
            arguments.extend(self.port.iter().flat_map(|port| ["--port", port]));
            let shop = Shop::open(&self.shop_file, &arguments)?;
            self.port = shop.url.rsplit(':').next().map(str::to_owned);
            self.shop = Some(shop);
        }
        if self.host.is_none() {
            self.host = Some(self.stage.start()?);
        }
        Ok(())
    }

    /// Edits while a sync runs and programs are killed; answers how many were.
    fn round(&mut self, count: u32, edits: &mut Edits, random: &mut fastrand::Rng) -> Result<u32, String> {
        let (kill_host, kill_shop) = (random.u8(0..10) < 6, random.u8(0..10) < 3);
        let host = self.host.as_ref().filter(|_| kill_host).map(|host| luck::kill_soon(host.0.id(), random));
        let shop = self.shop.as_ref().filter(|_| kill_shop).map(|shop| luck::kill_soon(shop.id(), random));
        for number in 0..count {
            if number == count / 2 {
                // Where the host has just been killed it works alone, and the shop may be down as well.
                self.stage.attempt(&["sync", "shop"], PATIENCE)?;
            }
            edits.make(&self.stage, self.shop.as_ref(), random);
        }
        for killer in host.into_iter().chain(shop) {
            killer.join().map_err(|_| "a killer failed")?;
        }
        if kill_host {
            self.host.take().map(Program::kill).transpose()?;
        }
        if kill_shop {
            self.shop.take().map(Shop::kill).transpose()?;
        }
        self.start()?;
        Ok(u32::from(kill_host) + u32::from(kill_shop))
    }

    /// Compares both sides once they have come to rest; and once more where deletions there had to be looked for.
    fn compare(&self, edits: &Edits, rules: Rules) -> Result<(usize, Wrong), String> {
        let shop = self.shop.as_ref().ok_or("the shop is down")?;
        self.rest()?;
        let (count, wrong) = compare::compare(&self.stage, shop, edits, Which::Certain)?;
        if !rules.deletes || !wrong.is_nothing() {
            return Ok((count, wrong));
        }
        self.stage.ask(&["verify", "shop", "--repair=theirs"])?;
        self.rest()?;
        compare::compare(&self.stage, shop, edits, Which::All)
    }

    /// Ends all bad luck, and waits until nothing is left to do: a sync that changes nothing, and no job that waits.
    fn rest(&self) -> Result<(), String> {
        let shop = self.shop.as_ref().ok_or("the shop is down")?;
        shop.ask("DELETE", "/_control/fault", "")?;
        let until = Instant::now() + REST;
        let mut standing = Value::Null;
        let mut quiet = 0;
        while quiet < 2 {
            if Instant::now() > until {
                return Err(format!("no rest within {} s: {standing}", REST.as_secs()));
            }
            let done = self.stage.ask(&["sync", "shop", "--wait"]);
            if let Ok(done) = &done {
                accounted(done)?;
            }
            standing = self.waiting()?;
            let is_quiet = done.is_ok() && standing == json!([]);
            quiet = if is_quiet { quiet + 1 } else { 0 };
            for job in standing.as_array().into_iter().flatten().filter(|job| job["state"] == "pending") {
                // As an operator does once an outage is over; refused where it has begun meanwhile.
                let _ = self.stage.ask(&["job", "retry", &job["id"].to_string()]);
            }
            if !is_quiet {
                thread::sleep(Duration::from_millis(200));
            }
        }
        Ok(())
    }

    /// Jobs that are not at their end, or failed.
    fn waiting(&self) -> Result<Value, String> {
        let mut all = Vec::new();
        for state in ["pending", "started", "wait_dependencies", "parked"] {
            let jobs = self.stage.ask(&["job", "list", "--state", state, "--limit", "20"])?;
            let rows = jobs["jobs"].as_array().cloned().unwrap_or_default();
            all.extend(
                rows.into_iter()
                    .map(|job| json!({"id": job["id"], "kind": job["kind"], "state": state, "error": job["error"]})),
            );
        }
        Ok(Value::Array(all))
    }
}

/// Every record that was offered is accounted for.
fn accounted(done: &Value) -> Result<(), String> {
    let ended = ["created", "updated", "unchanged", "skipped", "quarantined", "failed"];
    for job in done["jobs"].as_array().into_iter().flatten() {
        let account = &job["result"]["account"];
        let Some(offered) = account["offered"].as_i64() else { continue };
        let counted: i64 = ended.iter().filter_map(|name| account[name].as_i64()).sum();
        if counted != offered {
            return Err(format!("{offered} records were offered, {counted} are accounted for: {account}"));
        }
    }
    Ok(())
}
