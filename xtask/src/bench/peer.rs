//! The peers: plain Python, dlt, faucet-stream. They are installed from their registries into a folder of the benchmark's
//! own, once, with the versions that stand here and in `tests/peers/requirements.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    api::Api,
    contender::{Contender, Op},
    output,
    sample::Sample,
};
use crate::{
    place,
    step::{cargo, shown, works},
};

const FAUCET: &str = "1.17.0";

/// Where peers are installed: `BINDERY_PEERS` names a folder that has them already.
fn cache() -> PathBuf {
    std::env::var_os("BINDERY_PEERS").map_or_else(|| place::target().join("peers"), PathBuf::from)
}

pub(crate) fn script(name: &str) -> PathBuf {
    place::root().join("tests/peers").join(name)
}

/// Python with dlt in it.
fn dlt_python() -> Result<PathBuf, String> {
    let folder = cache().join("venv");
    let python = folder.join("bin/python");
    if works(Command::new(&python).args(["-c", "import dlt, duckdb"])) {
        return Ok(python);
    }
    fs::create_dir_all(cache()).map_err(|error| error.to_string())?;
    shown(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).map_err(|error| {
        format!("{error}; Python 3.11 with venv is needed (Debian: apt-get install python3-venv), or leave out dlt with --without dlt")
    })?;
    let requirements = script("requirements.txt");
    shown(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    Ok(python)
}

/// The faucet-stream program.
fn faucet() -> Result<PathBuf, String> {
    let folder = cache().join(format!("faucet-{FAUCET}"));
    let program = folder.join("bin/faucet");
    if program.is_file() {
        return Ok(program);
    }
    // Its manifest asks for a newer compiler than it needs.
    let package = format!("faucet-cli@{FAUCET}");
    let features = ["--no-default-features", "--features", "source-rest,sink-sqlite", "--ignore-rust-version"];
    let mut install = cargo(&["install", "--locked", "--quiet", "--root"]);
    install.arg(&folder).args(features).arg(package).env("CARGO_TARGET_DIR", cache().join("faucet-target"));
    println!("faucet-stream is built from its crate, which takes some minutes");
    shown(&mut install)?;
    Ok(program)
}

/// A peer by the name that the command line has for it.
pub(crate) fn open(name: &str, folder: &Path) -> Result<Box<dyn Contender>, String> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(match name {
        "floor" => Box::new(Peer { name: FLOOR, command: vec!["python3".into(), script("floor.py")], folder }),
        "dlt" => Box::new(Peer { name: DLT, command: vec![dlt_python()?, script("dlt_products.py")], folder }),
        _ => {
            let command = vec!["python3".into(), script("faucet_products.py"), faucet()?];
            Box::new(Peer { name: FAUCET_STREAM, command, folder })
        }
    })
}

pub(crate) const FLOOR: &str = "plain Python floor";
pub(crate) const DLT: &str = "dlt";
pub(crate) const FAUCET_STREAM: &str = "faucet-stream";

/// A peer with its script, which prints one line about each run.
struct Peer {
    name: &'static str,
    command: Vec<PathBuf>,
    folder: PathBuf,
}

impl Peer {
    /// How the script is told what to fetch; `None` where the peer does not do such a thing in bearable time.
    fn mode(&self, op: Op) -> Option<&'static [&'static str]> {
        match (self.name, op) {
            (FLOOR, Op::Full) => Some(&["--fresh"]),
            (FLOOR, Op::Unchanged | Op::Changed) => Some(&[]),
            (FAUCET_STREAM, Op::Unchanged | Op::Changed) => Some(&["full"]),
            (FAUCET_STREAM | DLT, Op::Full) => Some(&["cursor", "--fresh"]),
            (FAUCET_STREAM | DLT, Op::UnchangedByDate | Op::ChangedByDate) => Some(&["cursor"]),
            _ => None,
        }
    }
}

impl Contender for Peer {
    fn name(&self) -> &str {
        self.name
    }

    fn run(&mut self, op: Op, api: &Api) -> Result<Option<Sample>, String> {
        let Some(mode) = self.mode(op) else { return Ok(None) };
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(&api.base).arg(&self.folder).arg(op.name()).args(mode);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let text = output(&mut command)?;
        let line = text.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
        let mut sample: Sample =
            serde_json::from_str(line).map_err(|error| format!("{} said {text:?}: {error}", self.name))?;
        if op.looks_at_all() && sample.records < api.records {
            return Err(format!("{} took {} of {} records", self.name, sample.records, api.records));
        }
        self.name.clone_into(&mut sample.name);
        Ok(Some(sample))
    }
}
