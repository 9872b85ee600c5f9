//! Where a task plays: a directory of its own, the command line on it, and the host as a program to be killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{demo::show, place};

/// A directory of the task's own, and the command line on it.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    bindery: PathBuf,
}

impl Stage {
    pub(crate) fn fresh(bindery: PathBuf, name: &str) -> Result<Self, String> {
        let folder = place::target().join(name);
        // Nothing to remove at the first run.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        Ok(Self { folder, bindery })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bindery);
        command.args(arguments).current_dir(&self.folder);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BINDERY_")) {
            command.env_remove(name);
        }
        command.env("BINDERY_DATA", self.folder.join("data")).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command
    }

    /// Shows a command and lets it speak.
    pub(crate) fn bindery(&self, arguments: &[&str]) -> Result<(), String> {
        show(&arguments.join(" "));
        let status = self.command(arguments).status().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("`bindery {}` ended with {status}", arguments.join(" "))) }
    }

    /// What a command answers, and nothing shown.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Value, String> {
        let output = self.command(arguments).arg("--json").output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`bindery {}`: {said}{why}", arguments.join(" ")));
        }
        serde_json::from_str(&said).map_err(|error| format!("`bindery {}`: {error}: {said}", arguments.join(" ")))
    }

    /// Runs a command for so long at most, whatever comes of it; then it is killed.
    pub(crate) fn attempt(&self, arguments: &[&str], limit: Duration) -> Result<(), String> {
        let mut command = self.command(arguments);
        command.arg("--json").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let end = Instant::now() + limit;
        while child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if Instant::now() > end {
                // It may just have ended.
                let _ = child.kill();
                return child.wait().map(drop).map_err(|error| error.to_string());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn answer(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts the host, and shows it.
    pub(crate) fn serve(&self) -> Result<Program, String> {
        show("serve &");
        self.start()
    }

    /// Starts the host, and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Program, String> {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("the host has no output")?);
        let mut said = String::new();
        while !said.contains("ready") {
            if lines.read_line(&mut said).map_err(|error| error.to_string())? == 0 {
                return Err(format!("the host did not start\n{said}"));
            }
        }
        let mut log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("host.log"))
            .map_err(|error| error.to_string())?;
        std::thread::spawn(move || std::io::copy(&mut lines, &mut log));
        Ok(Program(child))
    }
}

/// A program that ends with the task.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn kill(mut self) -> Result<(), String> {
        self.0.kill().and_then(|()| self.0.wait()).map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
