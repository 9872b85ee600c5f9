//! A PostgreSQL server of a test's own, from the programs of the system: a new cluster in a temporary directory, reached
//! by a socket there and by nothing else. It writes as safely as any other server; nothing of it outlives the test.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// A running server. Dropping it ends it.
pub struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    server: Child,
    databases: AtomicUsize,
}

impl Cluster {
    /// Makes one and starts it.
    ///
    /// # Panics
    /// Where the system has no PostgreSQL and none can be installed, or it does not start.
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("bindery-pg").tempdir().expect("a temporary directory");
        if is_root() {
            // The server refuses to run as root.
            run(Command::new("chown").arg("postgres:").arg(folder.path()));
        }
        // An order of texts that is not bytewise, as most databases have it.
        let sorted = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
        run(as_owner(&programs.join("initdb"))
            .args(["--auth=trust", "--username=bindery"])
            .args(sorted)
            .arg("--pgdata")
            .arg(folder.path().join("data")));
        let server = serve(&programs, folder.path());
        Self { folder, programs, server, databases: AtomicUsize::new(0) }
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("create database {name}"));
        format!("postgres://bindery@/{name}?host={}", self.folder.path().display())
    }

    /// What a statement answers in a database, as text.
    pub fn ask(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--username=bindery"]);
        let answer =
            run(psql.arg("--host").arg(self.folder.path()).args(["--dbname", database, "--command", statement]));
        answer.trim().to_owned()
    }

    /// Ends the server at once, as a crash does, and starts it again over the same files.
    pub fn crash_and_start_again(&mut self) {
        stop(&mut self.server, "QUIT");
        self.server = serve(&self.programs, self.folder.path());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&mut self.server, "INT");
    }
}

fn serve(programs: &Path, folder: &Path) -> Child {
    let mut command = as_owner(&programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args(["-c", "listen_addresses="]);
    command.args(["-c", "lc_messages=C", "-c", "max_connections=50", "-c", "shared_buffers=32MB"]);
    let mut server = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the server can be started");
    let mut said = String::new();
    let mut lines = BufReader::new(server.stderr.take().expect("piped above")).lines().map_while(Result::ok);
    loop {
        let line = lines.next().unwrap_or_else(|| panic!("the server ended instead of starting:\n{said}"));
        if line.contains("ready to accept connections") {
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    // Its log is emptied, or it would stop when the pipe is full.
    std::thread::spawn(move || lines.for_each(drop));
    server
}

fn stop(server: &mut Child, signal: &str) {
    // Both fail only where it has ended before.
    let _ = Command::new("kill").arg(format!("-{signal}")).arg(server.id().to_string()).status();
    let _ = server.wait();
}

/// A program of the server, run by its owner and ended with this process.
fn as_owner(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command
        .arg("--pdeathsig=QUIT")
        .arg("--")
        .arg(program)
        .env_remove("PGDATA")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("the process has a directory").uid() == 0
}

/// Where the newest server's programs are; installed from the system's packages where there are none.
fn programs() -> PathBuf {
    newest().unwrap_or_else(|| {
        run(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "postgresql"]));
        newest().expect("the package brings the programs")
    })
}

fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let numbered = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    let (_, newest) = numbered.filter(|(_, path)| path.join("bin/initdb").exists()).max()?;
    Some(newest.join("bin"))
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
