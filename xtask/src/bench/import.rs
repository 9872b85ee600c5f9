//! The import benchmark: the same products into each program's own database, in rounds, so that what the machine does
//! meanwhile meets all alike.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{
    api::Api,
    contender::{Contender, Op},
    folder,
    host::{Host, IN_PROCESS, IN_WORKER},
    machine::Machine,
    peer::{self, DLT, FAUCET_STREAM, FLOOR},
    release,
    sample::{Sample, Spread},
    table,
    target::{self, Measure, Target, Verdict},
};

/// `cargo xtask bench import`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds; the median of their ratios counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Products of about 1.1 KB.
    #[arg(long, default_value_t = 50_000)]
    records: u64,
    /// Leave a program out: `floor`, `dlt`, `faucet`, `in_process` or `worker`.
    #[arg(long, value_name = "PROGRAM")]
    without: Vec<String>,
    /// Fail where an "at least" is missed, or a program that it needs was left out.
    #[arg(long)]
    check: bool,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

const PROGRAMS: [&str; 5] = ["floor", "in_process", "worker", "faucet", "dlt"];

/// What is to be reached in process.
const TARGETS: [Target; 6] = [
    Target { op: FULL, peer: FLOOR, measure: Measure::Wall, at_least: 1.5, aim: Some(2.5) },
    Target { op: FULL, peer: FLOOR, measure: Measure::Cpu, at_least: 1.0, aim: None },
    Target { op: FULL, peer: DLT, measure: Measure::Wall, at_least: 15.0, aim: None },
    Target { op: FULL, peer: FAUCET_STREAM, measure: Measure::Cpu, at_least: 2.0, aim: None },
    Target { op: "nothing changed", peer: FLOOR, measure: Measure::Wall, at_least: 5.0, aim: Some(10.0) },
    Target { op: "1 % changed", peer: FLOOR, measure: Measure::Wall, at_least: 5.0, aim: None },
];
const FULL: &str = "full import";

pub(super) fn run(options: &Options) -> Result<(), String> {
    if let Some(unknown) = options.without.iter().find(|name| !PROGRAMS.contains(&name.as_str())) {
        return Err(format!("there is no program {unknown:?}; there are {}", PROGRAMS.join(", ")));
    }
    let built = release(&["bindery", "bindery-catalogue", "bindery-tests"], &["bindery", "product-api"])?;
    let folder = folder().join("import");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut programs = programs(options, &built, &folder)?;
    let machine = Machine::look(&folder)?;
    if !options.json {
        println!("\n{machine}");
    }
    let api = Api::start(&built.join("product-api"), options.records)?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 0..options.rounds {
        rounds.push(round(number, &mut programs, &api, options)?);
    }
    let ours = |program: &str| TARGETS.iter().map(|target| target::judge(target, program, &rounds)).collect::<Vec<_>>();
    let (in_process, worker) = (ours(IN_PROCESS), ours(IN_WORKER));
    if options.json {
        let samples: Vec<_> = rounds
            .iter()
            .enumerate()
            .map(|(number, samples)| json!({ "round": number + 1, "samples": samples }))
            .collect();
        println!("{}", json!({ "machine": machine, "rounds": samples, "targets": in_process, "worker": worker }));
    } else {
        for op in Op::ALL {
            show(op, &programs, &rounds);
        }
        verdicts("In process", &in_process);
        verdicts("In a worker (for comparison; nothing is promised)", &worker);
    }
    let missed = in_process.iter().filter(|verdict| !verdict.reached).count();
    if options.check && missed > 0 {
        return Err(format!("{missed} of {} limits are not reached", in_process.len()));
    }
    Ok(())
}

fn programs(options: &Options, built: &Path, folder: &Path) -> Result<Vec<Box<dyn Contender>>, String> {
    let wanted = PROGRAMS.iter().filter(|name| !options.without.iter().any(|without| without == *name));
    wanted
        .map(|name| -> Result<Box<dyn Contender>, String> {
            match *name {
                "in_process" => Ok(Box::new(Host::new(IN_PROCESS, built, folder))),
                "worker" => Ok(Box::new(Host::new(IN_WORKER, built, folder))),
                peer => peer::open(peer, folder),
            }
        })
        .collect()
}

/// Every op by every program. Who begins changes from round to round.
fn round(
    number: usize,
    programs: &mut [Box<dyn Contender>],
    api: &Api,
    options: &Options,
) -> Result<Vec<Sample>, String> {
    api.touch(0)?;
    let begins = number % programs.len().max(1);
    programs.rotate_left(begins);
    let mut samples = Vec::new();
    for op in Op::ALL {
        if op == Op::Changed {
            api.touch(api.few())?;
        }
        for program in programs.iter_mut() {
            // Who takes everything has the changes already, so that as many more are made for it.
            let is_ours = op == Op::ChangedByDate && program.name().starts_with("bindery");
            if is_ours {
                api.touch(api.few() * 2)?;
            }
            if let Some(sample) = program.run(op, api)? {
                if !options.json {
                    println!(
                        "round {} {:<25} {:<21} {:>7.3} s {:>7.3} CPU s",
                        number + 1,
                        op.name(),
                        sample.name,
                        sample.wall_s,
                        sample.cpu_s
                    );
                }
                samples.push(sample);
            }
            if is_ours {
                api.touch(api.few())?;
            }
        }
    }
    programs.rotate_right(begins);
    Ok(samples)
}

fn show(op: Op, programs: &[Box<dyn Contender>], rounds: &[Vec<Sample>]) {
    let rows: Vec<Vec<String>> = programs
        .iter()
        .filter_map(|program| {
            let samples: Vec<&Sample> =
                rounds.iter().flatten().filter(|s| s.name == program.name() && s.op == op.name()).collect();
            let spread =
                |of: &dyn Fn(&Sample) -> f64| table::spread(Spread::of(samples.iter().map(|sample| of(sample))));
            let rate = |measure: Measure| match op.looks_at_all() {
                true => spread(&|sample| measure.of(sample)),
                false => "–".to_owned(),
            };
            let peak = samples.iter().map(|sample| sample.rss_mib).max()?;
            Some(vec![
                program.name().to_owned(),
                spread(&|sample| sample.wall_s),
                rate(Measure::Wall),
                spread(&|sample| sample.cpu_s),
                rate(Measure::Cpu),
                peak.to_string(),
            ])
        })
        .collect();
    println!("\n{} (least / median / most)", op.name());
    table::print(&["", "wall s", Measure::Wall.name(), "CPU s", Measure::Cpu.name(), "RSS MiB"], &rows);
}

fn verdicts(title: &str, verdicts: &[Verdict]) {
    let rows: Vec<Vec<String>> = verdicts
        .iter()
        .map(|verdict| {
            vec![
                format!("{}, {}, to {}", verdict.op, verdict.measure.name(), verdict.peer),
                table::spread(verdict.ratio),
                format!("{}×", verdict.at_least),
                verdict.aim.map_or_else(String::new, |aim| format!("{aim}×")),
                match (verdict.ratio, verdict.reached) {
                    (None, _) => "not measured".to_owned(),
                    (_, true) => "reached".to_owned(),
                    (_, false) => "MISSED".to_owned(),
                },
            ]
        })
        .collect();
    println!("\n{title}: ratio of each round (least / median / most)");
    table::print(&["", "ratio", "at least", "aim", ""], &rows);
}
