//! `cargo xtask torture queue`: a mixed load on the queue while its host is killed again and again: enqueue, run, retry,
//! chains, schedules, channels, calling off. What was answered is there, has come to an end, and was done once.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::Value;

use super::luck;
use crate::{
    artifact,
    stage::{Program, Stage},
};

/// `cargo xtask torture queue`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds, each with a kill.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Things that are asked of the host in a round.
    #[arg(long, default_value_t = 8)]
    asks: u32,
    /// Rounds between two looks at everything.
    #[arg(long, default_value_t = 25)]
    every: u32,
    /// What the luck is made of; absent: something new, which is printed.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// So many rounds with luck of their own.
    pub(super) fn of(rounds: u32) -> Self {
        Self { rounds, asks: 8, every: 25, seed: None }
    }
}

/// How long everything may take to come to its end.
const REST: Duration = Duration::from_secs(120);
/// The channel of the load.
const CHANNEL: &str = "root.torture";

/// What was answered.
#[derive(Debug, Default)]
struct Answered {
    /// Jobs that were told to be in the queue.
    jobs: BTreeSet<i64>,
    /// Of these: those that somebody wanted to call off, whatever was answered.
    called_off: BTreeSet<i64>,
    /// Requests that met a killed host.
    refused: u32,
}

/// What is not as it was promised.
#[derive(Debug, Default)]
struct Wrong {
    /// Answered, and not there.
    lost: Vec<i64>,
    /// Done more than once, or done without having been done.
    duplicated: Vec<i64>,
    /// Without an end, or with one that nobody asked for.
    stuck: Vec<String>,
}

impl Wrong {
    fn is_nothing(&self) -> bool {
        self.lost.is_empty() && self.duplicated.is_empty() && self.stuck.is_empty()
    }
}

/// Runs the rounds.
pub(super) fn run(options: &Options) -> Result<(), String> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("torture queue: {} rounds, --seed {seed}", options.rounds);
    let mut random = fastrand::Rng::with_seed(seed);
    let built = artifact::build(&["bindery".to_owned()])?;
    let stage = Stage::fresh(built["bindery"].path.clone(), "torture-queue")?;
    let mut host = Some(stage.start()?);
    stage.ask(&["schedule", "set", "check", "--cron", "* * * * *"])?;
    stage.ask(&["schedule", "set", "prune", "--cron", "* * * * *", "--overlap", "queue_one"])?;
    let (mut answered, mut wrong) = (Answered::default(), Wrong::default());
    for number in 1..=options.rounds {
        let killer = host.as_ref().map(|host| luck::kill_soon(host.0.id(), &mut random));
        for _ in 0..options.asks {
            if !host.as_mut().is_some_and(|host| matches!(host.0.try_wait(), Ok(None))) {
                break;
            }
            ask(&stage, &mut answered, &mut random);
        }
        killer.map(thread::JoinHandle::join).transpose().map_err(|_| "a killer failed")?;
        host.take().map(Program::kill).transpose()?;
        host = Some(stage.start()?);
        if number % options.every.max(1) == 0 || number == options.rounds {
            wrong = look(&stage, &answered)?;
            println!(
                "  round {number}: {} jobs answered, {} called off, {} requests met a killed host{}",
                answered.jobs.len(),
                answered.called_off.len(),
                answered.refused,
                if wrong.is_nothing() { String::new() } else { format!(": {wrong:?}") }
            );
            if !wrong.is_nothing() {
                break;
            }
        }
    }
    let (lost, duplicated, stuck) = (wrong.lost.len(), wrong.duplicated.len(), wrong.stuck.len());
    println!(
        "lost {lost}, duplicated {duplicated}, stuck {stuck}, rounds {}, jobs {}",
        options.rounds,
        answered.jobs.len()
    );
    if wrong.is_nothing() {
        return Ok(());
    }
    Err(format!(
        "the queue broke a promise; --seed {seed} was the luck, {} holds the data and the host's log",
        stage.folder.display()
    ))
}

