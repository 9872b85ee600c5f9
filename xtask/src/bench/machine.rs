//! On what was measured: without it a number says nothing.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::output;
use crate::place;

/// The machine, the build and the moment.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    file_system: String,
    /// Appends of 4 KiB that reach the disk in a second, one after the other.
    disk_syncs_per_s: u64,
    /// Work that waited for a core, on average over the last minute.
    load: String,
    commit: String,
    rustc: String,
    date: String,
    command: String,
}

impl Machine {
    /// Looks at the machine, with files in `folder`.
    pub(crate) fn look(folder: &Path) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        let first_line = |command: &mut Command| output(command).unwrap_or_default().trim().to_owned();
        let dirty =
            !first_line(Command::new("git").args(["status", "--porcelain"]).current_dir(place::root())).is_empty();
        let commit = first_line(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(place::root()));
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Ok(Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib.div_ceil(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/mounts"), folder),
            disk_syncs_per_s: disk_syncs(folder)?,
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            commit: if dirty { format!("{commit} with changes") } else { commit },
            rustc: first_line(Command::new("rustc").arg("--version")),
            date: first_line(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
            command: format!("cargo xtask {}", arguments.join(" ")),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}   {}   commit {}", self.command, self.date, self.commit)?;
        writeln!(
            f,
            "{} cores of {}, {} GiB, Linux {}, {}, {} syncs/s of 4 KiB, load {}, {}",
            self.cores,
            self.cpu,
            self.memory_gib,
            self.kernel,
            self.file_system,
            self.disk_syncs_per_s,
            self.load,
            self.rustc
        )
    }
}

/// The kind of file system that a folder is on.
fn file_system(mounts: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let nearest = mounted.filter(|(at, _)| folder.starts_with(at)).max_by_key(|(at, _)| at.len());
    nearest.map(|(_, kind)| kind.to_owned()).unwrap_or_default()
}

fn disk_syncs(folder: &Path) -> Result<u64, String> {
    let path = folder.join("disk-probe");
    let probe = || -> std::io::Result<u64> {
        let mut file = fs::File::create(&path)?;
        let (begun, mut syncs) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_millis(300) {
            file.write_all(&[7; 4096])?;
            file.sync_data()?;
            syncs += 1;
        }
        Ok((f64::from(syncs) / begun.elapsed().as_secs_f64()) as u64)
    };
    let syncs = probe().map_err(|error| format!("{}: {error}", path.display()));
    // It only cost space.
    let _ = fs::remove_file(&path);
    syncs
}
