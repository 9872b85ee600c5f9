//! The gate. What it runs is what continuous integration runs, and nothing else decides whether a change may come in.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    artifact, demo, new_plugin,
    step::{Budget, Steps, cargo, shown, works},
    torture,
};

/// What an edit may wait for, once everything is built.
const QUICK: Duration = Duration::from_secs(60);

/// Runs the gate.
pub(crate) fn run(quick: bool, full: bool) -> Result<(), String> {
    let started = Instant::now();
    let mut steps = Steps::default();
    style(&mut steps);
    steps.run(Budget::Tests, "house rules", || tests(&["-p", "bindery-tidy"], full));
    if quick {
        steps.run(Budget::Tests, "unit tests", || tests(&["--workspace", "--exclude", "bindery-tests", "--lib"], full));
        let took = started.elapsed();
        let over = if took > QUICK { ", OVER" } else { "" };
        println!("\nquick: {:.0} s of {} s{over}", took.as_secs_f64(), QUICK.as_secs());
        return steps.finish();
    }
    if !steps.run(Budget::Build, "artefacts", || artifact::build(&[]).map(drop)) {
        return steps.finish();
    }
    if !steps.run(Budget::Build, "tests are built", || {
        if nextest() {
            shown(&mut cargo(&["nextest", "run", "--workspace", "--no-run"]))
        } else {
            shown(&mut cargo(&["test", "--workspace", "--no-run"]))
        }
    }) {
        return steps.finish();
    }
    steps.run(Budget::Tests, "demo", demo::is_shown_to_its_end);
    steps.run(Budget::Tests, "torture of sync", || torture::short(full));
    steps.run(Budget::Tests, "torture of the queue", || torture::short_queue(full));
    steps.run(Budget::Tests, "tests", || without_tryton(full));
    steps.run(Budget::Tryton, "Tryton", || only_tryton(full));
    steps.run(Budget::Tests, "a new plugin passes its tests", new_plugin::prove);
    steps.run(Budget::Tests, "examples in documentation", || shown(&mut cargo(&["test", "--workspace", "--doc"])));
    steps.run(Budget::Build, "documentation", || {
        shown(cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.finish()
}

/// Formatting and lints. They hold no behaviour: where their tools can't be had, that is said and not hidden.
fn style(steps: &mut Steps) {
    let missing = |name: &str| format!("this toolchain has no {name}; get it with `rustup component add {name}`");
    match component("fmt") {
        true => drop(steps.run(Budget::Build, "formatting", || shown(&mut cargo(&["fmt", "--all", "--check"])))),
        false => steps.skip(Budget::Build, "formatting", &missing("rustfmt")),
    }
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    match component("clippy") {
        true => drop(steps.run(Budget::Build, "lints", || shown(&mut cargo(&lints)))),
        false => steps.skip(Budget::Build, "lints", &missing("clippy")),
    }
}

/// Whether a part of the toolchain is here, after an attempt to get it.
fn component(subcommand: &str) -> bool {
    let here = || works(&mut cargo(&[subcommand, "--version"]));
    let name = if subcommand == "fmt" { "rustfmt" } else { subcommand };
    here() || (works(Command::new("rustup").args(["component", "add", name])) && here())
}

fn nextest() -> bool {
    works(&mut cargo(&["nextest", "--version"]))
}

/// Runs tests chosen by cargo's own arguments.
fn tests(arguments: &[&str], full: bool) -> Result<(), String> {
    let start = if nextest() { &["nextest", "run"][..] } else { &["test"][..] };
    let mut command = cargo(&[start, arguments].concat());
    shown(with_length(&mut command, full))
}

fn without_tryton(full: bool) -> Result<(), String> {
    if nextest() {
        return tests(
            &["--workspace", "--exclude", "bindery-tidy", "-E", "not (binary(it) and test(/^tryton/))"],
            full,
        );
    }
    let mut command = cargo(&[
        "test",
        "--workspace",
        "--exclude",
        "bindery-tidy",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
        "--",
        "--skip",
        "tryton::",
        "--skip",
        "tryton_",
    ]);
    shown(with_length(&mut command, full))
}

fn only_tryton(full: bool) -> Result<(), String> {
    if nextest() {
        // Of the whole workspace, which is built already with these features.
        return tests(&["--workspace", "-E", "binary(it) and test(/^tryton/)"], full);
    }
    tests(&["-p", "bindery-tests", "--test", "it", "tryton", "--", "--test-threads", "1"], full)
}

fn with_length(command: &mut Command, full: bool) -> &mut Command {
    if full { command.env("BINDERY_FULL", "1") } else { command }
}
