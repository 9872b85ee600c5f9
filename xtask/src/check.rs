//! The gate. What it runs is what continuous integration runs, and nothing else decides whether a change may come in.

use std::process::Command;

use crate::{
    artifact, demo, new_plugin,
    step::{Budget, Steps, cargo, shown, works},
};

/// Runs the gate.
pub(crate) fn run(quick: bool, full: bool) -> Result<(), String> {
    let mut steps = Steps::default();
    steps.run(Budget::Build, "formatting", formatting);
    steps.run(Budget::Build, "lints", lints);
    if quick {
        steps.run(Budget::Tests, "house rules", || tests(&["-p", "bindery-tidy"], full));
        steps.run(Budget::Tests, "unit tests", || tests(&["--workspace", "--lib", "--bins"], full));
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
    steps.run(Budget::Tests, "tests", || without_tryton(full));
    steps.run(Budget::Tryton, "Tryton", || only_tryton(full));
    steps.run(Budget::Tests, "a new plugin passes its tests", new_plugin::prove);
    steps.run(Budget::Tests, "examples in documentation", || shown(&mut cargo(&["test", "--workspace", "--doc"])));
    steps.run(Budget::Build, "documentation", || {
        shown(cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.finish()
}

fn formatting() -> Result<(), String> {
    if component("fmt", "rustfmt") { shown(&mut cargo(&["fmt", "--all", "--check"])) } else { Ok(()) }
}

fn lints() -> Result<(), String> {
    if component("clippy", "clippy") {
        shown(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    } else {
        Ok(())
    }
}

/// Whether a part of the toolchain is here, after an attempt to get it.
fn component(subcommand: &str, name: &str) -> bool {
    let here = || works(&mut cargo(&[subcommand, "--version"]));
    if here() {
        return true;
    }
    works(Command::new("rustup").args(["component", "add", name]));
    let found = here();
    if !found {
        println!("SKIPPED: this toolchain has no {name}; install it with `rustup component add {name}`");
    }
    found
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
        return tests(&["--workspace", "-E", "not (binary(it) and test(/^tryton/))"], full);
    }
    let mut command = cargo(&[
        "test",
        "--workspace",
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
        return tests(&["-p", "bindery-tests", "-E", "binary(it) and test(/^tryton/)"], full);
    }
    tests(&["-p", "bindery-tests", "--test", "it", "tryton", "--", "--test-threads", "1"], full)
}

fn with_length(command: &mut Command, full: bool) -> &mut Command {
    if full { command.env("BINDERY_FULL", "1") } else { command }
}
