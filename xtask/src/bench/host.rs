//! Our own program in a benchmark: the host as operators run it, driven by its command line.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{
    api::Api,
    contender::{Contender, Op},
    output,
    sample::Sample,
};

pub(crate) const IN_PROCESS: &str = "bindery, in process";
pub(crate) const IN_WORKER: &str = "bindery, in a worker";

/// A data directory with the command line on it.
pub(crate) struct Stage {
    bindery: PathBuf,
    folder: PathBuf,
}

impl Stage {
    /// An empty data directory.
    pub(crate) fn fresh(bindery: &Path, folder: &Path) -> Result<Self, String> {
        // Nothing to remove at the first run.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { bindery: bindery.to_owned(), folder: folder.to_owned() })
    }

    /// A data directory that is there already.
    pub(crate) fn over(bindery: &Path, folder: &Path) -> Self {
        Self { bindery: bindery.to_owned(), folder: folder.to_owned() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bindery);
        command.arg("--data").arg(self.data()).args(arguments).current_dir(&self.folder);
        // A key that is made up is kept beside, not in the operator's own configuration.
        command.env("XDG_CONFIG_HOME", self.folder.join("config"));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        output(&mut self.command(arguments))
    }

    /// Starts the host and waits until it is ready.
    pub(crate) fn serve(&self) -> Result<Serving, String> {
        let mut process = self.command(&["serve"]).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("the host has no output")?);
        let mut said = String::new();
        while !said.contains("ready") {
            if lines.read_line(&mut said).map_err(|error| error.to_string())? == 0 {
                return Err(format!("the host did not start\n{said}"));
            }
        }
        let mut log = fs::File::create(self.folder.join("host.log")).map_err(|error| error.to_string())?;
        std::thread::spawn(move || std::io::copy(&mut lines, &mut log));
        Ok(Serving { process })
    }
}

/// A running host; killed when dropped.
pub(crate) struct Serving {
    process: Child,
}

impl Serving {
    /// CPU seconds so far, those of its workers included.
    pub(crate) fn cpu_s(&self) -> f64 {
        // Linux counts in hundredths of a second, whatever the kernel's own tick.
        self.tree().iter().map(|pid| ticks(*pid)).sum::<u64>() as f64 / 100.0
    }

    /// Forgets the largest resident size so far.
    pub(crate) fn reset_peak(&self) {
        for pid in self.tree() {
            // A kernel that does not let us leaves the peak of the whole life, which is larger.
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// Largest resident size since, MiB, those of its workers added.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.tree().iter().map(|pid| status_kib(*pid, "VmHWM:")).sum::<u64>() / 1024
    }

    /// Resident size now, KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        status_kib(self.process.id(), "VmRSS:")
    }

    /// The host and its workers.
    fn tree(&self) -> Vec<u32> {
        let host = self.process.id();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let children =
            all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| parent(*pid) == Some(host));
        std::iter::once(host).chain(children).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Its database is thrown away or was meant to survive this.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The fields of `/proc/PID/stat` after the name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// User and system time of a process and of its children that have ended.
fn ticks(pid: u32) -> u64 {
    let fields = stat(pid).unwrap_or_default();
    fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The host as one of the programs that import.
pub(crate) struct Host {
    name: &'static str,
    bindery: PathBuf,
    plugin: PathBuf,
    folder: PathBuf,
    running: Option<(Stage, Serving)>,
}

impl Host {
    pub(crate) fn new(name: &'static str, release: &Path, folder: &Path) -> Self {
        let place = if name == IN_WORKER { "worker" } else { "in_process" };
        Self {
            name,
            bindery: release.join("bindery"),
            plugin: release.join("libbindery_catalogue.so"),
            folder: folder.join(place),
            running: None,
        }
    }

    /// An empty database with the connector and a backend.
    fn start(&mut self, api: &Api) -> Result<(), String> {
        self.running = None;
        let stage = Stage::fresh(&self.bindery, &self.folder)?;
        let serving = stage.serve()?;
        let isolation = if self.name == IN_WORKER { "worker" } else { "in_process" };
        let plugin = self.plugin.display().to_string();
        stage.ask(&["plugin", "install", &plugin, "--isolation", isolation])?;
        let url = format!("api_url={}", api.base);
        stage.ask(&["backend", "add", "shop", "--type", "catalogue", "--set", &url])?;
        stage.ask(&["backend", "test", "shop"])?;
        self.running = Some((stage, serving));
        Ok(())
    }
}

impl Contender for Host {
    fn name(&self) -> &str {
        self.name
    }

    fn run(&mut self, op: Op, api: &Api) -> Result<Option<Sample>, String> {
        if op == Op::Full {
            self.start(api)?;
        }
        let (stage, serving) = self.running.as_ref().ok_or("the full import comes first")?;
        if !op.looks_at_all() {
            stage.ask(&["backend", "set", "shop", "--set", "incremental=true"])?;
        }
        serving.reset_peak();
        let before = serving.cpu_s();
        let standing = stage.ask(&["sync", "shop", "--wait", "--json"])?;
        let cpu_s = serving.cpu_s() - before;
        let standing: Value = serde_json::from_str(&standing).map_err(|error| error.to_string())?;
        if !op.looks_at_all() {
            stage.ask(&["backend", "set", "shop", "--set", "incremental=false"])?;
        }
        let (records, wall_s) = account(&standing, op, api)?;
        let sample = Sample {
            name: self.name.to_owned(),
            op: op.name().to_owned(),
            records,
            wall_s,
            cpu_s,
            rss_mib: serving.peak_mib(),
        };
        Ok(Some(sample))
    }
}

/// Records and seconds of a sync, from the moment that it was asked for to the commit that ended it. An error where its
/// account is not what the op must come to.
fn account(standing: &Value, op: Op, api: &Api) -> Result<(u64, f64), String> {
    let jobs = standing["jobs"].as_array().ok_or("the host told no jobs")?;
    let time = |job: &Value, field: &str| job[field].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let begun = jobs.iter().filter_map(|job| time(job, "created")).min().ok_or("no job was created")?;
    let ended = jobs.iter().filter_map(|job| time(job, "ended")).max().ok_or("no job has ended")?;
    let wall_s = ended.duration_since(begun).as_secs_f64();
    let count = |name: &str| jobs.iter().filter_map(|job| job["result"]["account"][name].as_u64()).sum::<u64>();
    let (created, updated, unchanged) = (count("created"), count("updated"), count("unchanged"));
    let (all, few) = (api.records, api.few());
    let wanted = match op {
        Op::Full => created == all,
        Op::Unchanged => unchanged == all,
        Op::Changed => updated == few && unchanged == all - few,
        Op::UnchangedByDate => created + updated == 0,
        Op::ChangedByDate => updated == few && created == 0,
    };
    if wanted {
        return Ok((count("offered"), wall_s));
    }
    Err(format!("{}: {created} created, {updated} updated, {unchanged} unchanged of {all} records", op.name()))
}
