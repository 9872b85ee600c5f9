//! Steps of a task: each is a command, timed, and belongs to a budget. A failed step does not hide the next ones.

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::place;

/// What a step's time is counted under, with its budget on two cores from a cold start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Budget {
    Build,
    Tests,
    Tryton,
}

impl Budget {
    fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Tests => "tests",
            Self::Tryton => "Tryton",
        }
    }

    fn minutes(self) -> u64 {
        match self {
            Self::Build => 9,
            Self::Tests => 5,
            Self::Tryton => 3,
        }
    }
}

struct Done {
    name: String,
    budget: Budget,
    took: Duration,
    failure: Option<String>,
    skipped: Option<String>,
}

/// Steps done so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

impl Steps {
    /// Runs a step; whether it went well.
    pub(crate) fn run(&mut self, budget: Budget, name: &str, work: impl FnOnce() -> Result<(), String>) -> bool {
        println!("\n── {name}");
        let started = Instant::now();
        let failure = work().err();
        if let Some(message) = &failure {
            println!("✗ {name}: {message}");
        }
        let went_well = failure.is_none();
        self.done.push(Done { name: name.to_owned(), budget, took: started.elapsed(), failure, skipped: None });
        went_well
    }

    /// Leaves a step out, and says so here and at the end: what was not run is never counted as passed.
    pub(crate) fn skip(&mut self, budget: Budget, name: &str, why: &str) {
        println!("\n── {name}\nSKIPPED: {why}");
        let skipped = Some(why.to_owned());
        self.done.push(Done { name: name.to_owned(), budget, took: Duration::ZERO, failure: None, skipped });
    }

    /// Prints times against budgets; an error names what failed.
    pub(crate) fn finish(self) -> Result<(), String> {
        println!("\n── time");
        let mut spent: BTreeMap<Budget, Duration> = BTreeMap::new();
        for step in &self.done {
            let mark = match (&step.failure, &step.skipped) {
                (Some(_), _) => "✗",
                (None, Some(_)) => "–",
                (None, None) => "✓",
            };
            let note =
                step.skipped.as_deref().map_or_else(|| step.budget.name().to_owned(), |why| format!("SKIPPED: {why}"));
            println!("{mark} {:<34} {:>7.1} s  {note}", step.name, step.took.as_secs_f64());
            *spent.entry(step.budget).or_default() += step.took;
        }
        let all: Duration = spent.values().sum();
        println!("  {:<36} {:>7.1} s", "all", all.as_secs_f64());
        for (budget, took) in spent {
            let over = if took > Duration::from_secs(budget.minutes() * 60) { "  OVER BUDGET" } else { "" };
            println!("  {:<36} {:>7.1} s  of {} min{over}", budget.name(), took.as_secs_f64(), budget.minutes());
        }
        let failed: Vec<String> = self
            .done
            .iter()
            .filter_map(|step| step.failure.as_ref().map(|why| format!("{} ({why})", step.name)))
            .collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

/// `cargo …` in the repository's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place::root());
    // Set by the outer `cargo run`: build scripts that look at one of them would run again, and all that stands on them.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|outer| name.starts_with(outer)) {
            command.env_remove(&variable);
        }
    }
    command
}

/// Runs a command with its output shown.
pub(crate) fn shown(command: &mut Command) -> Result<(), String> {
    let line = described(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| format!("{line}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}

/// Runs a command without a terminal, for so long at most; answers its output. What it started ends with it.
pub(crate) fn bounded(command: &mut Command, limit: Duration) -> Result<String, String> {
    let (line, log) = (described(command), place::target().join("bounded.log"));
    println!("$ {line}");
    let error = |error: std::io::Error| format!("{line}: {error}");
    let file = std::fs::File::create(&log).map_err(error)?;
    command.stdin(Stdio::null()).stdout(file.try_clone().map_err(error)?).stderr(file).process_group(0);
    let mut child = command.spawn().map_err(error)?;
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(error)? {
            break Some(status);
        }
        if Instant::now() > end {
            break None;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if status.is_none() {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = child.wait();
    }
    let said = std::fs::read_to_string(&log).map_err(error)?;
    match status {
        Some(status) if status.success() => Ok(said),
        Some(status) => Err(format!("`{line}` ended with {status}\n{said}")),
        None => Err(format!("`{line}` was not done after {} s\n{said}", limit.as_secs())),
    }
}

/// Whether a command can be run at all; nothing is shown.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn described(command: &Command) -> String {
    let program =
        std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