/// Asks one thing of the host, which may just have been killed.
fn ask(stage: &Stage, answered: &mut Answered, random: &mut fastrand::Rng) {
    let some = |random: &mut fastrand::Rng| {
        let jobs = answered.jobs.len().min(50);
        let back = if jobs == 0 { 0 } else { random.usize(0..jobs) };
        answered.jobs.iter().rev().nth(back).copied().unwrap_or_default()
    };
    let told = match random.u8(0..10) {
        0..=4 => return create(stage, answered, random),
        5 => {
            let id = some(random);
            // It may be called off although the answer never came.
            answered.called_off.insert(id);
            stage.ask(&["job", "cancel", &id.to_string()])
        }
        6 => stage.ask(&["job", "requeue", "--state", "started", "--kind", "test", "--limit", "3"]),
        7 => stage.ask(&["schedule", "run", random.choice(["check", "prune"]).unwrap_or("check")]),
        8 => stage.ask(&["job", "retry", "--state", "pending", "--kind", "test", "--limit", "5"]),
        _ => {
            let (capacity, order) = (random.u8(1..8).to_string(), if random.bool() { "on" } else { "off" });
            stage.ask(&["channel", "set", CHANNEL, "--capacity", &capacity, "--sequential", order])
        }
    };
    if let Err(why) = told {
        // A job that has ended meanwhile can't be called off: that is an answer, too.
        answered.refused += u32::from(!why.contains("queue.wrong_state"));
    }
}

/// Makes jobs that fail now and then, some of them in a chain.
fn create(stage: &Stage, answered: &mut Answered, random: &mut fastrand::Rng) {
    let (size, duration) = (random.u8(1..30).to_string(), random.u8(0..20).to_string());
    let mut arguments = vec!["job", "create-test", "--size", &size, "--duration", &duration, "--failure-rate", "0.2"];
    arguments.extend(["--max-retries", "0"]);
    if random.bool() {
        arguments.extend(["--channel", CHANNEL]);
    }
    if random.u8(0..3) == 0 {
        arguments.push("--chain");
    }
    match stage.ask(&arguments) {
        Ok(made) => {
            // Without a host it was run at once, and what it came to was answered.
            let ran = made["jobs"].as_array().into_iter().flatten().filter_map(|job| job["id"].as_i64());
            answered.jobs.extend(ran);
            if let (Some(first), Some(last)) = (made["first"].as_i64(), made["last"].as_i64()) {
                answered.jobs.extend(first..=last);
            }
        }
        Err(_) => answered.refused += 1,
    }
}

/// Waits for the end of everything, and looks at what it came to.
fn look(stage: &Stage, answered: &Answered) -> Result<Wrong, String> {
    stage.ask(&["channel", "set", CHANNEL, "--capacity", "unlimited", "--sequential", "off"])?;
    let until = Instant::now() + REST;
    loop {
        let jobs = stage.ask(&["status"])?["jobs"].clone();
        let open: i64 = ["waiting", "pending", "running"].iter().filter_map(|state| jobs[*state].as_i64()).sum();
        if open == 0 || Instant::now() > until {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let there = all(stage)?;
    let mut wrong = Wrong::default();
    wrong.lost.extend(answered.jobs.iter().filter(|id| !there.contains_key(id)));
    for (id, job) in &there {
        match job["state"].as_str() {
            Some("done") if job["result"]["effects"] == 1 => {}
            Some("done") => wrong.duplicated.push(*id),
            Some("cancelled") if answered.called_off.contains(id) => {}
            state => wrong.stuck.push(format!("{id} is {state:?}: {}", job["error"])),
        }
    }
    Ok(wrong)
}

/// All test jobs by id.
fn all(stage: &Stage) -> Result<BTreeMap<i64, Value>, String> {
    let mut jobs = BTreeMap::new();
    let mut before = i64::MAX.to_string();
    loop {
        let page = stage.ask(&["job", "list", "--kind", "test", "--limit", "1000", "--before", &before])?;
        let page = page["jobs"].as_array().cloned().unwrap_or_default();
        let Some(last) = page.last().and_then(|job| job["id"].as_i64()) else { return Ok(jobs) };
        before = last.to_string();
        jobs.extend(page.into_iter().filter_map(|job| Some((job["id"].as_i64()?, job))));
    }
}
