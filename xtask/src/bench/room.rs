//! Measurements of rooms by themselves: the program `bench-rooms`, run in rounds.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{machine::Machine, output, sample::Spread, table};

/// One line of the program.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
}

/// Runs the program once.
pub(crate) fn run(command: &mut Command) -> Result<Vec<Told>, String> {
    let text = output(command)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{line:?}: {error}"))).collect()
}

/// What all rounds told of one thing.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) rounds: Vec<f64>,
}

/// The rounds, kept in the order that the program has.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    order: Vec<String>,
    measured: BTreeMap<String, Measured>,
}

impl Rounds {
    pub(crate) fn add(&mut self, round: Vec<Told>) {
        for Told { name, unit, value } in round {
            let known = self.measured.entry(name.clone()).or_insert_with(|| {
                self.order.push(name.clone());
                Measured { name, unit, rounds: Vec::new() }
            });
            known.rounds.push(value);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Measured> {
        self.order.iter().filter_map(|name| self.measured.get(name))
    }

    fn of(&self, name: &str) -> &[f64] {
        self.measured.get(name).map(|measured| measured.rounds.as_slice()).unwrap_or_default()
    }
}

/// A limit: a value itself, or its ratio to another of the same round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limit {
    pub(crate) name: String,
    /// What it is divided by.
    pub(crate) by: Option<String>,
    pub(crate) at_most: f64,
}

/// Prints the rounds and their limits; fails where `check` and a limit is missed.
pub(crate) fn report(
    machine: &Machine,
    rounds: &Rounds,
    limits: &[Limit],
    as_json: bool,
    check: bool,
) -> Result<(), String> {
    let judged: Vec<(&Limit, Option<Spread>, bool)> = limits
        .iter()
        .map(|limit| {
            let values = rounds.of(&limit.name).to_vec();
            let spread = match &limit.by {
                None => Spread::of(values),
                Some(by) => Spread::of(values.iter().zip(rounds.of(by)).map(|(value, by)| value / by)),
            };
            (limit, spread, spread.is_some_and(|spread| spread.median <= limit.at_most))
        })
        .collect();
    if as_json {
        let verdicts: Vec<_> = judged
            .iter()
            .map(|(limit, spread, reached)| json!({ "limit": limit, "measured": spread, "reached": reached }))
            .collect();
        let measured: Vec<&Measured> = rounds.all().collect();
        println!("{}", json!({ "machine": machine, "measured": measured, "limits": verdicts }));
    } else {
        println!("\n{machine}");
        let rows: Vec<Vec<String>> = rounds
            .all()
            .map(|one| vec![one.name.clone(), table::spread(Spread::of(one.rounds.iter().copied())), one.unit.clone()])
            .collect();
        table::print(&["", "least / median / most", ""], &rows);
        let rows: Vec<Vec<String>> = judged
            .iter()
            .map(|(limit, spread, reached)| {
                let name = match &limit.by {
                    None => limit.name.clone(),
                    Some(by) => format!("{}, to {by}", limit.name),
                };
                let verdict = if *reached { "reached" } else { "MISSED" };
                vec![name, table::spread(*spread), table::number(limit.at_most), verdict.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            println!();
            table::print(&["limit", "least / median / most", "at most", ""], &rows);
        }
    }
    let missed = judged.iter().filter(|(_, _, reached)| !reached).count();
    if check && missed > 0 { Err(format!("{missed} of {} limits are not reached", judged.len())) } else { Ok(()) }
}

/// `bench-rooms WHAT FOLDER …`.
pub(crate) fn program(built: &Path, what: &str, folder: &Path) -> Command {
    let mut command = Command::new(built.join("bench-rooms"));
    command.arg(what).arg(folder);
    command
}
